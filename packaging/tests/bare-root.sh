#!/usr/bin/env bash
# Tests packaging/install.sh in a minimal Debian root: installs, starts the server with the unit's
# command line, sends requests, stops, upgrades with existing data, uninstalls.
# packaging/tests/bare-root.sh [EXECUTABLE]. Needs root, and debootstrap the first time.
set -euo pipefail
executable=$(realpath "${1:-$(dirname "$0")/../../target/static/$(uname -m)/satchel}")
cd "$(dirname "$0")/../.."
# shellcheck source=packaging/tests/root.sh
. packaging/tests/root.sh
debian

packed=$root/stick
packaging/pack.sh "$executable" "$packed" >/dev/null
run_install() { chroot "$root" "${shell:-/bin/sh}" /stick/install.sh "$@" >>"$work/log" 2>&1; }

# This folder exists only while systemd runs. Here it is missing, so the script starts no service.
mkdir -p "$root/etc/systemd/system"
run_install
run_install
unit=etc/systemd/system/satchel.service
[ "$(chroot "$root" stat -c '%U:%G %a' /var/lib/satchel)" = 'satchel:satchel 700' ] || fail 'other users can access the data directory'
start_unit $unit
set_up
expect true "$(call /rest/is_alive)"
post /rest/instance/device '{"name": "R 1%", "port": 2222}' >/dev/null
post /rest/migrate/export '{"name": "all", "import_export_types": ["device"]}' >/dev/null
call /rest/migrate/projects/all -o "$work/all.zip"

# An upgrade of a running server: the old executable continues to run, the next start uses the new one.
before=$(stat -c %i "$root/usr/local/bin/satchel")
run_install
[ "$(stat -c %i "$root/usr/local/bin/satchel")" != "$before" ] || fail 'the executable was overwritten instead of replaced'
expect '"port":2222' "$(call '/rest/instance/device/R%201%25')"
post /rest/topology/export '{"name": "book.xls"}' >/dev/null
call /rest/topology/workbooks/book.xls -o "$work/book.xls"
expect '"outcome":' "$(call /rest/topology/import -F "file=@$work/book.xls" -F replace=false)"
stop_server || fail 'the server did not exit with 0'
start_unit $unit
expect '"port":2222' "$(call '/rest/instance/device/R%201%25')"
stop_server || fail 'the server did not exit with 0'

# Commands of root use the data directory of the service, and create no files that belong to root.
chroot "$root" /usr/local/bin/satchel export nightly --quiet >>"$work/log" 2>&1
[ -e "$root/var/lib/satchel/migrations/nightly.zip" ] || fail 'a command of root did not use the data directory of the service'
owner=$(chroot "$root" stat -c %u /var/lib/satchel)
[ -z "$(find "$root/var/lib/satchel" ! -uid "$owner")" ] || fail 'a command of root created files that belong to root'

# A damaged executable is not installed.
printf x >>"$packed/satchel"
before=$(sha256sum <"$root/usr/local/bin/satchel")
! run_install || fail 'a damaged executable was installed'
[ "$(sha256sum <"$root/usr/local/bin/satchel")" = "$before" ] || fail 'a damaged executable was installed'

run_install --uninstall
run_install --uninstall
{ [ ! -e "$root/usr/local/bin/satchel" ] && [ ! -e "$root/$unit" ] && [ -e "$root/var/lib/satchel/key" ]; } || fail '--uninstall kept a file, or removed the data'

# The same with OpenRC and the shell of busybox.
if command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1; then
    cp "$(command -v busybox)" "$root/bin/busybox"
    printf '#!/bin/busybox sh\nexec /bin/busybox sh "$@"\n' >"$root/bin/bbsh"
    chmod +x "$root/bin/bbsh"
    rm -r "$packed" "$root/etc/systemd"
    packaging/pack.sh "$executable" "$packed" >/dev/null
    mkdir -p "$root/etc/init.d" "$root/sbin"
    printf '#!/bin/sh\n' >"$root/sbin/openrc-run"
    chmod +x "$root/sbin/openrc-run"
    shell=/bin/bbsh run_install --prefix /opt/satchel
    chroot "$root" /bin/sh -n /etc/init.d/satchel
    grep -q '^command="/opt/satchel/bin/satchel"' "$root/etc/init.d/satchel" || fail 'the OpenRC script starts another executable'
    shell=/bin/bbsh run_install --prefix /opt/satchel --uninstall
    [ ! -e "$root/etc/init.d/satchel" ] || fail '--uninstall kept the OpenRC script'
fi
echo 'bare-root: installed, used, upgraded while it ran, uninstalled'
