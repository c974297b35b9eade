#!/usr/bin/env bash
# Checks that need no executable: scripts, the unit, the notices, the alerting rules. packaging/tests/quick.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

# The highest score of `systemd-analyze security` that the unit is allowed to have, in tenths. It has
# 1.2 in systemd 252.
exposure_tenths_max=12

shellcheck -x packaging/*.sh packaging/*/*.sh packaging/debian/p* packaging/openrc/satchel .ci/run tests/fuzz/run.sh
for script in packaging/install.sh packaging/openrc/satchel packaging/debian/p*; do
    dash -n "$script"
done
packaging/notices.py --check

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# systemd-analyze checks that the executable of the unit exists.
sed -e 's|^ExecStart=/usr/bin/satchel|ExecStart=/bin/true|' -e '/^Documentation=/d' packaging/systemd/satchel.service >"$folder/satchel.service"
said=$(systemd-analyze verify "$folder/satchel.service" 2>&1 | grep satchel.service || true)
[ -z "$said" ] || { echo "$said" >&2; exit 1; }
systemd-analyze security --offline=true --threshold=$exposure_tenths_max "$folder/satchel.service" >"$folder/score" || { cat "$folder/score" >&2; exit 1; }
tail -n 1 "$folder/score"

# The installed settings contain the data directory of the service once. A script replaces the
# executable that prints the defaults.
cat >"$folder/satchel" <<'PRINTS'
#!/bin/sh
printf '# a comment\n\ndata = "data"  # the default\nlisten = "127.0.0.1:8080"  # the default\nname = "host"\n'
PRINTS
chmod +x "$folder/satchel"
packaging/default-settings.sh "$folder/satchel" >"$folder/satchel.toml"
directory=/var/lib/satchel
if [ "$(grep -c '^data = ' "$folder/satchel.toml")" != 1 ] ||
    ! grep -qx "data = \"$directory\"" "$folder/satchel.toml"; then
    echo "the settings do not set data = \"$directory\"" >&2
    exit 1
fi
grep -q '^#listen = ' "$folder/satchel.toml" || { echo 'the settings do not contain the defaults' >&2; exit 1; }
if grep -q '^#data\|name = ' "$folder/satchel.toml"; then
    echo 'the settings contain unexpected lines' >&2
    exit 1
fi
grep -q "^ExecStart=.* --data $directory\$" packaging/systemd/satchel.service
grep -q "^command_args=.* --data $directory\"\$" packaging/openrc/satchel
grep -qx "data=$directory" packaging/install.sh
grep -qx "data=$directory" packaging/debian/postinst

# A dynamic executable would not start on another machine.
dynamic=$(command -v bash)
if said=$(packaging/build-deb.sh "$dynamic" 2>&1) || ! grep -q "$(realpath "$dynamic") is not static" <<<"$said"; then
    echo "build-deb.sh does not refuse $dynamic, which is not static: $said" >&2
    exit 1
fi

# The alerting rules, on invented metrics.
promtool check rules packaging/examples/prometheus-alerts.yml
promtool test rules packaging/tests/prometheus-alerts.yml
