#!/usr/bin/env bash
# Checks a device's names while they change, with the real avahi: names.sh SERVICE FOLDER, as root. Prints one line per check.
#
# The test has two machines on one switch, each with its own network, host name and /run: `device` runs the service, and `other`
# watches. The service is started once.
set -euo pipefail
service=$(realpath "$1") folder=$(realpath "$2")
cd "$folder"
device_at=192.168.77.1 other_at=192.168.77.2
http=8080 https=8443
inside=(--net --uts --mount --wd="$folder")
running=()
trap 'kill "${running[@]}" 2>/dev/null || true' EXIT
declare -A machines avahi

# soon COMMAND...: whether the command succeeds within a minute: avahi takes seconds, and the service looks for a responder twice
# a minute.
soon() {
    local until=$((SECONDS + 60))
    until "$@"; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.5
    done
}

check() {
    local what=$1
    shift
    if soon "$@" >>checks.log 2>&1; then echo "ok $what"; else echo "not ok $what"; fi
}

# on MACHINE COMMAND...
on() { nsenter "${inside[@]}" --target "${machines[$1]}" "${@:2}"; }

# run MACHINE LOG COMMAND...: runs until the end of the test. It does not use `on`, so that a kill hits the command itself.
run() {
    nsenter "${inside[@]}" --target "${machines[$1]}" "${@:3}" >>"$2.log" 2>&1 &
    running+=($!)
}

# machine NAME HOST
machine() {
    unshare --net --uts --mount sh -euc 'hostname "$1"
        mount -t tmpfs tmpfs /run
        for file in passwd group; do mount --bind "$file" "/etc/$file"; done
        ip link set lo up
        touch "$0.up"
        exec sleep infinity' "$1" "$2" >>"$1.log" 2>&1 &
    running+=($!)
    machines[$1]=$!
    soon test -e "$1.up"
}

# plug MACHINE ADDRESS: connects the machine to the switch.
plug() {
    nsenter --target "${machines[switch]}" --net ip link add "$1" type veth peer name eth0 netns "${machines[$1]}"
    nsenter --target "${machines[switch]}" --net ip link set "$1" master switch up
    on "$1" ip address add "$2/24" dev eth0
    on "$1" ip link set eth0 up
}

start_bus() {
    on "$1" mkdir -p /run/dbus /run/avahi-daemon
    run "$1" "$1" dbus-daemon --config-file="$folder/bus.conf" --nofork --nopidfile
    soon on "$1" test -S /run/dbus/system_bus_socket
}

start_avahi() {
    run "$1" "$1" avahi-daemon --file="$folder/avahi.conf" --no-drop-root --no-chroot --no-rlimits --no-proc-title
    avahi[$1]=$!
    soon on "$1" test -S /run/avahi-daemon/socket
}

stop_avahi() {
    kill "${avahi[$1]}"
    wait "${avahi[$1]}" || true
}

