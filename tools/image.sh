#!/usr/bin/env bash
# `make test-image` (as root): boots the SD card's image in an emulated machine, with its disk unmodified; connects the
# virtual MONTAGE; cuts the power during writes.
#
# tools/image.sh [STAGE...]: papers | boot | threads | count | settings | damage | updates | pi3 | cuts, all by default. CUTS is
# the number of power cuts (20). IMAGE names an existing image, with the other files of image/build.sh beside it; without IMAGE,
# that script builds one. docs/develop/image.md lists what these stages prove.
#
# qemu does not run a Pi's firmware. Kernel, initramfs and command line are extracted from the image's boot partition and
# passed to it. For `boot`, `threads` and `count` a second archive after the initramfs adds the test program (tools/image/overlay). For the
# others nothing is added, and the checks run only from outside.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh

stages=${*:-papers boot threads count settings damage updates pi3 cuts}
cuts=${CUTS:-20}
[[ $cuts =~ ^[1-9][0-9]*$ ]] || die "'$cuts' is no number of power cuts"
. scripts/with_packages.sh image-test
scripts/npm_packages.sh
if [ -z "${IMAGE:-}" ]; then
    image/build.sh
    IMAGE=$(ls -t "${CARGO_TARGET_DIR:-target}"/image/synthwire-*.img | head -n 1)
fi
work=target/test-image
logs=target/test-logs
mkdir -p "$work" "$logs"
# The time limit until the machine is ready. Emulated, on a busy host, it takes one to two minutes.
ready_seconds_max=${READY_SECONDS:-400}
passed=0
failed=0
for part in machine updates damage cuts; do . "tools/image/$part.sh"; done
trap 'stop_machine; take_card_out; rm -f "$work/card.socket"' EXIT

ok() { passed=$((passed + 1)) && say "ok $*"; }
not_ok() { failed=$((failed + 1)) && warn "FAILED $*"; }
# check WHAT COMMAND...
check() {
    local what=$1
    shift
    if "$@"; then ok "$what"; else not_ok "$what"; fi
}

# The archive after the initramfs: the test program, the virtual MONTAGE and the kernel module for it.
make_test_initrd() {
    local root=$work/test-root name module
    rm -rf "$root" && mkdir -p "$root/test"
    cp tools/image/init "$root/test/init"
    cp -r tools/image/overlay "$root/test/overlay"
    CROSS=arm64 scripts/cargo.sh build --release --quiet --locked --manifest-path tools/Cargo.toml --package montage
    cp "${CARGO_TARGET_DIR:-tools/target}/aarch64-unknown-linux-gnu/release/montage" "$root/test/overlay/test/montage"
    for module in usbip-core vhci-hcd; do
        name=$(find "$(dirname "$IMAGE")/unpacked" -name "$module.ko*")
        case $name in *.xz) xz --decompress --stdout "$name" ;; *) cat "$name" ;; esac >"$root/test/overlay/test/$module.ko"
    done
    # The kernel looks for a second archive at a multiple of four bytes.
    cp "$work/initrd.img" "$work/test-initrd.img"
    truncate --size=%4 "$work/test-initrd.img"
    (cd "$root" && find . | LC_ALL=C sort | cpio --quiet --create --format=newc --owner=+0:+0) >>"$work/test-initrd.img"
}

# append_to_test_initrd NAME FILE: as /test/NAME, in a third archive.
append_to_test_initrd() {
    local root=$work/more-root
    rm -rf "$root" && mkdir -p "$root/test/overlay/test"
    cp "$2" "$root/test/overlay/test/$1"
    truncate --size=%4 "$work/test-initrd.img"
    (cd "$root" && find . | LC_ALL=C sort | cpio --quiet --create --format=newc --owner=+0:+0) >>"$work/test-initrd.img"
}

# Checks the files beside the image: each must contain what it claims.
stage_papers() {
    local base=${IMAGE%.img} tool=$work/spdx
    [ -x "$tool/bin/pyspdxtools" ] || { python3 -m venv "$tool" && "$tool/bin/pip" install --quiet --disable-pip-version-check spdx-tools==0.8.3; }
    check 'the checksums are right' sh -c 'cd "$1" && sha256sum --quiet --check "$2"' - "${base%/*}" "${base##*/}.sha256"
    check 'the list of its parts is a valid SPDX document' "$tool/bin/pyspdxtools" --infile "$base.spdx.json"
    rm -f "$work/written.img"
    check 'it is written to a card by its block map' bmaptool --quiet copy --bmap "$IMAGE.bmap" "$IMAGE.xz" "$work/written.img"
    mcopy -n -o -i "$IMAGE@@$(partition_at 2)" ::config.txt ::start4.elf ::start.elf "$work/"
    check 'the firmware on the card knows every setting of its config.txt' check_settings "$work/config.txt" "$work/start4.elf"
    check 'and so does that of the Pi 3' check_settings "$work/config.txt" "$work/start.elf"
    check 'the firmware is told to end a kernel that hangs' grep -q '^kernel_watchdog_timeout=[1-9]' "$work/config.txt"
    rm -f "$work"/{config.txt,start4.elf,start.elf}
    check 'and the card is the image' cmp "$IMAGE" "$work/written.img"
    rm -f "$work/written.img"
}

