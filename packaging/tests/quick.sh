#!/usr/bin/env bash
# What needs no executable: scripts, the unit, the notices. packaging/tests/quick.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

# The most that `systemd-analyze security` may give the unit, in tenths; systemd 252 gives 1.2.
exposure_tenths_max=12

shellcheck -x packaging/*.sh packaging/*/*.sh packaging/debian/p* packaging/openrc/satchel .ci/run
for script in packaging/install.sh packaging/openrc/satchel packaging/debian/p*; do
    dash -n "$script"
done
packaging/notices.py --check

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# It is held against a system where what it starts is there.
sed -e 's|^ExecStart=/usr/bin/satchel|ExecStart=/bin/true|' -e '/^Documentation=/d' packaging/systemd/satchel.service >"$folder/satchel.service"
said=$(systemd-analyze verify "$folder/satchel.service" 2>&1 | grep satchel.service || true)
[ -z "$said" ] || { echo "$said" >&2; exit 1; }
systemd-analyze security --offline=true --threshold=$exposure_tenths_max "$folder/satchel.service" >"$folder/score" || { cat "$folder/score" >&2; exit 1; }
tail -n 1 "$folder/score"
