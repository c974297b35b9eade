#!/bin/sh
# Creates a folder with the content of the image: packaging/oci/rootfs.sh FOLDER [EXECUTABLE]
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
folder=$1
executable=${2:-$here/target/static/$(uname -m)/satchel}
rm -rf "$folder/satchel"
mkdir -p "$folder/var/lib/satchel"
chmod 0755 "$folder" "$folder/var" "$folder/var/lib"
chmod 0700 "$folder/var/lib/satchel"
install -m 0755 "$executable" "$folder/satchel"
# Without root, `chown` is not possible: COPY --chown or build-image.py sets the owner.
[ "$(id -u)" != 0 ] || chown 10001:10001 "$folder/var/lib/satchel"
