#!/usr/bin/env bash
# `make test-image` (as root): the SD card's image, booted in an emulated machine without a byte of its disk changed; the
# virtual MONTAGE plugged into it; its power cut while it writes.
#
# tools/image.sh [STAGE...]: papers | boot | settings | updates | pi3 | cuts, all if none is said. CUTS says how often (20). IMAGE names an image that is there;
# without it image/build.sh makes it. docs/guide/image.md says what is proven by it and what is not.
#
# qemu runs none of a Pi's firmware: kernel, initramfs and command line are taken out of the image's boot partition and
# handed to it. For `boot` a second archive behind the initramfs brings what asks the questions (tools/image/); for the
# others nothing is added, the machine is looked at from outside only.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh
. image/update/key.sh
. image/update/pack.sh
. image/disk.sh

stages=${*:-papers boot settings updates pi3 cuts}
cuts=${CUTS:-20}
[[ $cuts =~ ^[1-9][0-9]*$ ]] || die "'$cuts' is no number of power cuts"
scripts/packages.sh image-test
scripts/npm_packages.sh
if [ -z "${IMAGE:-}" ]; then
    image/build.sh
    IMAGE=$(ls -t "${CARGO_TARGET_DIR:-target}"/image/synthwire-*.img | head -n 1)
fi
work=target/test-image
logs=target/test-logs
mkdir -p "$work" "$logs"
# A machine that is not ready by then is not coming: emulated, on a busy host, it takes one to two minutes.
ready_seconds_max=${READY_SECONDS:-400}
passed=0
failed=0
machine=
card=
trap 'stop_machine; take_card_out; rm -f "$work/card.socket"' EXIT

ok() { passed=$((passed + 1)) && say "ok $*"; }
not_ok() { failed=$((failed + 1)) && warn "FAILED $*"; }
# check WHAT COMMAND...
check() {
    local what=$1
    shift
    if "$@"; then ok "$what"; else not_ok "$what"; fi
}

# Where a primary partition begins, in bytes, from the table itself.
partition_at() { echo $((512 * $(od --address-radix=n --skip-bytes=$((446 + 16 * ($1 - 1) + 8)) --read-bytes=4 --format=u4 "$IMAGE"))); }

# take_out_kernel CARD PARTITION
take_out_kernel() {
    local file at
    at=$(partition_at "$2")
    for file in vmlinuz initrd.img cmdline.txt; do mcopy -n -o -i "$1@@$at" "::$file" "$work/$file"; done
}

free_port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }

# start_machine LOG INITRD WORDS DRIVE: leaves its process in $machine, its ports in $http and $https.
start_machine() {
    stop_machine
    http=$(free_port)
    https=$(free_port)
    # Before a browser that listens on the same processors: an instrument that comes too late is no instrument.
    nice --adjustment=-10 qemu-system-aarch64 -machine virt -accel tcg,tb-size=1024 -cpu cortex-a72 -smp 2 -m 1024 -nodefaults -display none -monitor none -no-reboot \
        -kernel "$work/vmlinuz" -initrd "$2" -append "$(cat "$work/cmdline.txt") console=ttyAMA0 $3" -serial "file:$1" \
        -drive "$4,if=none,id=card" -device virtio-blk-pci,drive=card -device virtio-rng-pci \
        -netdev "user,id=cable,hostfwd=tcp:127.0.0.1:$http-:80,hostfwd=tcp:127.0.0.1:$https-:443" \
        -device virtio-net-pci,netdev=cable,romfile= </dev/null &
    machine=$!
}

# The power is cut.
stop_machine() {
    [ -z "$machine" ] || kill -KILL "$machine" 2>/dev/null || true
    [ -z "$machine" ] || wait "$machine" 2>/dev/null || true
    machine=
}

take_card_out() {
    [ -z "$card" ] || kill "$card" 2>/dev/null || true
    [ -z "$card" ] || wait "$card" 2>/dev/null || true
    card=
}

# page PATH, secure_page PATH: by the forwarded ports.
page() { curl --silent --show-error --fail --max-time 20 "http://127.0.0.1:$http$1"; }
secure_page() { curl --silent --show-error --fail --insecure --max-time 20 "https://127.0.0.1:$https$1"; }

# until_ready: waits for the service to answer; seconds it took.
until_ready() {
    local began=$SECONDS
    until page /healthz >/dev/null 2>&1; do
        kill -0 "$machine" 2>/dev/null || { warn 'the machine has ended'; return 1; }
        [ $((SECONDS - began)) -lt "$ready_seconds_max" ] || { warn "not ready after $ready_seconds_max s"; return 1; }
        sleep 1
    done
    say "ready after $((SECONDS - began)) s of this machine's time"
}

