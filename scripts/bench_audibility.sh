#!/usr/bin/env bash
# `make bench-audibility`: compares what a gap costs by our own measure with two published measures of sound quality, Zimtohrli and
# ViSQOL, on the committed excerpts (docs/design/audibility.md). They come from PyPI, into a folder under target.
#
# scripts/bench_audibility.sh [PLACES] of gaps in each excerpt; 30 take a quarter of an hour.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh

places=${1:-30}
[[ $places =~ ^[0-9]+$ ]] || die "'$places' is no number of places"
. scripts/with_packages.sh audibility
folder=${CARGO_TARGET_DIR:-target}/audibility
measures=$folder/venv
mkdir -p "$folder"
[ -x "$measures/bin/python" ] || python3 -m venv "$measures"
"$measures/bin/pip" install --quiet --disable-pip-version-check zimtohrli==0.2.1.post1 visqol-python==3.8.0 'scipy<2' 'numpy<3' ||
    die 'The measures could not be installed. They need a Python that PyPI has a build of zimtohrli for.'
node benches/js/audibility.mjs "$folder" "$places"
"$measures/bin/python" scripts/bench_audibility.py "$folder"
rm "$folder"/pairs.*
