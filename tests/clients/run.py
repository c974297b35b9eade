"""Tests a built executable with common clients: run.py [BINARY [PART-OF-A-CHECK'S-NAME]]"""
import os
import pathlib
import sys
import traceback

import ansible_page
import console
import feeds
import inventory
import ldap_logins
import messy
import migrate
import tls
import topology

root = pathlib.Path(__file__).resolve().parents[2]
binary = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else root / "target/release/satchel").resolve()

places = [os.environ.get("SATCHEL_FIXTURES"), root / "../shared/fixtures", root / "../../shared/fixtures"]
fixtures = next((path for path in map(pathlib.Path, filter(None, places)) if path.is_dir()), None)

checks = [*migrate.CHECKS, *inventory.CHECKS, *topology.CHECKS, *messy.CHECKS, *tls.CHECKS, *ansible_page.CHECKS, *feeds.CHECKS]
skipped = 0
if fixtures:
    checks += migrate.CHECKS_OF_FIXTURES + topology.CHECKS_OF_FIXTURES
elif os.environ.get("CI") == "true":
    sys.exit("there are no fixtures, and CI must have them")
else:
    skipped = len(migrate.CHECKS_OF_FIXTURES + topology.CHECKS_OF_FIXTURES)

if console.BROWSER:
    checks += console.CHECKS
elif os.environ.get("CI") == "true":
    sys.exit("Chromium is missing, and CI must have it: apt-get install chromium")
else:
    skipped += len(console.CHECKS)

if ldap_logins.SLAPD:
    checks += ldap_logins.CHECKS
elif os.environ.get("CI") == "true":
    sys.exit("slapd is missing, and CI must have it: apt-get install slapd")
else:
    skipped += len(ldap_logins.CHECKS)

if len(sys.argv) > 2:
    checks = [check for check in checks if sys.argv[2] in check.__name__]

failed = 0
for check in checks:
    try:
        check(binary, root, fixtures)
        print(f"ok      {check.__name__}: {check.__doc__.strip()}", flush=True)
    except Exception:
        failed += 1
        print(f"FAILED  {check.__name__}: {check.__doc__.strip()}", flush=True)
        traceback.print_exc(file=sys.stdout)

print(f"{len(checks) - failed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(1 if failed else 0)
