# Sourced: stage `updates`: the image's own updater, and its way back.

. image/update/key.sh
. image/update/pack.sh
. image/disk.sh

# An update by the page's way into the empty slot, which has to prove itself there; then one that does not start. This script is the boot
# loader: like a Pi's, it reads autoboot.txt, and knows from the console that a start is a trial.
stage_updates() {
    local mine=$work/updates.img
    make_bundles
    cp --sparse=always "$IMAGE" "$mine"
    try_updates "$mine" "$logs/image-updates-console.log"
    stop_machine
    rm -f "$mine" "$work"/*.raucb
    take_out_kernel "$IMAGE" 2
}

# try_updates CARD LOG
try_updates() {
    local mine=$1 log=$2 first again refused booted
    start_slot all "$mine" "$log" || { not_ok 'the card boots'; return; }
    first=$(authority) || not_ok 'it has its certificate'
    check 'a settings key is taken' set_key none 'the key of updates'
    refused=$(send_bundle none "$work/next.raucb" --write-out '%{http_code}' --output /dev/null 2>/dev/null) || true
    check "an update with another key is refused ($refused)" grep -q -x '40[13]' <<<"$refused"
    install_bundle next waiting || { not_ok 'a good update is installed'; return; }
    check 'the settled slot is the one before' test "$(boot_partition all "$mine")" = 2
    restart_into_update "$mine" "$log" || { not_ok 'the new version starts'; return; }
    check 'it was started at once' test "$booted" = ' 3'
    check 'the new version has proved itself' until_update installed next
    check 'it runs in the other slot' grep -q 'synthwire.slot=b' "$work/cmdline.txt"
    again=$(authority) || again=none
    check 'it is who it was' test "$again" = "$first"
    check 'with the key of before' is_key 'the key of updates'
    install_bundle no-start waiting || { not_ok 'an update that will not start is installed'; return; }
    restart_into_update "$mine" "$log" || { not_ok 'the version before is back'; return; }
    check 'the new one was started, then the one before' test "$booted" = ' 2 3'
    check 'what did not start is told' until_update fell_back no-start
    check 'the slot that runs is the one before' grep -q 'synthwire.slot=b' "$work/cmdline.txt"
    again=$(authority) || again=none
    check 'it still is who it was' test "$again" = "$first"
    check 'and has its key' is_key 'the key of updates'
    stop_machine
    check 'the proved slot is settled on the card' test "$(boot_partition all "$mine")" = 3
}

# $work/next.raucb and $work/no-start.raucb: the image's own two parts; and its kernel without a system.
make_bundles() {
    local parts=$PWD/$work/bundle
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
    take_out_kernel "$2" "$(boot_partition "$1" "$2")" || return 1
    say "Booting partition $(boot_partition "$1" "$2") ([$1] of autoboot.txt)"
    start_from "$2" "$3"
}

# send_bundle KEY FILE [OPTION...]
send_bundle() {
    local key=$1 file=$2
    shift 2
    curl --silent --show-error --fail --max-time 300 --header "Authorization: Bearer $key" --header 'Content-Type: application/vnd.rauc' \
        --data-binary "@$file" "$@" "http://127.0.0.1:$http/api/update"
}

# until_update STATE VERSION: as the page tells it.
until_update() {
    local began=$SECONDS said=
    until [ "$said" = "$1 $2" ]; do
        [[ $((SECONDS - began)) -lt $ready_seconds_max && ! $said =~ ^(refused|fell_back) ]] || { warn "the update is '$said', not '$1 $2'"; return 1; }
        sleep 1
        said=$(page /api/status | node -p 'const { state, version } = JSON.parse(require("fs").readFileSync(0)).update; `${state} ${version}`') || said=
    done
}

# install_bundle NAME STATE: through the page's own request.
install_bundle() {
    send_bundle 'the key of updates' "$work/$1.raucb" && until_update "$2" "$1"
}

# ask_restart: through the page's other request, and until the machine has ended (-no-reboot).
ask_restart() {
    curl --silent --fail --max-time 60 --header 'Authorization: Bearer the key of updates' --json '{}' "http://127.0.0.1:$http/api/update/restart" || return 1
    wait_for_end
}

# update_and_end NAME: on a machine on which no key is set yet.
update_and_end() { set_key none 'the key of updates' && install_bundle "$1" waiting && ask_restart; }

# restart_into_update CARD LOG: as often as a Pi would start again by itself, until it is ready. $booted: from which partitions.
restart_into_update() {
    local section tries
    booted=
    ask_restart || return 1
    for tries in 1 2 3; do
        wait_for_end || return 1
        if grep -a -q 'synthwire: the next start is a trial' "$2"; then section=tryboot; else section=all; fi
        booted+=" $(boot_partition "$section" "$1")"
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
