#!/usr/bin/env bash
# Tests the Debian package in a minimal Debian root: installs, starts, upgrades with existing data,
# removes, purges. packaging/tests/deb.sh [EXECUTABLE]. Needs root, and debootstrap the first time.
set -euo pipefail
executable=$(realpath "${1:-$(dirname "$0")/../../target/static/$(uname -m)/satchel}")
cd "$(dirname "$0")/../.."
# shellcheck source=packaging/tests/root.sh
. packaging/tests/root.sh
unit=lib/systemd/system/satchel.service
debian

install_version() {
    local package
    package=$(DEB_VERSION=$1 packaging/build-deb.sh "$executable")
    mv "$package" "$root/satchel.deb"
    chroot "$root" env DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold -i /satchel.deb >>"$work/log" 2>&1
}

install_version 0.0.1
[ "$(stat -c '%U:%G %a' "$root/etc/satchel.toml")" = 'root:root 644' ] || fail 'the settings cannot be read by the server'
[ "$(chroot "$root" stat -c '%U:%G %a' /var/lib/satchel)" = 'satchel:satchel 700' ] || fail 'other users can access the data directory'
start_unit $unit
set_up
post /rest/instance/device '{"name": "é>b", "port": 2222}' >/dev/null
stop_server || fail 'the server did not exit with 0'
# Commands of root use the data directory of the service, and create no files that belong to root.
chroot "$root" satchel export nightly --quiet >>"$work/log" 2>&1
[ -e "$root/var/lib/satchel/migrations/nightly.zip" ] || fail 'a command of root did not use the data directory of the service'
[ -z "$(chroot "$root" find /var/lib/satchel ! -user satchel)" ] || fail 'a command of root created files that belong to root'
printf '\n# of the site\n' >>"$root/etc/satchel.toml"

install_version 0.0.2
# shellcheck disable=SC2016
expect 0.0.2 "$(chroot "$root" dpkg-query -W -f '${Version}' satchel)"
grep -q '# of the site' "$root/etc/satchel.toml" || fail 'the settings of the site were lost'
start_unit $unit
expect '"port":2222' "$(call '/rest/instance/device/%C3%A9%3Eb')"
stop_server || fail 'the server did not exit with 0'

chroot "$root" dpkg -r satchel >>"$work/log" 2>&1
{ [ ! -e "$root/usr/bin/satchel" ] && [ -e "$root/etc/satchel.toml" ]; } || fail 'removal kept the executable or removed the settings'
said=$(chroot "$root" dpkg -P satchel 2>&1)
expect 'the inventory was kept in /var/lib/satchel' "$said"
{ [ ! -e "$root/etc/satchel.toml" ] && [ -e "$root/var/lib/satchel/key" ]; } || fail 'purging kept the settings or removed the inventory'
# shellcheck disable=SC2016
left=$(chroot "$root" dpkg-query -W -f '${Status}' satchel 2>/dev/null || true)
[ -z "$left" ] || fail "dpkg still knows the package: $left"

install_version 0.0.3
start_unit $unit
expect '"port":2222' "$(call '/rest/instance/device/%C3%A9%3Eb')"
stop_server || fail 'the server did not exit with 0'
echo 'deb: installed, upgraded, removed, purged, and installed again over its data'