# The services that the other machine sees; avahi keeps capitals in a host name, which mean nothing.
announced() { on other avahi-browse --resolve --parsable --terminate "$1" | awk -F';' -v at="$device_at" '$1 == "=" && $8 == at { print tolower($7) ":" $9 }' | sort -u; }
only_announced() { [ "$(announced _http._tcp)" = "$1:$http" ] && [ "$(announced _https._tcp)" = "$1:$https" ]; }
# resolves NAME ADDRESS MACHINE: tests whether that machine resolves the name to this address.
resolves() { [ "$(on "$3" avahi-resolve --name "$1" -4 | cut -f2)" = "$2" ]; }
ask() { on other curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}' --resolve "*:$http:$device_at" --resolve "*:$https:$device_at" "$@"; }
accepted() { [ "$(ask "http://$1:$http/")" = 200 ]; }
refused() { [ "$(ask "http://$1:$http/")" = 421 ]; }
# Tests whether a client that trusts this device accepts its certificate for this name.
certified() { [ "$(ask --cacert authority.pem "https://$1:$https/")" = 200 ]; }
not_certified() { ! ask --cacert authority.pem "https://$1:$https/"; }

# says HOW: tests whether the service's latest log line about its name ends like this.
says() { [[ $(grep 'known on this network as' service.log | tail -n 1) == *" as $1" ]]; }

# both_called NAME: both machines get the same name while the network is split in two, as happens when an access point returns.
both_called() {
    nsenter --target "${machines[switch]}" --net ip link set other nomaster
    on other avahi-set-host-name "$1"
    soon resolves "$1.local" "$other_at" other
    nsenter --target "${machines[switch]}" --net ip link set other master switch
}

# taken_over NAME: the other machine takes the name. Of the two, the first to hear of a conflict gives up the name. So the other
# machine announces the name before it listens; then it hears the device ask for the name once more, and defends it.
taken_over() {
    nsenter --target "${machines[switch]}" --net ip link set other type bridge_slave mcast_flood off
    on other avahi-set-host-name "$1"
    soon grep -q "Host name is $1.local" other.log
    nsenter --target "${machines[switch]}" --net ip link set other type bridge_slave mcast_flood on
}

# is_called NAME WHEN: checks that the three names agree.
is_called() {
    check "$2: $1 is announced, with both ports and no other name" only_announced "$1"
    check "$2: $1 leads to it" resolves "$1" "$device_at" other
    check "$2: $1 is accepted" accepted "$1"
    check "$2: $1 is certified" certified "$1"
}

cat >bus.conf <<'END'
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
</busconfig>
END
# avahi looks up a user called avahi, even when it does not switch to that user.
(cat /etc/passwd && echo 'avahi:x:65532:65532::/:/bin/false') >passwd
(cat /etc/group && echo 'avahi:x:65532:') >group
printf '[server]\nuse-ipv4=yes\nuse-ipv6=no\n[publish]\npublish-aaaa-on-ipv4=no\n' >avahi.conf

machine switch switch
nsenter --target "${machines[switch]}" --net ip link add switch type bridge
nsenter --target "${machines[switch]}" --net ip link set switch up
machine device stage-pi
machine other guitar
plug device "$device_at"
plug other "$other_at"
for each in device other; do start_bus "$each" && start_avahi "$each"; done

run device service "$service" serve --listen "0.0.0.0:$http" --listen-tls "0.0.0.0:$https" --source exact:noise --state state
pid=$!
soon accepted stage-pi.local
on other curl --silent "http://$device_at:$http/trust/synthwire.crt" | openssl x509 -inform DER -out authority.pem
is_called stage-pi.local 'at the start'
check 'guitar.local is not its name' refused guitar.local
check 'and not certified' not_certified guitar.local

taken_over stage-pi
check 'another machine has the name, and is found by it' resolves stage-pi.local "$other_at" device
is_called stage-pi-2.local 'another machine has the name'
check 'a page opened under the name it had goes on' accepted stage-pi.local
check 'and is certified' certified stage-pi.local

on device sh -c 'echo Piano_Pi >/proc/sys/kernel/hostname'
for name in pianopi.local piano_pi; do check "the host name has changed: $name is accepted" accepted "$name"; done
check 'the host name has changed: pianopi.local is certified' certified pianopi.local
# The guide says that avahi asks for the host name only when it starts.
stop_avahi device
start_avahi device
check 'avahi was started anew, and the service follows it' says 'pianopi.local, through avahi'
is_called pianopi.local 'the host name has changed and avahi was started anew'
check 'a page opened under the name before goes on' certified stage-pi-2.local

on device avahi-set-host-name organ
is_called organ.local 'avahi was told another name'

stop_avahi device
check 'without avahi the service answers for itself' says 'pianopi.local, without avahi'
is_called pianopi.local 'without avahi'
on other avahi-set-host-name flute
soon resolves flute.local "$other_at" other
on device sh -c 'echo flute >/proc/sys/kernel/hostname'
is_called flute-2.local 'without avahi, the host name has changed to one that another machine has'
check 'and that one keeps it' resolves flute.local "$other_at" other
on device sh -c 'echo Piano_Pi >/proc/sys/kernel/hostname'
is_called pianopi.local 'without avahi, the host name has changed back'
both_called pianopi
# The service must see it before the other machine asks and finds its own name taken.
check 'without avahi the service sees that another machine has come by its name' says 'pianopi-2.local, without avahi'
is_called pianopi-2.local 'without avahi, another machine has the name'
on other avahi-set-host-name guitar
on device sh -c 'echo Organ >/proc/sys/kernel/hostname'
is_called organ.local 'without avahi, the host name has changed once more'
start_avahi device
check 'avahi is back, and the service leaves it to it' says 'organ.local, through avahi'
is_called organ.local 'avahi is back'

check 'it was one service all the time' kill -0 "$pid"
check 'and nothing of ours panicked' bash -c "! grep -q panicked service.log"
