#!/usr/bin/env bash
# The listening bench: builds the service and the tools, then measures the sound that a browser really plays.
# It takes the bench's own options (tools/bench.sh --help); docs/develop/bench.md explains the table.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
tools=$root/tools
cargo=$root/scripts/cargo.sh

pushd "$root" >/dev/null && . scripts/with_packages.sh test && popd >/dev/null
"$cargo" build --release --quiet --locked --manifest-path "$tools/Cargo.toml"
bench=${CARGO_TARGET_DIR:-$tools/target}/release/bench

# Builds the service, unless another subject is measured or a binary is given.
case " $* " in
    *' --service'* | *' --help '* | *' -h '* | *' --subject classic '* | *' --subject rig '*) ;;
    *)
        "$cargo" build --release --quiet --locked --manifest-path "$root/Cargo.toml"
        set -- --service "${CARGO_TARGET_DIR:-$root/target}/release/synthwire" "$@"
        ;;
esac
case " $* " in
    *' --out'*) ;;
    *) set -- --out "$tools/out" "$@" ;;
esac
exec "$bench" "$@"
