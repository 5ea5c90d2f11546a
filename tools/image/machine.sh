# Sourced: starts the emulated machine, and queries it from outside. $machine is its process, $http and $https are its ports.

machine=

# The start of a primary partition in bytes, read from the partition table.
partition_at() { echo $((512 * $(od --address-radix=n --skip-bytes=$((446 + 16 * ($1 - 1) + 8)) --read-bytes=4 --format=u4 "$IMAGE"))); }

# take_out_kernel CARD PARTITION: extracts the kernel.
take_out_kernel() {
    local file at
    at=$(partition_at "$2")
    rm -f "$work"/{vmlinuz,initrd.img,cmdline.txt}
    for file in vmlinuz initrd.img cmdline.txt; do mcopy -n -o -i "$1@@$at" "::$file" "$work/$file" || return 1; done
}

free_port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }

# start_machine LOG INITRD WORDS DRIVE [PROCESSORS]: leaves its process in $machine, and its ports in $http and $https.
start_machine() {
    local processors=${5:--accel tcg,tb-size=1024 -smp 2}
    stop_machine
    http=$(free_port)
    https=$(free_port)
    # The emulator has a higher priority than the browser on the same processors, because the instrument must not come too late.
    nice --adjustment=-10 qemu-system-aarch64 -machine virt $processors -cpu cortex-a72 -m 1024 -nodefaults -display none -monitor none -no-reboot \
        -kernel "$work/vmlinuz" -initrd "$2" -append "$(cat "$work/cmdline.txt") console=ttyAMA0 $3" -serial "file:$1" \
        -drive "$4,if=none,id=card" -device virtio-blk-pci,drive=card -device virtio-rng-pci \
        -netdev "user,id=cable,hostfwd=tcp:127.0.0.1:$http-:80,hostfwd=tcp:127.0.0.1:$https-:443" \
        -device virtio-net-pci,netdev=cable,romfile= </dev/null &
    machine=$!
}

# Cuts the power.
stop_machine() {
    [ -z "$machine" ] || kill -KILL "$machine" 2>/dev/null || true
    [ -z "$machine" ] || wait "$machine" 2>/dev/null || true
    machine=
}

# page PATH, secure_page PATH: fetches a page through the forwarded ports.
page() { curl --silent --show-error --fail --max-time 20 "http://127.0.0.1:$http$1"; }
secure_page() { curl --silent --show-error --fail --insecure --max-time 20 "https://127.0.0.1:$https$1"; }

# until_ready: waits until the service answers; prints the seconds it took.
until_ready() {
    local began=$SECONDS
    until page /healthz >/dev/null 2>&1; do
        kill -0 "$machine" 2>/dev/null || { warn 'the machine has ended'; return 1; }
        [ $((SECONDS - began)) -lt "$ready_seconds_max" ] || { warn "not ready after $ready_seconds_max s"; return 1; }
        sleep 1
    done
    say "ready after $((SECONDS - began)) s of this machine's time"
}

# until_calm: after a busy start the machine is late for its instrument, and the service reports losses. Waits, for a limited
# time, until that stops.
until_calm() {
    local lost=none before=$SECONDS began=$SECONDS
    until [ $((SECONDS - before)) -ge 15 ] || [ $((SECONDS - began)) -ge 180 ]; do
        sleep 3
        [ "$lost" = "$(losses)" ] || { lost=$(losses) && before=$SECONDS; }
    done
}
losses() { page /metrics | grep '^synthwire_lost_frames_total{cause="usb_loss"}'; }

# An unanswered query fails and prints nothing.
authority() { page /trust/synthwire.crt >"$work/authority.crt" && sha256sum <"$work/authority.crt" | cut -c1-16; }
# until_fingerprint FAT: waits until the card shows the fingerprint of the certificate that was fetched last. It reads the card
# while the machine runs, which is safe because the program writes the file whole and at once.
until_fingerprint() {
    local began=$SECONDS expected written=
    expected=$(sha256sum <"$work/authority.crt" | cut -c 1-64)
    until [ "$written" = "$expected" ]; do
        [ $((SECONDS - began)) -lt "$ready_seconds_max" ] || { warn "on the card stands '$written', not '$expected'"; return 1; }
        sleep 1
        written=$(mtype -i "$1" ::synthwire-fingerprint.txt 2>/dev/null | tr -d '\r' | sed -n '/^    [0-9A-Fa-f]/p' | tr -d ' \n' | tr A-F a-f) || written=
    done
}

# until_asked_again LOG: waits for three more queries for power and heat to the emulated Pi's firmware. (The kernel asks once,
# when its driver loads, and synthwire-tune once; the service asks every ten seconds.)
until_asked_again() {
    local began=$SECONDS before
    before=$(asked_for_power "$1")
    until [ "$(asked_for_power "$1")" -ge $((before + 3)) ]; do
        [ $((SECONDS - began)) -lt "$ready_seconds_max" ] || { warn "it was asked $before times at first, $(asked_for_power "$1") times now"; return 1; }
        sleep 1
    done
}
asked_for_power() { grep -c -i 'tag 0x00030046' "$1" || true; }

# The settings key: checks it, and changes it. A change is answered only after it is safely written.
is_key() { curl --silent --max-time 60 --header "Authorization: Bearer $1" "http://127.0.0.1:$http/api/access" | grep -q '"settings":{"set":true,"shown":true'; }
no_key_is_set() { page /api/access | grep -q '"settings":{"set":false'; }
# key_of CANDIDATE...: prints the candidate that is the key, `none` if no key is set, or `another` if it is none of them.
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

# start_from IMAGE LOG: starts the unmodified image and waits until it is ready.
start_from() {
    start_machine "$2" "$work/initrd.img" '' "file=$1,format=raw"
    until_ready || { tail -n 30 "$2" >&2; return 1; }
}

# start_reset IMAGE FAT LOG AUTHORITY: asks for a factory reset on the card's partition FAT, and starts the image. The device
# must then have another authority.
start_reset() {
    local again
    : >"$work/factory-reset"
    mcopy -o -i "$2" "$work/factory-reset" ::factory-reset
    start_from "$1" "$3" || { not_ok 'it boots after a factory reset'; return 1; }
    again=$(authority) || again=$4
    check 'reset, it has an authority, which is another' test "$again" != "$4"
}

# names: prints the names in the served certificate.
names() { openssl s_client -connect "127.0.0.1:$https" </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName; }
