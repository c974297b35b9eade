"""Logins with the passwords of OpenLDAP's slapd, over StartTLS and LDAPS with an authority of its own."""
import concurrent.futures
import contextlib
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import requests

from satchel import server

SLAPD = shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
ADMIN = ("admin", "admin")
EVA = ("eva", "eva's long password")
OLE = ("ole", "ole's long password")
NIL = ("nil", "nil's long password")
SERVICE_PASSWORD = "the password of the service"

CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {folder}/pid
argsfile {folder}/args
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
# Only encrypted logins, and searches only after a login.
security simple_bind=128
disallow bind_anon
database mdb
suffix "dc=example,dc=net"
rootdn "cn=root,dc=example,dc=net"
directory {folder}/database
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
overlay memberof
"""

# An entry with the odd name shows that names are escaped in both places.
DATA = """
dn: dc=example,dc=net
objectClass: domain
dc: example

dn: ou=people,dc=example,dc=net
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=net
objectClass: organizationalUnit
ou: groups

dn: ou=elsewhere,dc=example,dc=net
objectClass: organizationalUnit
ou: elsewhere

dn: cn=satchel,dc=example,dc=net
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: satchel
userPassword: {service}

dn: uid=eva,ou=people,dc=example,dc=net
objectClass: inetOrgPerson
uid: eva
cn: Eva
sn: Berg
userPassword: {eva}
memberOf: cn=netops,ou=groups,dc=example,dc=net

dn: uid=ole,ou=people,dc=example,dc=net
objectClass: inetOrgPerson
uid: ole
cn: Ole
sn: Dahl
userPassword: {ole}
memberOf: cn=netadmins,ou=groups,dc=example,dc=net

dn: uid=nil,ou=people,dc=example,dc=net
objectClass: inetOrgPerson
uid: nil
cn: Nil
sn: Falk
userPassword: {nil}
memberOf: cn=netadmins,ou=elsewhere,dc=example,dc=net

dn: cn=netops,ou=groups,dc=example,dc=net
objectClass: groupOfNames
cn: netops
member: uid=eva,ou=people,dc=example,dc=net

dn: cn=netadmins,ou=groups,dc=example,dc=net
objectClass: groupOfNames
cn: netadmins
member: uid=ole,ou=people,dc=example,dc=net

dn: cn=netadmins,ou=elsewhere,dc=example,dc=net
objectClass: groupOfNames
cn: netadmins
member: uid=nil,ou=people,dc=example,dc=net
"""


class Directory:
    """A running slapd."""

    def __init__(self, folder, process, port, tls_port):
        self.folder, self.process, self.port, self.tls_port = folder, process, port, tls_port

    @property
    def ca(self):
        return str(self.folder / "ca.pem")

    def log(self):
        return (self.folder / "log").read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_certificates(folder):
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    openssl(folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Authority",
            "-addext", "basicConstraints=critical,CA:TRUE")
    openssl(folder, "req", *key[:-2], "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=slapd")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2",
            "-CAcreateserial", "-out", "server.pem", "-extfile", "names")


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def directory():
    """Runs slapd with a database of its own, on free ports of 127.0.0.1."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_certificates(folder)
        (folder / "database").mkdir()
        (folder / "slapd.conf").write_text(CONFIGURATION.format(folder=folder))
        passwords = {"service": SERVICE_PASSWORD, "eva": EVA[1], "ole": OLE[1], "nil": NIL[1]}
        (folder / "data.ldif").write_text(DATA.format(**passwords).lstrip())
        (folder / "service.password").write_text(SERVICE_PASSWORD + "\n")
        added = subprocess.run([SLAPD, "-T", "add", "-f", folder / "slapd.conf", "-l", folder / "data.ldif"],
                               capture_output=True, text=True)
        assert added.returncode == 0, added.stderr
        port, tls_port = free_ports(2)
        with open(folder / "log", "w") as log:
            process = subprocess.Popen(
                [SLAPD, "-d", "256", "-f", folder / "slapd.conf",
                 "-h", f"ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}"],
                stdout=log, stderr=log,
            )
            try:
                end = time.monotonic() + 30
                while not (is_open(port) and is_open(tls_port)):
                    assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text()
                    time.sleep(0.05)
                yield Directory(folder, process, port, tls_port)
            finally:
                process.kill()
                process.wait()


def status(url, login, path="/rest/count", **more):
    return requests.get(url + path, auth=login, timeout=60, **more).status_code


