#!/usr/bin/env bash
# Measures the cost of many listeners: builds the service and the tool, then runs them. It takes the tool's own options
# (tools/fanout.sh --help).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
tools=$root/tools
cargo=$root/scripts/cargo.sh

pushd "$root" >/dev/null && . scripts/with_packages.sh run && popd >/dev/null
"$cargo" build --release --quiet --locked --manifest-path "$tools/Cargo.toml" --package fanout
"$cargo" build --release --quiet --locked --manifest-path "$root/Cargo.toml"
exec "${CARGO_TARGET_DIR:-$tools/target}/release/fanout" --service "${CARGO_TARGET_DIR:-$root/target}/release/synthwire" \
    --out "$tools/out/fanout" "$@"
