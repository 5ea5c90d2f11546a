#!/usr/bin/env bash
# `make fuzz`: runs each target of fuzz/ for MINUTES (10), or only TARGET. Starts from fuzz/seeds and the inputs of earlier runs.
# scripts/fuzz.sh [TARGET] [MINUTES]
#
# Uses libFuzzer with the same compiler as everything else: LLVM's own pass counts the branches taken, and a stable compiler
# has it, too. There is no AddressSanitizer, which needs a nightly compiler. The code is safe Rust, which panics instead.
# New inputs are kept in target/fuzz/corpus. Inputs that crash are in target/fuzz/crashes; copy them to fuzz/seeds.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh

targets=($(sed -n 's/^name = "\(.*\)"/\1/p' fuzz/Cargo.toml | tail -n +2))
minutes=${2:-10}
[[ $minutes =~ ^[1-9][0-9]*$ ]] || die "'$minutes' is no number of minutes"
if [ -n "${1:-}" ]; then
    case " ${targets[*]} " in *" $1 "*) targets=("$1") ;; *) die "'$1' is no target" "One of: ${targets[*]}" ;; esac
fi

. scripts/with_packages.sh fuzz
host=$(scripts/cargo.sh --version --verbose | sed -n 's/^host: //p')
home=${CARGO_TARGET_DIR:-target}/fuzz
flags='--cfg fuzzing -Cdebug-assertions -Coverflow-checks -Cpasses=sancov-module'
for argument in level=4 inline-8bit-counters pc-table trace-compares; do flags+=" -Cllvm-args=-sanitizer-coverage-$argument"; done
mkdir -p "$home"
# Use a wrapper instead of RUSTFLAGS, because programs that run during the build, or that a build script links, have no libFuzzer.
cat >"$home/rustc" <<EOF
#!/bin/sh
case " \$* " in
    *' --target '*) exec "\$@" $flags ;;
    *) exec "\$@" ;;
esac
EOF
chmod +x "$home/rustc"
say 'Building the targets (some minutes, once)'
RUSTC_WRAPPER=$(realpath "$home/rustc") scripts/cargo.sh build --release --quiet --locked --manifest-path fuzz/Cargo.toml --target "$host" \
    --target-dir "$home/build"

failed=0
for target in "${targets[@]}"; do
    mkdir -p "$home/corpus/$target" "$home/crashes/$target"
    say "$target, for $minutes minutes; log: $home/$target.log"
    # More than 20 s or 2 GiB for one input is a fault: the service's own limits are far below.
    if "$home/build/$host/release/$target" "$home/corpus/$target" "fuzz/seeds/$target" -max_total_time=$((60 * minutes)) -timeout=20 \
        -rss_limit_mb=2048 -max_len=20000 -print_final_stats=1 -artifact_prefix="$home/crashes/$target/" >"$home/$target.log" 2>&1 </dev/null; then
        say "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$home/$target.log") inputs, none crashed"
    else
        failed=$((failed + 1))
        tail -n 30 "$home/$target.log" >&2
        warn "$target failed; the input is in $home/crashes/$target"
    fi
done
printf '%d passed, %d failed\n' "$((${#targets[@]} - failed))" "$failed"
[ "$failed" -eq 0 ]
