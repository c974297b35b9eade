#!/usr/bin/env bash
# Builds the static executable: packaging/build-static.sh [TARGET]
#
# Without TARGET it builds for this machine. It uses the libraries that `cargo build --release` has
# compiled, and links only the last crate again. With TARGET (aarch64-unknown-linux-gnu) it builds for
# that target; packaging/README.md lists the requirements.
#
# Prints the path, the size in bytes and the SHA-256. Fails if the result is not one static,
# position-independent, stripped file under the size limit, without paths of this machine.
set -euo pipefail
cd "$(dirname "$0")/.."

# The maximum size of the executable: it must fit into an appliance's flash and download over a slow
# line. packaging/README.md describes how it stays below.
executable_bytes_max=20000000

target=${1:-}
machine=$(uname -m)
out=target/release/satchel
arguments=(--locked --release --bin satchel)
if [ -n "$target" ]; then
    arguments+=(--target "$target")
    machine=${target%%-*}
    out=target/$target/release/satchel
fi
static=target/static/$machine/satchel

# shellcheck source=packaging/release-flags.sh
. packaging/release-flags.sh

# The flags are for the last crate only: crt-static would break the procedural macros.
flags=(-C target-feature=+crt-static)
# Rust links x86_64 with its own lld, which merges functions with the same code. Packed relocations
# take one bit each instead of 24 bytes; glibc 2.36 and later can read them.
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2 || true)
if [ "$machine" = x86_64 ]; then
    flags+=(-C 'link-arg=-Wl,--icf=all')
    if [ "$(printf '%s\n' 2.36 "${glibc:-0}" | sort -V | head -n 1)" = 2.36 ]; then
        flags+=(-C 'link-arg=-Wl,-z,pack-relative-relocs')
    fi
fi
cargo rustc "${arguments[@]}" -- "${flags[@]}" >&2
# A later `cargo build --release` overwrites the file in target/release.
mkdir -p "$(dirname "$static")"
cp "$out" "$static"

fail() {
    echo "build-static: $static $*" >&2
    exit 1
}

headers=$(readelf --wide --file-header --program-headers --dynamic --section-headers "$static")
# Rust links static executables as position-independent on x86_64, but not on aarch64.
if [ "$machine" = x86_64 ]; then
    grep -q 'Type: *DYN (Position-Independent' <<<"$headers" || fail 'is not position-independent'
fi
! grep -q 'INTERP' <<<"$headers" || fail 'needs an ELF interpreter, so it is not static'
! grep -q '(NEEDED)' <<<"$headers" || fail 'needs a shared library, so it is not static'
! grep -q '\.symtab' <<<"$headers" || fail 'is not stripped'
for path in "$(pwd -P)/" "${CARGO_HOME:-$HOME/.cargo}/" "$(rustc --print sysroot)/"; do
    ! LC_ALL=C grep -qaF -- "$path" "$static" || fail "contains the path $path of this machine"
done
bytes=$(stat --format %s "$static")
if [ "$bytes" -gt "$executable_bytes_max" ]; then
    readelf --wide --section-headers "$static" >&2
    fail "has $bytes bytes, $((bytes - executable_bytes_max)) more than the limit; its largest sections are listed above; \`cargo bloat --release --crates\` lists the sizes of the crates"
fi

echo "$static"
echo "$bytes bytes of $executable_bytes_max"
(cd "$(dirname "$static")" && sha256sum satchel | tee satchel.sha256)
