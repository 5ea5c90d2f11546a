#!/usr/bin/env bash
# `make test-reproducible`: builds the last commit twice, in folders with different names, and compares every byte.
# scripts/test_reproducible.sh [arm64|amd64]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh

arch=${1:-arm64}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
unset CARGO_TARGET_DIR

for folder in "$work/one" "$work/another/with-a-longer-name"; do
    mkdir -p "$folder"
    git archive HEAD | tar -x -C "$folder"
    "$folder/scripts/deb.sh" "$arch"
done
cmp "$work"/one/target/debian/*.deb "$work"/another/with-a-longer-name/target/debian/*.deb ||
    die 'two builds of the same sources differ'
say "Twice the same: $(sha256sum "$work"/one/target/debian/*.deb | cut -d' ' -f1)"
