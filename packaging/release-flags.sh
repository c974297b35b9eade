# shellcheck shell=bash
# Sourced by the scripts that make a release build, in the root of the project. Sets flags that keep
# paths of this machine out of the executable, so that two machines build the same file.
#
# The plain release build of .ci/run uses them too: with other flags cargo would compile every
# dependency a second time.

satchel_root=$(pwd -P)
cargo_home=$(cd "${CARGO_HOME:-$HOME/.cargo}" && pwd -P)
sysroot=$(rustc --print sysroot)

# If several prefixes match, the last one is used.
remapped=(
    "$HOME=/home"
    "$satchel_root=/satchel"
    "$cargo_home=/cargo"
    "$sysroot=/rust"
    "$sysroot/lib/rustlib/src/rust=/rustc"
)

# Rust: flags are separated by the byte 0x1f, so a path can contain spaces.
CARGO_ENCODED_RUSTFLAGS=
for prefix in "${remapped[@]}"; do
    CARGO_ENCODED_RUSTFLAGS+="${CARGO_ENCODED_RUSTFLAGS:+$'\x1f'}--remap-path-prefix=$prefix"
done
export CARGO_ENCODED_RUSTFLAGS

# C, for the allocator and the TLS library.
export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$satchel_root=/satchel"

# Build times are replaced by the commit time.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

unset satchel_root cargo_home sysroot remapped prefix