# The unmodified disk; writes do not reach it.
stage_boot() {
    local log=$logs/image-console.log before
    make_test_initrd
    before=$(sha256sum "$IMAGE")
    say "Booting $IMAGE; what it says is kept in $log"
    : >"$log"
    start_machine "$log" "$work/test-initrd.img" 'rdinit=/test/init' "file=$IMAGE,format=raw,snapshot=on"
    until_ready || { tail -n 30 "$log" >&2; not_ok 'it boots'; return; }
    check 'the page comes over HTTP' grep -q '<html' <<<"$(page /)"
    check 'the page comes over HTTPS' grep -q '<html' <<<"$(secure_page /)"
    check 'it offers its certificate' openssl x509 -inform der -noout -in <(page /trust/synthwire.crt)
    local began=$SECONDS
    until grep -a -q '^proof: done' "$log" || [ $((SECONDS - began)) -gt "$ready_seconds_max" ]; do sleep 1; done
    check 'the questions came to their end' grep -a -q '^proof: done' "$log"
    until_calm
    scripts/cargo.sh build --release --quiet --locked --manifest-path tools/Cargo.toml --package vm
    check 'every frame of every pair of the virtual MONTAGE comes in order, and what the emulator loses is named' \
        sh -c '"$1" listen "127.0.0.1:$2" | tee /dev/stderr | grep -q "^ok "' - "${CARGO_TARGET_DIR:-tools/target}/release/vm" "$http"
    check 'a browser on this machine plays them in order, on every channel' env ADDRESS="http://127.0.0.1:$http/" node --test tests/image/heard.test.js
    stop_machine
    sed -n 's/\r$//; s/^proof: //p' "$log"
    passed=$((passed + $(grep -a -c '^proof: ok ' "$log" || true)))
    failed=$((failed + $(grep -a -c '^proof: FAILED ' "$log" || true)))
    check 'not a byte of the image has changed' test "$before" = "$(sha256sum "$IMAGE")"
}

# Priorities and CPUs, on four processors like a Pi's, with a USB host on PCIe. Read from /proc.
stage_threads() {
    local log=$logs/image-threads-console.log began=$SECONDS
    make_test_initrd
    CROSS=arm64 scripts/cargo.sh build --release --quiet --locked --manifest-path tools/Cargo.toml --package fanout
    append_to_test_initrd fanout "${CARGO_TARGET_DIR:-tools/target}/aarch64-unknown-linux-gnu/release/fanout"
    : >"$log"
    start_machine "$log" "$work/test-initrd.img" 'rdinit=/test/init synthwire.test=threads' "file=$IMAGE,format=raw,snapshot=on" \
        '-accel tcg,tb-size=1024 -smp 4 -device qemu-xhci'
    until_ready || { tail -n 30 "$log" >&2; not_ok 'it boots on four processors'; return; }
    until grep -a -q '^proof: done' "$log" || [ $((SECONDS - began)) -gt $((2 * ready_seconds_max)) ]; do sleep 1; done
    check 'the questions came to their end' grep -a -q '^proof: done' "$log"
    stop_machine
    sed -n 's/\r$//; s/^proof: //p' "$log"
    passed=$((passed + $(grep -a -c '^proof: ok ' "$log" || true)))
    failed=$((failed + $(grep -a -c '^proof: FAILED ' "$log" || true)))
}

# The cost of a start, independent of the host: one processor, whose clock counts one instruction per nanosecond. While it waits for the card, the
# clock jumps from timer to timer, depending on the host's load. So only the busy time counts.
stage_count() {
    local log=$logs/image-count-console.log began=$SECONDS
    make_test_initrd
    : >"$log"
    start_machine "$log" "$work/test-initrd.img" 'rdinit=/test/init' "file=$IMAGE,format=raw,snapshot=on" '-accel tcg -icount shift=0,sleep=off -smp 1'
    until grep -a -q '^proof: # read of the card till now' "$log" || [ $((SECONDS - began)) -gt $((2 * ready_seconds_max)) ]; do sleep 1; done
    stop_machine
    say 'A second here is a thousand million instructions:'
    check 'it becomes ready where instructions are counted' grep -a "^proof: # from the kernel's start to ready" "$log"
    grep -a -e '^proof: # till all was started' -e '^proof: # read of the card' "$log" || true
}

