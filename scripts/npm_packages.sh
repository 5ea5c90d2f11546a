#!/usr/bin/env bash
# The page's development packages (type checker, browser driver), exactly as package-lock.json names them.
# None of them is shipped. If the lock file has not changed, this does nothing, so a second run needs no network.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh

stamp=node_modules/.installed-from
wanted=$(sha256sum <package-lock.json)
[ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

say "Fetching the page's development packages"
npm ci --no-audit --no-fund --ignore-scripts </dev/null
printf '%s\n' "$wanted" >"$stamp"
