# Sourced: stage `damage` damages the data partition, and checks the keys, the certificate, and the way out.

# A card with a key: first a repair removes the file that contains the key, then all superblocks are lost.
stage_damage() {
    local mine=$work/damage.img log=$logs/image-damage-console.log fat first again
    fat=$mine@@$(partition_at 1)
    cp --sparse=always "$IMAGE" "$mine"
    start_from "$mine" "$log" || { not_ok 'the card boots'; return; }
    first=$(authority) || not_ok 'it has its certificate'
    check 'without a key the door is open' door_is open
    check 'a settings key is taken' set_key none 'the key before the damage'
    stop_machine

    lose_keys "$mine"
    start_from "$mine" "$log" || { not_ok 'it boots after a repair'; return; }
    again=$(authority) || again=none
    check 'repaired, it is who it was' test "$again" = "$first"
    check 'the door stays closed' door_is closed
    check 'the page says that it was repaired' is_told 'The data partition was damaged and has been repaired.'
    check 'and what was lost' is_told 'Lost from the data partition: access.json.'
    stop_machine
    start_from "$mine" "$log" || { not_ok 'it boots again'; return; }
    check 'closed it stays' door_is closed
    stop_machine

    wipe_superblocks "$mine"
    start_from "$mine" "$log" || { not_ok 'it boots without its data partition'; return; }
    check 'without its data partition it answers, also over HTTPS' grep -q '<html' <<<"$(secure_page /)"
    check 'the door is closed' door_is closed
    check 'the page says why' is_told 'The data partition cannot be used'
    check 'and how to get out' is_told 'put a file named factory-reset on the partition SYNTHWIRE'
    check 'no authority is made in the place of the one before' no_authority
    stop_machine

    start_reset "$mine" "$fat" "$log" "$first" || return 0
    check 'the door is open' door_is open
    check 'the page says that it was reset' grep -q 'was reset' <<<"$(page /api/status)"
    check 'a key is taken' set_key none 'the key after the reset'
    stop_machine
    start_from "$mine" "$log" || { not_ok 'it boots once more'; return; }
    check 'and is kept' is_key 'the key after the reset'
    stop_machine
    rm -f "$mine"
}

# lose_keys CARD: access.json loses its name, and the file system is marked as having errors.
lose_keys() { with_state "$1" unlink_keys; }
unlink_keys() { printf '%s\n' 'unlink /synthwire/access.json' 'ssv state 2' | debugfs -w -f - "$1" >/dev/null 2>&1; }

# wipe_superblocks CARD: wipes all superblocks of its data partition, so that nothing can repair it.
wipe_superblocks() {
    local data at size block
    data=$(state_at "$1")
    at=${data##*=}
    size=$(dumpe2fs -h "$data" 2>/dev/null | sed -n 's/^Block size: *//p')
    for block in $(dumpe2fs "$data" 2>/dev/null | sed -n 's/.* superblock at \([0-9]*\),.*/\1/p'); do
        dd if=/dev/zero of="$1" bs="$size" seek=$((at / size + block)) count=1 conv=notrunc status=none
    done
}

# door_is open|closed: whether a client without a key is let in.
door_is() {
    local access
    access=$(page /api/access) || return 1
    case $1 in
        open) grep -q '"may_listen":true,"may_change_settings":true' <<<"$access" && page /api/status >/dev/null ;;
        closed) grep -q '"may_listen":false,"may_change_settings":false' <<<"$access" && ! page /api/status >/dev/null 2>&1 && ! set_key none 'of a stranger' 2>/dev/null ;;
    esac
}

# is_told WORDS: whether a client that is kept out gets this message.
is_told() { grep -q -F "$1" <<<"$(page /api/access)"; }
no_authority() { ! page /trust/synthwire.crt >/dev/null 2>&1; }