# until_calm: while it answered, the emulated machine was late for its instrument, and the service calls that lost. Not for ever.
until_calm() {
    local lost=none before=$SECONDS began=$SECONDS
    until [ $((SECONDS - before)) -ge 15 ] || [ $((SECONDS - began)) -ge 180 ]; do
        sleep 3
        [ "$lost" = "$(losses)" ] || { lost=$(losses) && before=$SECONDS; }
    done
}
losses() { page /metrics | grep '^synthwire_lost_frames_total{cause="usb_loss"}'; }

# A question that is not answered fails and prints nothing.
authority() { page /trust/synthwire.crt >"$work/authority.crt" && sha256sum <"$work/authority.crt" | cut -c1-16; }
# The settings key: what is kept of it, and what is changed here. Answered only when it is safely written.
is_key() { curl --silent --max-time 60 --header "Authorization: Bearer $1" "http://127.0.0.1:$http/api/access" | grep -q '"settings":{"set":true,"shown":true'; }
no_key_is_set() { page /api/access | grep -q '"settings":{"set":false'; }
# key_of CANDIDATE...: the candidate that is the key, `none` where no key is set, `another` where it is neither.
key_of() {
    local candidate
    for candidate; do
        if [ "$candidate" != none ] && is_key "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    if no_key_is_set; then echo none; else echo another; fi
}
set_key() {
    curl --silent --fail --max-time 60 --header "Authorization: Bearer $1" --json "{\"purpose\": \"settings\", \"key\": \"$2\"}" \
        "http://127.0.0.1:$http/api/access/key" >/dev/null
}

# The archive behind the initramfs: the questions, the virtual MONTAGE and the kernel's module that takes it.
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

# What lies beside the image: is it what it says it is?
stage_papers() {
    local base=${IMAGE%.img} tool=$work/spdx
    [ -x "$tool/bin/pyspdxtools" ] || { python3 -m venv "$tool" && "$tool/bin/pip" install --quiet --disable-pip-version-check spdx-tools==0.8.3; }
    check 'the checksums are right' sh -c 'cd "$1" && sha256sum --quiet --check "$2"' - "${base%/*}" "${base##*/}.sha256"
    check 'the list of its parts is a valid SPDX document' "$tool/bin/pyspdxtools" --infile "$base.spdx.json"
    rm -f "$work/written.img"
    check 'it is written to a card by its block map' bmaptool --quiet copy --bmap "$IMAGE.bmap" "$IMAGE.xz" "$work/written.img"
    check 'and the card is the image' cmp "$IMAGE" "$work/written.img"
    rm -f "$work/written.img"
}

# The disk as it is; nothing that is written reaches it.
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

# A card that somebody has filled in, with one mistake, before its first start; started again; reset. What is on its FAT partition is
# read and written as a person's computer would.
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
    : >"$work/factory-reset"
    mcopy -o -i "$fat" "$work/factory-reset" ::factory-reset
    start_from "$mine" "$log" || { not_ok 'it boots after a factory reset'; return; }
    again=$(authority) || again=$first
    check 'reset, it is another' test "$again" != "$first"
    check 'has its first name' grep -q 'synthwire.local' <<<"$(names)"
    check 'and asks for no key' no_key_is_set
    stop_machine
    check 'the wish is fulfilled once' sh -c 'files=$(mdir -b -i "$1" ::) && ! grep -q factory-reset <<E
$files
E' - "$fat"
    rm -f "$mine"
}

