# Sourced by test.sh: runs one test runner at a time, under a time limit, and adds up the results.

logs=target/test-logs
rows=()      # one line per stage for the report
skips=()     # every skipped test, by name
passed=0 failed=0 skipped=0
mkdir -p "$logs"

# run_logged STAGE SECONDS COMMAND...: shows and keeps the output; returns the command's status, or 124 after a timeout.
run_logged() {
    local stage=$1 seconds=$2
    shift 2
    say "$stage: $*"
    set +e
    timeout --kill-after=10 "$seconds" "$@" </dev/null 2>&1 | tee "$logs/$stage.log"
    local status=${PIPESTATUS[0]}
    set -e
    [ "$status" -ne 124 ] && [ "$status" -ne 137 ] || warn "$stage did not end within $seconds s and was stopped"
    return "$status"
}

# add_up STAGE STATUS SECONDS PASSED FAILED SKIPPED: a runner that fails without naming a failed test, or that ran
# no test at all, is itself one failure.
add_up() {
    local stage=$1 status=$2 seconds=$3 stage_passed=$4 stage_failed=$5 stage_skipped=$6 note=
    if [ "$status" -ne 0 ] && [ "$stage_failed" -eq 0 ]; then
        stage_failed=1 note='the runner itself failed'
    elif [ "$((stage_passed + stage_failed))" -eq 0 ]; then
        stage_failed=1 note='no test ran'
    fi
    passed=$((passed + stage_passed)) failed=$((failed + stage_failed)) skipped=$((skipped + stage_skipped))
    rows+=("$(printf '%-8s %5d passed %4d failed %4d skipped %5d s  %s' \
        "$stage" "$stage_passed" "$stage_failed" "$stage_skipped" "$seconds" "$note")")
}

# cargo_tests STAGE SECONDS [CARGO ARGUMENT...]
cargo_tests() {
    local stage=$1 seconds=$2 began=$SECONDS status=0
    shift 2
    run_logged "$stage" "$seconds" scripts/cargo.sh test --locked --no-fail-fast "$@" || status=$?
    # "test result: ok. 12 passed; 0 failed; 1 ignored; ..." once per test binary and for the doc tests.
    read -r -a counts < <(awk '/^test result:/ { for (i = 2; i <= NF; i++) {
        if ($i == "passed;") p += $(i-1); if ($i == "failed;") f += $(i-1); if ($i == "ignored;") s += $(i-1) } }
        END { print p + 0, f + 0, s + 0 }' "$logs/$stage.log")
    mapfile -t -O "${#skips[@]}" skips < <(sed -n "s/^test \(.* \.\.\. ignored.*\)/$stage: \1/p" "$logs/$stage.log")
    add_up "$stage" "$status" "$((SECONDS - began))" "${counts[@]}"
}

# node_tests STAGE SECONDS FOLDER: every *.test.js in it, one file at a time (they share one sound server and one clock).
node_tests() {
    local stage=$1 seconds=$2 folder=$3 began=$SECONDS status=0
    local -a files=()
    mapfile -t files < <(find "$folder" -name '*.test.js' -not -path '*/node_modules/*' 2>/dev/null | sort)
    : >"$logs/$stage.tap"
    if [ ${#files[@]} -gt 0 ]; then
        run_logged "$stage" "$seconds" node --test --test-concurrency=1 \
            --test-reporter=spec --test-reporter-destination=stdout \
            --test-reporter=tap --test-reporter-destination="$logs/$stage.tap" "${files[@]}" || status=$?
    else
        warn "$stage: there is no $folder/*.test.js"
    fi
    read -r -a counts < <(awk '$1 == "#" { if ($2 == "pass") p = $3; if ($2 == "fail" || $2 == "cancelled") f += $3
        if ($2 == "skipped" || $2 == "todo") s += $3 } END { print p + 0, f + 0, s + 0 }' "$logs/$stage.tap")
    mapfile -t -O "${#skips[@]}" skips < <(sed -n "s/^ *ok [0-9]* - \(.*# \(SKIP\|TODO\).*\)/$stage: \1/p" "$logs/$stage.tap")
    add_up "$stage" "$status" "$((SECONDS - began))" "${counts[@]}"
}

# vm_tests STAGE SECONDS CYCLES: the checks of tools/vm.sh, as the guest prints them.
vm_tests() {
    local stage=$1 seconds=$2 cycles=$3 began=$SECONDS status=0
    run_logged "$stage" "$seconds" tools/vm.sh "$cycles" || status=$?
    add_up "$stage" "$status" "$((SECONDS - began))" \
        "$(grep -c '^ok ' "$logs/$stage.log")" "$(grep -c '^not ok ' "$logs/$stage.log")" 0
}

# typecheck SECONDS: the type checker has no tests to count; it passes or fails as one.
typecheck() {
    local began=$SECONDS status=0
    run_logged types "$1" npm run --silent types || status=$?
    if [ "$status" -eq 0 ]; then
        add_up types 0 "$((SECONDS - began))" 1 0 0
    else
        add_up types "$status" "$((SECONDS - began))" 0 1 0
    fi
}

# The table, every skipped test by name, and the one line that counts. Returns 1 when anything failed.
tally_report() {
    printf '\n'
    printf '%s\n' "${rows[@]}"
    [ ${#skips[@]} -eq 0 ] || printf 'SKIPPED %s\n' "${skips[@]}"
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ]
}
