# Sourced: stage `cuts` cuts the power while the card is written. $card is the process that emulates the card.

card=

# Uses one card over all boots; at a power cut, the card forgets data that was not flushed (tools/cut). The power is cut in
# turn while the machine boots (including the very first boot), while a key is being written, and soon after that.
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
        # The write of `key` was confirmed, so it must be there. The write of `wanted` was cut off unconfirmed: all of it may be
        # there, or nothing.
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

take_card_out() {
    [ -z "$card" ] || kill "$card" 2>/dev/null || true
    [ -z "$card" ] || wait "$card" 2>/dev/null || true
    card=
}

# is_among THING OTHER...: whether THING is one of the others.
is_among() {
    local other thing=$1
    shift
    for other; do [ "$thing" != "$other" ] || return 0; done
    return 1
}

# insert_card SEED LOG: starts the card; the seed decides which data survives the next cut.
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
