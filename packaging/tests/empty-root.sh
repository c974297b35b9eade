#!/usr/bin/env bash
# Tests the static executable in a root that contains nothing else: no library, no /proc, no /dev, no
# /tmp, no user. packaging/tests/empty-root.sh [EXECUTABLE]
set -euo pipefail
executable=$(realpath "${1:-$(dirname "$0")/../../target/static/$(uname -m)/satchel}")
cd "$(dirname "$0")/../.."
# shellcheck source=packaging/tests/root.sh
. packaging/tests/root.sh

cp "$executable" "$root/satchel"
start_server chroot "$root" /satchel serve --demo --data /data

expect true "$(call /rest/is_alive)"
types='["user", "group", "device", "link", "service", "network", "task", "credential", "pool"]'
expect '"records":' "$(post /rest/migrate/export "{\"name\": \"all\", \"import_export_types\": $types}")"
expect ' 0 created, 0 updated' "$(post /rest/migrate/import "{\"name\": \"all\", \"import_export_types\": $types}")"
expect '"outcome":"imported"' "$(post /rest/migrate/import "{\"name\": \"all\", \"import_export_types\": [\"device\", \"link\"], \"empty_database_before_import\": true}")"

# The executable starts itself as a child process to decode a workbook, here without /proc.
for name in book.xls book.xlsx; do
    expect '"sheet":"device"' "$(post /rest/topology/export "{\"name\": \"$name\"}")"
    call "/rest/topology/workbooks/$name" -o "$work/$name"
    expect '"outcome":' "$(call /rest/topology/import -F "file=@$work/$name" -F replace=false)"
done
expect '"port":2222' "$(post /rest/instance/device '{"name": "R 1%", "port": 2222}' >/dev/null && call '/rest/instance/device/R%201%25')"
stop_server || fail 'the server did not exit with 0'

# Acknowledged changes exist after a restart. The documentation needs no file but the executable.
start_server chroot "$root" /satchel serve --data /data
expect '"port":2222' "$(call '/rest/instance/device/R%201%25')"
expect '"openapi"' "$(call /rest/openapi.json)"
expect '<html' "$(call /docs/)"
stop_server || fail 'the server did not exit with 0'
[ "$(cd "$root" && echo ./*)" = './data ./satchel' ] || fail "files were created outside of the data directory: $(ls -a "$root")"
echo "empty-root: served, exported, imported, and decoded workbooks"
