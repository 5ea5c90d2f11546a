#!/usr/bin/env bash
# `make check`: formatting, lints, types, dependencies. No tests. Names every check that could not run;
# with EVERY_CHECK=1 such a check has failed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh

. scripts/with_packages.sh check
scripts/npm_packages.sh
failures=()
not_run=()

# check NAME COMMAND...
check() {
    local name=$1
    shift
    say "$name"
    "$@" </dev/null || failures+=("$name")
}

# have_cargo_command NAME REMEDY: whether the toolchain has this command; if not, notes it and warns.
have_cargo_command() {
    scripts/cargo.sh "$1" --version >/dev/null 2>&1 && return 0
    warn "NOT CHECKED: this toolchain has no 'cargo $1'. $2"
    not_run+=("cargo $1")
    return 1
}

shell_scripts() {
    local file status=0
    while read -r file; do bash -n "$file" || status=1; done < <(find scripts .ci tools packaging tests/hostile tests/systemd tests/update image/update -maxdepth 1 -type f \
        \( -name '*.sh' -o -name run -o -path 'packaging/p*' -o -name proof \))
    return "$status"
}

# Shows the largest files, the most imported ones, and circles, so that growth is visible. `make test` enforces the law.
shape() {
    scripts/cargo.sh test --quiet --locked --test architecture -- --nocapture most_files_of_src_are_short |
        sed '/^$/d; /^running/d; /^test /d'
    node scripts/shape.mjs
}

fuzz_lock_file() { scripts/cargo.sh metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null; }

if have_cargo_command fmt 'With rustup: rustup component add rustfmt'; then
    check 'formatting' scripts/cargo.sh fmt --check
    check 'formatting of fuzz/' scripts/cargo.sh fmt --check --manifest-path fuzz/Cargo.toml
    check 'formatting of tools/' scripts/cargo.sh fmt --check --all --manifest-path tools/Cargo.toml
fi
if have_cargo_command clippy 'With rustup: rustup component add clippy'; then
    check 'lints' scripts/cargo.sh clippy --locked --all-targets -- -D warnings
    check 'lints of tools/' scripts/cargo.sh clippy --locked --workspace --all-targets --manifest-path tools/Cargo.toml -- -D warnings
fi
if have_cargo_command deny 'To add it (some minutes of building): make deny'; then
    # Uses only the lock files, without a network. `make audit` checks advisories.
    check 'licences, bans and sources of dependencies' scripts/cargo.sh deny --all-features check bans licenses sources
    check 'the same of tools/' scripts/cargo.sh deny --config deny.toml --manifest-path tools/Cargo.toml --all-features \
        check bans licenses sources
fi
check 'lock file of fuzz/, which nothing else builds' fuzz_lock_file
check 'shape of the code' shape
check 'types of the page' npm run --silent types
check 'shell scripts' shell_scripts

if [ ${#not_run[@]} -gt 0 ]; then
    [ -z "${EVERY_CHECK:-}" ] || failures+=("not run: ${not_run[*]}")
    warn "NOT CHECKED: ${not_run[*]}"
fi
[ ${#failures[@]} -eq 0 ] || die "these checks failed:" "${failures[@]}"
say 'All checks that ran passed'