# An update by the page's way into the empty slot, which has to prove itself there; then one that does not start. This script is the boot
# loader: like a Pi's, it reads autoboot.txt, and knows of `reboot "0 tryboot"` from the console.
stage_updates() {
    local log=$logs/image-updates-console.log mine=$work/updates.img first again
    make_bundles
    cp --sparse=always "$IMAGE" "$mine"
    start_slot all "$mine" "$log" || { not_ok 'the card boots'; return; }
    first=$(authority) || not_ok 'it has its certificate'
    check 'a settings key is taken' set_key none 'the key of updates'
    check 'an update without the key is refused' sh -c '! "$@"' - send_bundle none "$work/next.raucb"
    install_bundle next waiting || { not_ok 'a good update is installed'; return; }
    check 'the settled slot is the one before' test "$(boot_partition all "$mine")" = 2
    restart_into_update "$mine" "$log" || { not_ok 'the new version starts'; return; }
    check 'the new version has proved itself' until_update installed next
    check 'it runs in the other slot' grep -a -q 'synthwire: slot b of' "$log"
    again=$(authority) || again=none
    check 'it is who it was' test "$again" = "$first"
    check 'with the key of before' is_key 'the key of updates'
    install_bundle no-start waiting || { not_ok 'an update that will not start is installed'; return; }
    restart_into_update "$mine" "$log" || { not_ok 'the version before is back'; return; }
    check 'what did not start is told' until_update fell_back no-start
    check 'the slot that runs is the one before' grep -a -q 'synthwire: slot b of' "$log"
    again=$(authority) || again=none
    check 'it still is who it was' test "$again" = "$first"
    check 'and has its key' is_key 'the key of updates'
    stop_machine
    check 'the proved slot is settled on the card' test "$(boot_partition all "$mine")" = 3
    rm -f "$mine" "$work"/*.raucb
    take_out_kernel "$IMAGE" 2
}

# $work/next.raucb and $work/no-start.raucb: the image's own two parts; and its kernel without a system.
make_bundles() {
    local parts=$work/bundle
    signing_key
    rm -rf "$parts" && mkdir -p "$parts/empty" "$parts/boot"
    mcopy -n -s -m -i "$IMAGE@@$(partition_at 2)" '::*' "$parts/boot/"
    SOURCE_DATE_EPOCH=$(date +%s)
    fat "$parts/boot.vfat" 96 BOOT 53594e04
    onto "$parts/boot.vfat" "$parts/boot"
    mksquashfs "$parts/empty" "$parts/nothing" -quiet -no-progress >/dev/null
    pack_bundle "$(dirname "$IMAGE")/root.squashfs" "$parts/boot.vfat" next synthwire-pi-arm64 "$work/next.raucb"
    pack_bundle "$parts/nothing" "$parts/boot.vfat" no-start synthwire-pi-arm64 "$work/no-start.raucb"
    rm -rf "$parts"
}

# boot_partition all|tryboot CARD: which it would be.
boot_partition() {
    mtype -i "$2@@$(partition_at 1)" ::autoboot.txt | sed -n "/^\[$1\]/,\$p" | sed -n 's/^boot_partition=\([0-9]\).*/\1/p' | head -n 1
}

# start_slot all|tryboot CARD LOG: to be ready; fails when it restarts before.
start_slot() {
    take_out_kernel "$2" "$(boot_partition "$1" "$2")"
    say "Booting partition $(boot_partition "$1" "$2") ([$1] of autoboot.txt)"
    start_from "$2" "$3"
}

send_bundle() {
    curl --silent --show-error --fail --max-time 300 --header "Authorization: Bearer $1" --header 'Content-Type: application/vnd.rauc' \
        --data-binary "@$2" "http://127.0.0.1:$http/api/update"
}

# until_update STATE VERSION: as the page tells it.
until_update() {
    local began=$SECONDS said=
    until [ "$said" = "$1 $2" ]; do
        [ $((SECONDS - began)) -lt "$ready_seconds_max" ] || { warn "the update is '$said', not '$1 $2'"; return 1; }
        sleep 1
        said=$(page /api/status | node -p 'const { state, version } = JSON.parse(require("fs").readFileSync(0)).update; `${state} ${version}`') || said=
    done
}

# install_bundle NAME STATE: through the page's own request.
install_bundle() {
    send_bundle 'the key of updates' "$work/$1.raucb" && until_update "$2" "$1"
}

# restart_into_update CARD LOG: as often as a Pi would start again by itself, until it is ready.
restart_into_update() {
    local section tries
    curl --silent --fail --max-time 60 --header 'Authorization: Bearer the key of updates' --json '{}' "http://127.0.0.1:$http/api/update/restart" || return 1
    for tries in 1 2 3; do
        wait_for_end || return 1
        if grep -a -q "Restarting system with command '0 tryboot'" "$2"; then section=tryboot; else section=all; fi
        ! start_slot "$section" "$1" "$2" || return 0
    done
    return 1
}

# wait_for_end: until the machine restarts (-no-reboot: ends).
wait_for_end() {
    local began=$SECONDS
    while kill -0 "$machine" 2>/dev/null; do
        [ $((SECONDS - began)) -lt "$ready_seconds_max" ] || { warn 'the machine does not restart'; return 1; }
        sleep 1
    done
}

