#!/usr/bin/env bash
# The image without an engine: its layout as skopeo reads it where there is one, and its root run in
# a chroot as its user. packaging/tests/oci.sh [EXECUTABLE]
set -euo pipefail
executable=$(realpath "${1:-$(dirname "$0")/../../target/static/$(uname -m)/satchel}")
cd "$(dirname "$0")/../.."
# shellcheck source=packaging/tests/root.sh
. packaging/tests/root.sh

packaging/oci/build-image.py "$executable" "$work/one.tar" >/dev/null
packaging/oci/build-image.py "$executable" "$work/other.tar" >/dev/null
cmp "$work/one.tar" "$work/other.tar" || fail 'the same executable gives two images'
if command -v skopeo >/dev/null; then
    expect '/var/lib/satchel' "$(skopeo inspect --config "oci-archive:$work/one.tar")"
    # Reads every blob and holds it against its digest.
    skopeo copy --quiet --insecure-policy "oci-archive:$work/one.tar" "dir:$work/unpacked"
fi

# What an engine does: the layer is the root, and the user is the number.
mkdir "$work/layout"
tar -xf "$work/one.tar" -C "$work/layout"
layer=$(python3 -c '
import json, pathlib, sys
layout = pathlib.Path(sys.argv[1])
blob = lambda entry: layout / "blobs" / entry["digest"].replace(":", "/")
manifest = json.loads((layout / "index.json").read_text())["manifests"][0]
print(blob(json.loads(blob(manifest).read_text())["layers"][0]))' "$work/layout")
tar -xzf "$layer" -C "$root" --numeric-owner
mkdir "$work/laid"
packaging/oci/rootfs.sh "$work/laid" "$executable"
listing() { (cd "$1" && find . -printf '%p %m %U:%G\n' | grep -v '^\. ' | sort); }
[ "$(listing "$root")" = "$(listing "$work/laid")" ] || fail 'the image and rootfs.sh differ'

# On all addresses it starts only with a password of one's own; the start that is refused says so.
if refused=$(SATCHEL_DATA=/var/lib/satchel chroot --userspec=10001:10001 "$root" /satchel serve --listen 0.0.0.0:0 2>&1); then
    fail 'it listens everywhere with the password of the manual'
fi
expect 'satchel passwd' "$refused"
echo 'Oslo Fjord 9' | SATCHEL_DATA=/var/lib/satchel chroot --userspec=10001:10001 "$root" /satchel passwd admin >>"$work/log"
export SATCHEL_DATA=/var/lib/satchel
login='admin:Oslo Fjord 9'
start_server chroot --userspec=10001:10001 "$root" /satchel serve --demo
expect true "$(call /rest/is_alive)"
post /rest/topology/export '{"name": "book.xlsx"}' >/dev/null
call /rest/topology/workbooks/book.xlsx -o "$work/book.xlsx"
expect '"outcome":' "$(call /rest/topology/import -F "file=@$work/book.xlsx" -F replace=false)"
stop_server || fail 'the server did not end well'
echo 'oci: a valid image, and its root serves as its user'
