# Sourced: stage `updates` tests the image's own updater, and its way back.

. image/update/key.sh
. image/update/pack.sh
. image/disk.sh

# First an update through the page's API into the empty slot, where it must pass its trial; then one that does not start, and one
# whose kernel hangs. This script acts as the boot loader: like a Pi's, it reads autoboot.txt, and it learns from the console that
# a start is a trial. It also acts as the firmware's watchdog.
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
    restart_into_update "$mine" "$log" as_of_a_newer_version || { not_ok 'the version before is back'; return; }
    check 'the new one was started, then the one before' test "$booted" = ' 2 3'
    check 'what did not start is told' until_update fell_back no-start
    check 'the slot that runs is the one before' grep -q 'synthwire.slot=b' "$work/cmdline.txt"
    again=$(authority) || again=none
    check 'it still is who it was' test "$again" = "$first"
    check 'and has its key' is_key 'the key of updates'
    check 'the settings that a newer version left are in use' grep -q '"first_channel":3' <<<"$(page /api/status)"
    install_bundle hangs waiting || { not_ok 'an update whose kernel hangs is installed'; return; }
    restart_into_update "$mine" "$log" || { not_ok 'the version before is back after a kernel that hung'; return; }
    check 'the one that hangs was started, then the one before' test "$booted" = ' 2 3'
    check 'what hung is told' until_update fell_back hangs
    stop_machine
    check 'what a newer version wrote is kept, and nothing was called damaged' is_kept "$mine"
    check 'the proved slot is settled on the card' test "$(boot_partition all "$mine")" = 3
}

# $work/next.raucb, no-start.raucb and hangs.raucb contain: the image's own two parts; its kernel without a system; and a kernel
# that finds no first program and does not restart on its own.
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
    sed 's/panic=[0-9]*/panic=0 rdinit=none root=none/' "$parts/boot/cmdline.txt" >"$parts/cmdline.txt"
    mcopy -o -i "$parts/boot.vfat" "$parts/cmdline.txt" ::
    pack_bundle "$parts/nothing" "$parts/boot.vfat" hangs synthwire-pi-arm64 "$work/hangs.raucb"
    rm -rf "$parts"
}

# state_at CARD: the place of its data partition, for e2fsprogs.
state_at() { echo "$1?offset=$((512 * $(partx --noheadings --output START --nr 7 "$1")))"; }

