#!/usr/bin/env bash
# Builds and runs the fuzz targets: tests/fuzz/run.sh SECONDS [TARGET...]
#
# Each target begins with the inputs in seeds/TARGET and keeps new ones in corpus/TARGET. An input
# that makes a target fail is kept in artifacts/TARGET, and the script fails.
set -euo pipefail
cd "$(dirname "$0")"
seconds=$1
shift
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(yaml bundle json literals frames)

# The library has next to no unsafe code, so a sanitizer would only make the targets slower. The
# longest input, in bytes: longer ones take time and find the same.
input_bytes_max=65536
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target"
    echo "fuzzing $target for $seconds s"
    # Memory in MiB and seconds for one input: more is a fault.
    cargo +nightly fuzz run --fuzz-dir . --sanitizer none "$target" "corpus/$target" "seeds/$target" -- \
        -max_total_time="$seconds" -max_len="$input_bytes_max" -rss_limit_mb=2048 -timeout=20 \
        -print_final_stats=1 -verbosity=0 2>&1 | tee "corpus/$target.log" |
        grep -E '^(stat::|==|SUMMARY|thread|.*panicked|artifact|Done)' || true
    ! grep -qE 'SUMMARY: libFuzzer|panicked at' "corpus/$target.log" || exit 1
    grep -q 'stat::number_of_executed_units' "corpus/$target.log" || { tail -n 20 "corpus/$target.log" >&2; exit 1; }
done