def undo(url, login):
    """Asks what an undo would change, which only administrators can."""
    return requests.post(url + "/rest/undo?dry_run=true", auth=login, timeout=60).status_code


GROUPS = "netops: operators; netadmins: administrators"


def direct(there):
    """The settings of a login with a template, over StartTLS."""
    return ["--ldap-url", f"ldap://127.0.0.1:{there.port}", "--ldap-starttls", "--ldap-ca", there.ca,
            "--ldap-user-dn", "uid={user},ou=people,dc=example,dc=net",
            "--ldap-group-base", "ou=groups,dc=example,dc=net", "--ldap-groups", GROUPS]


def searched(there, **changed):
    """The settings of a login with a service account, over LDAPS."""
    ca = changed.get("ca", there.ca)
    return ["--ldap-url", f"ldaps://127.0.0.1:{there.tls_port}", "--ldap-ca", ca,
            "--ldap-bind-dn", "cn=satchel,dc=example,dc=net",
            "--ldap-password-file", str(there.folder / "service.password"),
            "--ldap-base", "dc=example,dc=net", "--ldap-filter", "(&(objectClass=inetOrgPerson)(uid={user}))",
            "--ldap-group-attribute", "none", "--ldap-group-base", "ou=groups,dc=example,dc=net",
            "--ldap-group-filter", "(&(objectClass=groupOfNames)(member={dn}))", "--ldap-groups", GROUPS]


def check_logins(here, there):
    """The checks that hold for both ways to find a user."""
    assert status(here.url, EVA) == 200
    assert status(here.url, EVA, "/rest/migrate/projects") == 200, "operators can list projects"
    assert undo(here.url, EVA) == 403, "operators are no administrators"
    assert undo(here.url, OLE) == 200, "administrators can do everything"
    user = requests.get(here.url + "/rest/instance/user/eva", auth=ADMIN, timeout=60).json()
    assert user["authentication"] == "ldap" and user["groups"] == ["operators"], user
    # The group of the same name elsewhere does not count.
    assert status(here.url, NIL) == 401
    wrong = [("eva", "wrong"), ("eva", ""), ("nobody", EVA[1]), ("Eva", EVA[1]), ("*", EVA[1]),
             ("eva)(uid=*", EVA[1]), ("eva,ou=people", EVA[1]), ("e*", EVA[1]), ("", EVA[1])]
    for login in wrong:
        assert status(here.url, login) == 401, login
    users = requests.get(here.url + "/rest/query/user", auth=ADMIN, timeout=60).json()
    assert sorted(user["name"] for user in users) == ["admin", "eva", "ole"], users
    assert "uid=admin" not in there.log(), "a local user is not asked for"


def starttls_with_a_template(binary, *_):
    """slapd checks passwords over StartTLS; groups come from memberOf."""
    with directory() as there, server(binary, "--rights", "groups", *direct(there)) as here:
        check_logins(here, there)
        # Forty requests at once need no further login at slapd: answers are remembered.
        for login, expected in [(OLE, 200), (NIL, 401)]:
            before = there.log().count(" BIND ")
            with concurrent.futures.ThreadPoolExecutor(40) as pool:
                answers = list(pool.map(lambda _: status(here.url, login), range(40)))
            assert set(answers) == {expected}, answers
            assert there.log().count(" BIND ") == before, there.log()


def ldaps_with_a_service_account(binary, *_):
    """slapd checks passwords over LDAPS; a service account finds users and groups."""
    with directory() as there:
        with server(binary, "--rights", "groups", *searched(there)) as here:
            check_logins(here, there)
            there.stop()
            assert status(here.url, EVA) == 200, "a remembered password works without slapd"
            assert status(here.url, ("eva", "another")) == 503
            assert status(here.url, ADMIN) == 200, "the local administrator is the way in"


def an_untrusted_ldap_server_gets_no_password(binary, *_):
    """A password is not sent to a server whose certificate is of another authority."""
    with directory() as there, tempfile.TemporaryDirectory() as name:
        other = pathlib.Path(name)
        make_certificates(other)
        with server(binary, *searched(there, ca=str(other / "ca.pem"))) as here:
            assert status(here.url, EVA) == 503
            assert status(here.url, ADMIN) == 200
        assert "BIND" not in there.log(), there.log()


CHECKS = [starttls_with_a_template, ldaps_with_a_service_account, an_untrusted_ldap_server_gets_no_password]
