#!/usr/bin/env bash
# Tests the image without a container engine: checks its layout, with skopeo if it is installed, and
# runs its content in a chroot as its user. packaging/tests/oci.sh [EXECUTABLE]
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
    # Reads every blob and compares it with its digest.
    skopeo copy --quiet --insecure-policy "oci-archive:$work/one.tar" "dir:$work/unpacked"
fi

# Like a container engine: the layer is the root, and the user is a number.
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

export SATCHEL_DATA=/var/lib/satchel SATCHEL_SETUP_LINK=true
start_server chroot --userspec=10001:10001 "$root" /satchel serve --demo
# A new inventory has no default password.
set_up
expect true "$(call /rest/is_alive)"
post /rest/topology/export '{"name": "book.xlsx"}' >/dev/null
call /rest/topology/workbooks/book.xlsx -o "$work/book.xlsx"
expect '"outcome":' "$(call /rest/topology/import -F "file=@$work/book.xlsx" -F replace=false)"
stop_server || fail 'the server did not exit with 0'
echo 'oci: the image is valid, and its server runs as its user'