# A card with settings and one mistake before its first start; a second start; a reset. The FAT partition is
# read and written as a user's computer would.
stage_settings() {
    local log=$logs/image-settings-console.log mine=$work/settings.img fat first again
    fat=$mine@@$(partition_at 1)
    cp --sparse=always "$IMAGE" "$mine"
    printf '%s\n' 'hostname = "stage"' 'settings_key = "the first key of all"' 'first_channel = "three"' >"$work/synthwire.toml"
    mcopy -o -i "$fat" "$work/synthwire.toml" ::synthwire.toml
    start_from "$mine" "$log" || { not_ok 'a card that was filled in boots'; return; }
    first=$(authority) || not_ok 'a card that was filled in has its certificate'
    check 'the key of the card opens the settings' is_key 'the first key of all'
    check 'the certificate is of the name on the card' grep -q 'stage.local' <<<"$(names)"
    check 'the page is told of the mistake' grep -q 'first_channel' <<<"$(page /api/status | node -p 'JSON.parse(require("fs").readFileSync(0)).notices.join()')"
    check 'the fingerprint on the card is that of its certificate' until_fingerprint "$fat"
    stop_machine
    mcopy -n -o -i "$fat" ::synthwire.toml ::synthwire-problems.txt "$work/"
    check 'what was done is written on the card' grep -q '^# Done: hostname = "stage"' "$work/synthwire.toml"
    check 'the key is no longer there' sh -c '! grep -q "first key" "$1"' - "$work/synthwire.toml"
    check 'the mistake is told beside it' grep -q 'line 3: first_channel' "$work/synthwire-problems.txt"
    start_from "$mine" "$log" || { not_ok 'it boots again'; return; }
    again=$(authority) || again=none
    check 'started again, it is who it was' test "$again" = "$first"
    check 'it has the key of before' is_key 'the first key of all'
    check 'and the name' grep -q stage.local <<<"$(names)"
    stop_machine
    start_reset "$mine" "$fat" "$log" "$first" || return 0
    check 'has its first name' grep -q 'synthwire.local' <<<"$(names)"
    check 'and asks for no key' no_key_is_set
    check 'and its fingerprint is on the card' until_fingerprint "$fat"
    stop_machine
    check 'the wish is fulfilled once' sh -c 'files=$(mdir -b -i "$1" ::) && ! grep -q factory-reset <<E
$files
E' - "$fat"
    rm -f "$mine"
}

# The closest we get to hardware: a Pi 3's own card host, clocks and USB, according to the device tree on the card. The image must
# start and report that a Pi 3 is not supported. The emulator's card size must be a power of two; its watchdog fires as soon as it
# is set.
stage_pi3() {
    local log=$logs/image-pi3-console.log before
    before=$(sha256sum "$IMAGE")
    mcopy -n -o -i "$IMAGE@@$(partition_at 2)" ::bcm2837-rpi-3-b.dtb "$work/pi3.dtb"
    qemu-img create -q -f qcow2 -F raw -b "$(realpath "$IMAGE")" "$work/pi3.qcow2" 2G
    stop_machine
    http=$(free_port)
    nice --adjustment=-10 qemu-system-aarch64 -machine raspi3b -nodefaults -display none -monitor none -no-reboot \
        -kernel "$work/vmlinuz" -initrd "$work/initrd.img" -dtb "$work/pi3.dtb" -append "$(cat "$work/cmdline.txt") console=ttyS1,115200 systemd.watchdog_sec=0" \
        -serial null -serial "file:$log" -drive "file=$work/pi3.qcow2,if=sd,format=qcow2" \
        -netdev "user,id=cable,hostfwd=tcp:127.0.0.1:$http-:80" -device usb-net,netdev=cable \
        -d unimp,guest_errors -D "$logs/image-pi3-emulator.log" </dev/null &
    machine=$!
    if until_ready; then
        check 'a Pi 3 starts from its memory card, and its page says why it is not supported' \
            grep -q 'Raspberry Pi 3' <<<"$(page /api/status | node -p 'JSON.parse(require("fs").readFileSync(0)).notices.join()')"
# The emulated firmware does not know these requests, and logs each one.
        check 'its firmware is asked for power and heat, again and again' until_asked_again "$logs/image-pi3-emulator.log"
        make_bundles
        check 'it takes an update' update_and_end no-start
        check 'and tells its firmware that the next start is a trial' grep -q -i 'unhandled tag 0x00038064' "$logs/image-pi3-emulator.log"
    else
        tail -n 30 "$log" >&2
        not_ok 'a Pi 3 starts from its memory card'
    fi
    stop_machine
    rm -f "$work/pi3.qcow2" "$work"/*.raucb
    check 'not a byte of the image has changed' test "$before" = "$(sha256sum "$IMAGE")"
}

take_out_kernel "$IMAGE" 2
for stage in $stages; do "stage_$stage"; done
printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
