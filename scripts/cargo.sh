#!/usr/bin/env bash
# Runs cargo from a toolchain that satisfies rust-version: `scripts/cargo.sh build --release`. With CROSS=arm64 in the
# environment it builds and runs for that Debian architecture (cross.toml).
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/scripts/plain_words.sh"
. "$here/scripts/toolchain.sh"

if [ -n "${CROSS:-}" ]; then
    [ "$CROSS" = arm64 ] || die "'$CROSS' is no architecture that can be built for" 'Only arm64 is'
    PATH=$(cd "$here" && toolchain_path "$(rust_target arm64)") ||
        die 'no Rust toolchain was found that can build for arm64' \
            "'scripts/packages.sh cross' installs Debian's own; with rustup: rustup target add $(rust_target arm64)"
    export PATH
    command=$1
    shift
    exec cargo "$command" --config "$here/cross.toml" "$@"
fi
PATH=$(cd "$here" && toolchain_path) ||
    die "no Rust toolchain of version $(cd "$here" && rust_version_needed) or later was found" \
        "On Debian 12 and 13 'make setup' installs Debian's own (package cargo-web); elsewhere see rustup.rs."
export PATH
exec cargo "$@"
