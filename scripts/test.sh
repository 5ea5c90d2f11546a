#!/usr/bin/env bash
# `make test`: set up, then every test of the repository. One last line counts them all: "N passed, N failed, N skipped".
#
# scripts/test.sh [STAGE...] runs only the stages named: rust tools scripts types web browser (and, each on its own, vm, listening, engines, pictures and cross).
# A stage that dies, hangs or has no tests counts as one failure; the others still run. Logs: target/test-logs/.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh
. scripts/tally.sh

stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=(rust tools scripts types web browser)

run_stage() {
    case $1 in
        rust) cargo_tests rust 1500 ;;
        tools) cargo_tests tools 600 --manifest-path tools/Cargo.toml ;;
        # Test the scripts themselves, because many of their faults would appear only on other machines.
        scripts) node_tests scripts 120 tests/scripts ;;
        types) typecheck 120 ;;
        web) node_tests web 600 tests/web ;;
        browser) node_tests browser 900 tests/browser ;;
        # Separate, because it takes two minutes on a quiet machine and seven on a busy one. `make test-vm` unplugs the instrument a hundred times.
        vm) vm_tests vm 1500 10 ;;
        # Bit-exactness over half a minute and more; needs an otherwise idle machine.
        listening) node_tests listening 900 tests/listening ;;
        # Tests the arm64 code in an emulator of one process, without the tests that start the program or count
        # allocations of the C library, which such an emulator cannot run.
        cross) CROSS=arm64 ALSA_CONFIG_PATH=$PWD/tests/no_card.conf cargo_tests cross 3000 --lib --bins \
            --test architecture --test recovery --test wire_vectors ;;
        engines) node_tests engines 600 tests/engines ;;
        # Takes the documents' pictures of the page, on an otherwise idle machine.
        pictures) node_tests pictures 600 tests/pictures ;;
        *) die "unknown stage '$1'" 'One of: rust tools scripts types web browser vm listening engines pictures cross' ;;
    esac
}

case " ${stages[*]} " in
    *' engines '*) . scripts/with_packages.sh browsers ;;
    ' cross ') . scripts/with_packages.sh cross ;;
    *) . scripts/with_packages.sh test ;;
esac
case " ${stages[*]} " in
    *' types '* | *' web '* | *' browser '* | *' listening '* | *' engines '* | *' pictures '*) scripts/npm_packages.sh ;;
esac
case " ${stages[*]} " in
    # These stages test the shipped service.
    *' browser '* | *' vm '* | *' listening '* | *' engines '* | *' pictures '*) say 'Building the service' && scripts/cargo.sh build --release --locked ;;
esac

for stage in "${stages[@]}"; do run_stage "$stage"; done
tally_report
