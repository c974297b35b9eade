#!/usr/bin/env bash
# Builds the Debian package: packaging/build-deb.sh [EXECUTABLE]
#
# EXECUTABLE is the one that packaging/build-static.sh built, which is the default. DEB_VERSION is the
# version of the package; the default is that of Cargo.toml. Prints the path of the package.
#
# An executable that is not static is refused: it would need the libraries of the machine that built
# it, and the package declares no dependencies.
set -euo pipefail
executable=$(realpath "${1:-$(dirname "$0")/../target/static/$(uname -m)/satchel}")
cd "$(dirname "$0")/.."

version=${DEB_VERSION:-$(sed -n 's/^version = "\(.*\)"$/\1/p;T;q' Cargo.toml)}
case $(readelf -h "$executable" | sed -n 's/^ *Machine: *//p') in
*X86-64*) architecture=amd64 ;;
AArch64) architecture=arm64 ;;
*) echo "build-deb: $executable has an unsupported architecture" >&2; exit 1 ;;
esac
headers=$(readelf --wide --program-headers --dynamic "$executable")
if grep -q 'INTERP\|(NEEDED)' <<<"$headers"; then
    echo "build-deb: $executable is not static: build it with packaging/build-static.sh" >&2
    exit 1
fi
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
umask 022
put() { install -D -m "$1" "$2" "$folder/$3"; }

put 0755 "$executable" usr/bin/satchel
put 0644 packaging/systemd/satchel.service lib/systemd/system/satchel.service
# Files that the executable generates. For another architecture this needs qemu-user with binfmt.
"$executable" man --output "$folder/usr/share/man/man1" >/dev/null
gzip -9n "$folder"/usr/share/man/man1/*
mkdir -p "$folder"/usr/share/{bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d}
"$executable" completions bash >"$folder/usr/share/bash-completion/completions/satchel"
"$executable" completions zsh >"$folder/usr/share/zsh/vendor-completions/_satchel"
"$executable" completions fish >"$folder/usr/share/fish/vendor_completions.d/satchel.fish"
packaging/default-settings.sh "$executable" >"$folder/satchel.toml"
put 0644 "$folder/satchel.toml" etc/satchel.toml
rm "$folder/satchel.toml"

documents=usr/share/doc/satchel
put 0644 assets/licenses/third-party.txt $documents/third-party.txt
printf 'satchel (%s) unstable; urgency=medium\n\n  * Built from the source of that version.\n\n -- The Satchel project <satchel@satchel.internal>  %s\n' \
    "$version" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" >"$folder/$documents/changelog"
gzip -9n "$folder/$documents/third-party.txt" "$folder/$documents/changelog"
license=$(sed -e 's/^$/./' -e 's/^/ /' LICENSE)
while IFS= read -r line; do
    [ "$line" != @LICENSE@ ] && printf '%s\n' "$line" || printf '%s\n' "$license"
done <packaging/debian/copyright.in >"$folder/$documents/copyright"

installed=$(du -sk --apparent-size "$folder" | cut -f1)
mkdir "$folder/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@INSTALLED_KIB@/$installed/" \
    packaging/debian/control.in >"$folder/DEBIAN/control"
echo /etc/satchel.toml >"$folder/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    put 0755 "packaging/debian/$script" "DEBIAN/$script"
done
(cd "$folder" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$folder/DEBIAN/md5sums"

mkdir -p target/deb
package=target/deb/satchel_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$folder" "$package" >/dev/null
echo "$package"
