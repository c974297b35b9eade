"""The manual's script over TLS, with the fingerprint that the server prints."""
import hashlib
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


CHECKS = [manual_over_tls]
