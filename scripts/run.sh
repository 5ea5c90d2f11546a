#!/usr/bin/env bash
# `make run`: set up, build, start the service with the demo instrument. Arguments go to `synthwire serve`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh

. scripts/with_packages.sh run
say 'Building (the first time takes a few minutes)'
scripts/cargo.sh build --release --locked
say 'Starting; Ctrl-C stops it. It says below which address to open.'
# The demo plays until a synth is found; a source named by hand is played instead of both.
case " $* " in *' --source'* | *' --demo '*) ;; *) set -- --demo "$@" ;; esac
if [ -n "${LISTEN:-}" ]; then set -- --listen "$LISTEN" "$@"; fi
exec "${CARGO_TARGET_DIR:-target}/release/synthwire" serve "$@"