# The nearest to hardware there is: a Pi 3's own memory card host, clocks and USB, by the device tree on the card. It has to start, and
# to say that it is none to play with. A card of the emulator is a power of two long; its watchdog bites when it is set.
stage_pi3() {
    local log=$logs/image-pi3-console.log before
    before=$(sha256sum "$IMAGE")
    mcopy -n -o -i "$IMAGE@@$(partition_at 2)" ::bcm2837-rpi-3-b.dtb "$work/pi3.dtb"
    qemu-img create -q -f qcow2 -F raw -b "$(realpath "$IMAGE")" "$work/pi3.qcow2" 2G
    stop_machine
    http=$(free_port)
    qemu-system-aarch64 -machine raspi3b -nodefaults -display none -monitor none -no-reboot \
        -kernel "$work/vmlinuz" -initrd "$work/initrd.img" -dtb "$work/pi3.dtb" -append "$(cat "$work/cmdline.txt") console=ttyS1,115200 systemd.watchdog_sec=0" \
        -serial null -serial "file:$log" -drive "file=$work/pi3.qcow2,if=sd,format=qcow2" \
        -netdev "user,id=cable,hostfwd=tcp:127.0.0.1:$http-:80" -device usb-net,netdev=cable </dev/null 2>"$logs/image-pi3-emulator.log" &
    machine=$!
    if until_ready; then
        check 'a Pi 3 starts from its memory card, and its page says why it is not supported' \
            grep -q 'Raspberry Pi 3' <<<"$(page /api/status | node -p 'JSON.parse(require("fs").readFileSync(0)).notices.join()')"
    else
        tail -n 30 "$log" >&2
        not_ok 'a Pi 3 starts from its memory card'
    fi
    stop_machine
    rm -f "$work/pi3.qcow2"
    check 'not a byte of the image has changed' test "$before" = "$(sha256sum "$IMAGE")"
}

# start_from IMAGE LOG: with nothing added, to be ready.
start_from() {
    start_machine "$2" "$work/initrd.img" '' "file=$1,format=raw"
    until_ready || { tail -n 30 "$2" >&2; return 1; }
}

# names: those in the certificate that is shown.
names() { openssl s_client -connect "127.0.0.1:$https" </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName; }

# A card of its own, kept over all boots, that forgets what was not flushed when the power goes (tools/cut). In turn the power
# is cut while it boots (the very first boot, too), while a key is being written, and soon after it was.
stage_cuts() {
    local log=$logs/image-cuts.log number moment seen authority='' key=none wanted='' found asking
    scripts/cargo.sh build --release --quiet --locked --manifest-path tools/Cargo.toml --package cut
    cp --sparse=always "$IMAGE" "$work/card.img"
    RANDOM=${SEED:-5}
    : >"$log"
    for number in $(seq 1 $((cuts + 1))); do
        insert_card "$RANDOM" "$log" || { not_ok "boot $number: the card can be put in"; return; }
        start_machine "$logs/image-cut-console.log" "$work/initrd.img" '' "file=nbd:unix:$work/card.socket,format=raw,cache=none"
        if [ "$number" -le "$cuts" ] && [ $((number % 3)) -eq 1 ]; then
            moment=$((RANDOM % 60 + 5))
            sleep "$moment"
            cut_power "$number" "$moment s after the start"
            continue
        fi
        until_ready || { tail -n 30 "$logs/image-cut-console.log" >&2; not_ok "boot $number"; cut_power "$number" 'not ready'; return; }
        seen=$(authority) || seen=none
        : "${authority:=$seen}"
        check "boot $number: the authority is the same" [ "$seen" != none -a "$seen" = "$authority" ]
        # `key` was answered, and is kept. `wanted` was cut off before its answer, and is there whole or not at all.
        found=$(key_of ${wanted:+"$wanted"} "$key")
        check "boot $number: the key is '$found', of '$key'${wanted:+ and '$wanted'}" is_among "$found" "$key" ${wanted:+"$wanted"}
        key=$found
        wanted=
        [ "$number" -le "$cuts" ] || break
        if [ $((number % 3)) -eq 2 ]; then
            wanted=key-number-$number
            set_key "$key" "$wanted" &
            asking=$!
            moment=0.$((RANDOM % 9))
            sleep "$moment"
            cut_power "$number" "$moment s after a key was sent"
            if wait "$asking"; then
                say "cut $number: it had been answered"
                key=$wanted
                wanted=
            fi
        else
            if set_key "$key" "key-number-$number"; then key=key-number-$number; else not_ok "boot $number: a key can be set"; fi
            moment=$((RANDOM % 4))
            sleep "$moment"
            cut_power "$number" "$moment s after a key was taken"
        fi
    done
    cut_power last 'the end'
    cat "$log"
}

# is_among THING OTHER...
is_among() {
    local other thing=$1
    shift
    for other; do [ "$thing" != "$other" ] || return 0; done
    return 1
}

# insert_card SEED LOG: the card whose fate at the next cut the seed decides.
insert_card() {
    rm -f "$work/card.socket"
    "${CARGO_TARGET_DIR:-tools/target}/release/cut" "$work/card.img" "$work/card.socket" "$1" >>"$2" &
    card=$!
    local began=$SECONDS
    until [ -S "$work/card.socket" ]; do
        kill -0 "$card" 2>/dev/null && [ $((SECONDS - began)) -lt 20 ] || { warn 'no card comes up'; take_card_out; return 1; }
        sleep 0.1
    done
}

cut_power() {
    say "cut $1: $2"
    stop_machine
    wait "$card" || warn 'the card did not end well'
    card=
}

take_out_kernel "$IMAGE" 2
for stage in $stages; do "stage_$stage"; done
printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
