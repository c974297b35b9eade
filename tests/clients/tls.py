"""TLS with the fingerprint that the server prints: the manual's script, and curl over HTTP/2."""
import hashlib
import json
import os
import ssl
import subprocess
import urllib.parse

import requests
from requests.adapters import HTTPAdapter

from migrate import body, compare, documents
from satchel import server


class PinnedAdapter(HTTPAdapter):
    """Accepts exactly the certificate with this SHA-256, for whatever name."""

    def __init__(self, fingerprint):
        self.fingerprint = fingerprint.replace(":", "")
        super().__init__()

    def init_poolmanager(self, *arguments, **options):
        options["assert_fingerprint"] = self.fingerprint
        super().init_poolmanager(*arguments, **options)


def pinned(url, fingerprint):
    session = requests.Session()
    session.auth = ("admin", "admin")
    session.trust_env = False
    # The fingerprint is checked instead of the authority.
    session.verify = False
    session.mount(url, PinnedAdapter(fingerprint))
    return session


def printed_fingerprint(binary, data):
    command = [binary, "fingerprint", "--data", data]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def manual_over_tls(binary, root, _):
    """The script of the manual over TLS, and a session that accepts the printed fingerprint only."""
    requests.packages.urllib3.disable_warnings()
    script = (root / "tests/clients/manual_script.py").read_text()
    with server(binary, listen="https://127.0.0.1:0") as here:
        assert here.url.startswith("https://"), here.url
        fingerprint = printed_fingerprint(binary, here.data)
        session = pinned(here.url, fingerprint)
        assert session.get(f"{here.url}/rest/is_alive").status_code == 200
        wrong = fingerprint[:-2] + ("00" if fingerprint[-2:] != "00" else "11")
        try:
            pinned(here.url, wrong).get(f"{here.url}/rest/is_alive")
            raise AssertionError("another fingerprint was accepted")
        except requests.exceptions.SSLError:
            pass

        # The script knows no fingerprints: it gets the certificate, after it was compared.
        address = urllib.parse.urlsplit(here.url)
        certificate = ssl.get_server_certificate((address.hostname, address.port))
        shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()
        assert shown.upper() == fingerprint.replace(":", "").upper(), (shown, fingerprint)
        authority = here.data.parent / "certificate.pem"
        authority.write_text(certificate)
        here.put_folder(root / "assets/demo", "Backup")
        os.environ["REQUESTS_CA_BUNDLE"] = str(authority)
        try:
            exec(compile(script.replace("yourIP", here.url), "manual_script.py", "exec"), {})
        finally:
            del os.environ["REQUESTS_CA_BUNDLE"]
        session.post(f"{here.url}/rest/migrate/export", json=body("out")).raise_for_status()
        bundle = session.get(f"{here.url}/rest/migrate/projects/out").content
        assert compare(root / "assets/demo", documents(bundle)) == []


def curl_over_http2(binary, root, _):
    """curl speaks HTTP/2 with the certificate of the server, and accepts no other certificate."""
    with server(binary, listen="https://127.0.0.1:0") as here, server(binary, listen="https://127.0.0.1:0") as other:
        files = {}
        for name, target in {"here": here, "other": other}.items():
            address = urllib.parse.urlsplit(target.url)
            certificate = ssl.get_server_certificate((address.hostname, address.port))
            shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()
            assert shown.upper() == printed_fingerprint(binary, target.data).replace(":", "").upper(), shown
            files[name] = here.data.parent / f"{name}.pem"
            files[name].write_text(certificate)

        def curl(authority, *arguments):
            command = ["curl", "--silent", "--show-error", "--http2", "--noproxy", "*", "--cacert", authority,
                       "--user", "admin:admin", "--write-out", "\n%{http_version} %{http_code}", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            return done.returncode, done.stdout.rpartition("\n")

        device = '{"name": "edge <1> é", "ip_address": "192.0.2.1"}'
        sent = curl(files["here"], "--json", device, f"{here.url}/rest/instance/device")
        assert (sent[0], sent[1][2]) == (0, "2 200"), sent
        read = curl(files["here"], f"{here.url}/rest/instance/device/edge%20%3C1%3E%20%C3%A9")
        assert (read[0], read[1][2]) == (0, "2 200"), read
        assert json.loads(read[1][0])["ip_address"] == "192.0.2.1", read
        # Exit code 60: the certificate is not signed by a known authority.
        refused = curl(files["other"], f"{here.url}/rest/is_alive")
        assert refused[0] == 60, refused


CHECKS = [manual_over_tls, curl_over_http2]
