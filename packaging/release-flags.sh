# shellcheck shell=bash
# Sourced by whatever makes a release build, from the root of the project: flags under which no
# path of this machine gets into the executable, so that two machines make the same one.
#
# The plain release build of .ci/run takes them too: with other flags cargo would compile every
# dependency a second time.

satchel_root=$(pwd -P)
cargo_home=$(cd "${CARGO_HOME:-$HOME/.cargo}" && pwd -P)
sysroot=$(rustc --print sysroot)

# Of several prefixes that fit, the last one counts.
remapped=(
    "$HOME=/home"
    "$satchel_root=/satchel"
    "$cargo_home=/cargo"
    "$sysroot=/rust"
    "$sysroot/lib/rustlib/src/rust=/rustc"
)

# Rust: its flags are parted by the byte 0x1f, so that a path may hold a space.
CARGO_ENCODED_RUSTFLAGS=
for prefix in "${remapped[@]}"; do
    CARGO_ENCODED_RUSTFLAGS+="${CARGO_ENCODED_RUSTFLAGS:+$'\x1f'}--remap-path-prefix=$prefix"
done
export CARGO_ENCODED_RUSTFLAGS

# C, for the allocator and the TLS library.
export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$satchel_root=/satchel"

# What would name the time of the build names that of the commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

unset satchel_root cargo_home sysroot remapped prefix
