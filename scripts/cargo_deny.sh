#!/usr/bin/env bash
# Builds cargo-deny once, beside the user's other cargo commands. Debian does not package it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh

version=0.20.2
. scripts/with_packages.sh run
scripts/cargo.sh deny --version >/dev/null 2>&1 && exit 0
say "Building cargo-deny $version, once (some minutes)"
# Leave out the default features: the tool downloads no advisories here, so it needs neither git nor TLS.
exec scripts/cargo.sh install --locked --quiet --no-default-features --version "$version" \
    --target-dir target/cargo-deny cargo-deny
