#!/usr/bin/env bash
# cargo, from the toolchain that meets rust-version: `scripts/cargo.sh build --release`.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/scripts/plain_words.sh"
. "$here/scripts/toolchain.sh"

PATH=$(cd "$here" && toolchain_path) ||
    die "no Rust toolchain of version $(cd "$here" && rust_version_needed) or later was found" \
        "On Debian 12 and 13 'make setup' installs Debian's own (package cargo-web); elsewhere see rustup.rs."
export PATH
exec cargo "$@"
