#!/usr/bin/env bash
# `make audit`: known vulnerabilities of all dependencies, and yanked releases.
#
# The advisories come from RustSec. ADVISORY_DB=FOLDER names a copy of the repository RustSec/advisory-db. Without it,
# cargo-audit downloads them. Without a network, only the registry's index is checked. The script names everything it
# could not check; with EVERY_CHECK=1 that counts as a failure. `make check` needs no network and does not run this.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh
. scripts/with_packages.sh audit

# Debian does not package cargo-audit. We leave out its default features, which examine binaries.
version=0.22.2
tool=target/cargo-audit/bin/cargo-audit
if ! "$tool" --version 2>/dev/null | grep -q " $version\$"; then
    say "Building cargo-audit $version, once (some minutes)"
    scripts/cargo.sh install --locked --quiet --no-default-features --version "$version" --root target/cargo-audit \
        --target-dir target/cargo-audit/build cargo-audit
fi
failures=()
not_judged=()
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

# find_advisories: sets $database to the folder of advisories.
find_advisories() {
    database=${ADVISORY_DB:-}
    if [ -n "$database" ]; then
        [ -d "$database/crates" ] || die "ADVISORY_DB=$database has no folder 'crates'" 'It names a copy of the repository RustSec/advisory-db'
        return
    fi
    database=target/advisory-db
    say 'Fetching the advisories of RustSec'
    "$tool" audit --db "$database" --no-yanked --file Cargo.lock >"$log/fetch" 2>&1 || true
    grep -q "couldn't fetch" "$log/fetch" || return 0
    sed -n 's/^ *-> //p' "$log/fetch" >&2
    not_judged+=('advisories about crates')
    if [ -d "$database/crates" ]; then
        warn 'NOT JUDGED: newer advisories than the last that were fetched'
    else
        warn 'NOT JUDGED: the advisories could not be fetched (above). With a copy of them: make audit ADVISORY_DB=FOLDER'
        database=$log/none
        mkdir -p "$database/crates"
    fi
}

# crates FOLDER: checks its lock file. Unmaintained or unsound crates are reported; vulnerable or yanked ones fail.
crates() {
    say "crates of $1/Cargo.lock"
    # The dry run changes nothing, but makes cargo refresh the index of each crate, which the next line reads.
    scripts/cargo.sh update --quiet --dry-run --manifest-path "$1/Cargo.toml" >"$log/index" 2>&1 || {
        tail -n 3 "$log/index" >&2
        warn "NOT JUDGED: whether a release was taken back since this machine last asked the index"
        not_judged+=("yanked crates of $1")
    }
    "$tool" audit --db "$database" --no-fetch --deny yanked --file "$1/Cargo.lock" || failures+=("crates of $1")
}

# packages: the page's development packages; none is shipped.
packages() {
    say 'packages of package-lock.json'
    npm audit --json --package-lock-only >"$log/npm.json" 2>/dev/null || true
    case $(node -p 'const { vulnerabilities } = JSON.parse(require("fs").readFileSync(0)); vulnerabilities ? Object.keys(vulnerabilities).join() : "unknown"' \
        <"$log/npm.json" 2>/dev/null || echo unknown) in
        '') say 'none of them is known to be vulnerable' ;;
        unknown)
            warn 'NOT JUDGED: the npm registry here does not answer what is known about packages'
            not_judged+=('advisories about npm packages')
            ;;
        *)
            npm audit --package-lock-only || true
            failures+=('packages')
            ;;
    esac
}

find_advisories
for folder in . tools fuzz; do crates "$folder"; done
packages

if [ ${#not_judged[@]} -gt 0 ]; then
    warn 'NOT JUDGED:' "$(printf '%s; ' "${not_judged[@]}")"
    [ -z "${EVERY_CHECK:-}" ] || failures+=("not judged: ${not_judged[*]}")
fi
[ ${#failures[@]} -eq 0 ] || die 'found:' "${failures[@]}"
say 'Nothing was found by what could be asked'