# with_state CARD COMMAND: runs COMMAND with a file that holds the card's data partition, repaired, and puts that back. It works on
# a copy, because e2fsck forgets the partition's offset after it has replayed the journal.
with_state() {
    local data=$work/state-of-card at ended=0
    at=$(state_at "$1") && at=${at##*=}
    dd if="$1" of="$data" bs=1M iflag=skip_bytes,count_bytes skip="$at" count=256M status=none
    e2fsck -p "$data" >/dev/null || [ $? -eq 1 ] || return 1
    "$2" "$data" || ended=$?
    dd if="$data" of="$1" bs=1M oflag=seek_bytes seek="$at" conv=notrunc status=none
    rm -f "$data"
    return "$ended"
}

# as_of_a_newer_version CARD: makes the state as a newer version may leave it: another format, and fields that the older version
# does not know.
as_of_a_newer_version() { with_state "$1" renew_state; }
renew_state() {
    local name folder=$work/newer data=$1 owner
    rm -rf "$folder" && mkdir "$folder"
    owner=$(debugfs -R 'stat /synthwire/authority.json' "$data" 2>/dev/null | sed -n 's/^User: *\([0-9]*\).*/\1/p')
    for name in authority access leaf; do
        debugfs -R "dump /synthwire/$name.json $folder/$name.json" "$data" 2>/dev/null
        sed -i -e '1s/{/{"of_tomorrow": {"deep": 1},/' -e 's/"format": *[0-9]*/"format": 99/' "$folder/$name.json"
    done
    printf '{"format":99,"first_channel":3,"of_tomorrow":{"deep":1}}\n' >"$folder/settings.json"
    for name in authority access leaf settings; do
        printf '%s\n' "rm /synthwire/$name.json" "write $folder/$name.json /synthwire/$name.json" "sif /synthwire/$name.json mode 0100600" \
            "sif /synthwire/$name.json uid $owner" "sif /synthwire/$name.json gid $owner"
    done | debugfs -w -f - "$data" >/dev/null 2>&1
}

# is_kept CARD: whether all of that is kept, and no file was put aside.
is_kept() { with_state "$1" is_state_kept; }
is_state_kept() {
    local name data=$1 kept
    for name in authority access leaf settings; do
        kept=$(debugfs -R "cat /synthwire/$name.json" "$data" 2>/dev/null)
        grep -q of_tomorrow <<<"$kept" || { warn "$name.json is now '${kept:0:100}'"; return 1; }
    done
    kept=$(debugfs -R 'ls -p /synthwire' "$data" 2>/dev/null)
    ! grep damaged <<<"$kept"
}

# boot_partition all|tryboot CARD: the partition that the firmware would boot.
boot_partition() {
    mtype -i "$2@@$(partition_at 1)" ::autoboot.txt | sed -n "/^\[$1\]/,\$p" | sed -n 's/^boot_partition=\([0-9]\).*/\1/p' | head -n 1
}

# start_slot all|tryboot CARD LOG: starts a slot and waits until it is ready. Fails if the machine restarts before, or if it hangs
# and is killed.
start_slot() {
    take_out_kernel "$2" "$(boot_partition "$1" "$2")" || return 1
    say "Booting partition $(boot_partition "$1" "$2") ([$1] of autoboot.txt)"
    if grep -q panic=0 "$work/cmdline.txt"; then start_hanging "$2" "$3"; else start_from "$2" "$3"; fi
}

# start_hanging CARD LOG: waits until the machine has hung for a while, then cuts the power, as a watchdog does.
start_hanging() {
    local began=$SECONDS
    start_machine "$2" "$work/initrd.img" '' "file=$1,format=raw"
    until grep -a -q 'Kernel panic' "$2" || [ $((SECONDS - began)) -gt "$ready_seconds_max" ]; do sleep 1; done
    sleep 15
    check 'a kernel that hangs does not end by itself' kill -0 "$machine"
    stop_machine
    return 1
}

# send_bundle KEY FILE [OPTION...]
send_bundle() {
    local key=$1 file=$2
    shift 2
    curl --silent --show-error --fail --max-time 300 --header "Authorization: Bearer $key" --header 'Content-Type: application/vnd.rauc' \
        --data-binary "@$file" "$@" "http://127.0.0.1:$http/api/update"
}

# until_update STATE VERSION: waits until the page reports this. It may report the previous update for a moment longer.
until_update() {
    local began=$SECONDS said before
    before=$(update_told) || before=
    said=$before
    until [ "$said" = "$1 $2" ]; do
        [[ $((SECONDS - began)) -lt $ready_seconds_max && ($said == "$before" || ! $said =~ ^(refused|fell_back)) ]] ||
            { warn "the update is '$said', not '$1 $2'"; return 1; }
        sleep 1
        said=$(update_told) || said=
    done
}
update_told() { page /api/status | node -p 'const { state, version } = JSON.parse(require("fs").readFileSync(0)).update; `${state} ${version}`'; }

# install_bundle NAME STATE: installs a bundle through the page's own request, and waits for this state.
install_bundle() {
    send_bundle 'the key of updates' "$work/$1.raucb" && until_update "$2" "$1"
}

# ask_restart: asks for a restart through the page's other request, and waits until the machine has ended (-no-reboot).
ask_restart() {
    curl --silent --fail --max-time 60 --header 'Authorization: Bearer the key of updates' --json '{}' "http://127.0.0.1:$http/api/update/restart" || return 1
    wait_for_end
}

# update_and_end NAME: updates a machine on which no key is set yet, and restarts it.
update_and_end() { set_key none 'the key of updates' && install_bundle "$1" waiting && ask_restart; }

# restart_into_update CARD LOG [COMMAND]: restarts as often as a Pi would, until the machine is ready. $booted lists the boot
# partitions used.
# COMMAND first changes the card.
restart_into_update() {
    local section tries
    booted=
    ask_restart || return 1
    ${3:+"$3" "$1"}
    for tries in 1 2 3; do
        [ -z "$machine" ] || wait_for_end || return 1
        if grep -a -q 'synthwire: the next start is a trial' "$2"; then section=tryboot; else section=all; fi
        booted+=" $(boot_partition "$section" "$1")"
        ! start_slot "$section" "$1" "$2" || return 0
    done
    return 1
}

# wait_for_end: waits until the machine restarts (with -no-reboot it ends instead).
wait_for_end() {
    local began=$SECONDS
    while kill -0 "$machine" 2>/dev/null; do
        [ $((SECONDS - began)) -lt "$ready_seconds_max" ] || { warn 'the machine does not restart'; return 1; }
        sleep 1
    done
}
