#!/usr/bin/env bash
# `make bench-rt`: traces the system calls of the capture thread per period, in the shipped service: with a
# generator, and with alsa-lib's jack plugin on a dummy jackd. tests/rt_discipline.rs checks that it allocates nothing.
#
# scripts/bench_rt.sh [SECONDS]. BENCH_RT_SERVICE names another binary. docs/design/real-time.md explains the tables.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh

seconds=${1:-10}
service=${BENCH_RT_SERVICE:-}
[[ $seconds =~ ^[0-9]+$ ]] || die "'$seconds' is no number of seconds"
. scripts/with_packages.sh bench-rt
if [ -z "$service" ]; then
    say 'Building the service'
    scripts/cargo.sh build --release --quiet --locked
    service=${CARGO_TARGET_DIR:-target}/release/synthwire
fi

folder=$(mktemp -d)
children=()
clean_up() {
    for child in "${children[@]}"; do kill "$child" 2>/dev/null && wait "$child" 2>/dev/null; done
    rm -rf "$folder"
}
trap clean_up EXIT

# wait_for LOG WORDS: waits until the log contains the words.
wait_for() {
    local _
    for _ in {1..200}; do
        grep -q "$2" "$1" 2>/dev/null && return 0
        sleep 0.05
    done
    cat "$1" >&2
    die "'$2' was never said; what was said is above"
}

# periods ADDRESS: the number of periods captured so far.
periods() {
    exec 3<>"/dev/tcp/${1%:*}/${1##*:}"
    printf 'GET /api/status HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$1" >&3
    sed -n 's/.*"periods":\([0-9]*\).*/\1/p' <&3
    exec 3>&-
}

# listen ADDRESS: one listener that discards the sound.
listen() {
    exec 4<>"/dev/tcp/${1%:*}/${1##*:}"
    printf '%s\r\n' 'GET /ws HTTP/1.1' "Host: $1" 'Connection: Upgrade' 'Upgrade: websocket' 'Sec-WebSocket-Version: 13' \
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' '' >&4
    cat <&4 >/dev/null &
    children+=("$!")
    exec 4>&-
}

# cpu_us PID TID: processor time so far, from the scheduler's own statistics; TID '*' adds up all threads.
cpu_us() { cat "/proc/$1/task/"$2/schedstat | awk '{ sum += $1 } END { print int(sum / 1000) }'; }

# The calls by name and type of descriptor. The type separates our calls (one eventfd, the wait) from the plugin's.
table() {
    awk -v periods="$2" '
        /resumed>/ || !/^[a-z_0-9]+\(/ { next }
        { name = $0; sub(/\(.*/, "", name); on = ""
          if (match($0, /\([0-9]+<[^>]*>/)) { on = substr($0, RSTART + 1, RLENGTH - 1); sub(/^[0-9]+</, "", on); sub(/>$/, "", on)
              if (on ~ /eventfd/) on = "eventfd"; else if (on ~ /^socket/) on = "socket"; else if (on ~ /^pipe/) on = "pipe" }
          calls[name "\t" on]++ }
        END { for (key in calls) { split(key, part, "\t")
              printf "    %-18s %-24s %8d %10.3f\n", part[1], part[2], calls[key], calls[key] / periods } }' "$1" | sort -k1,1
}

# trace NAME ARGUMENT...: runs the service with these arguments and prints the table.
trace() {
    local name=$1 log=$folder/service.log tid address before after cpu_before cpu_after
    shift
    RUST_LOG=info "$service" serve --listen 127.0.0.1:0 "$@" 2>"$log" &
    local pid=$!
    children+=("$pid")
    wait_for "$log" ' playing '
    address=$(sed -n 's|.*open http://\([^/]*\)/.*|\1|p' "$log")
    tid=$(grep -lx capture /proc/"$pid"/task/*/comm | cut -d/ -f5)

    listen "$address"
    local all_before all_after
    before=$(periods "$address") cpu_before=$(cpu_us "$pid" "$tid") all_before=$(cpu_us "$pid" '*')
    sleep "$seconds"
    after=$(periods "$address") cpu_after=$(cpu_us "$pid" "$tid") all_after=$(cpu_us "$pid" '*')
    printf '\n%s\n    capture thread, %s, untraced: %s us a period (%d periods), %s %% of a core\n    %s\n' "$name" \
        "$(sed -n 's/.* playing .*, \(SCHED_FIFO.*\|without.*\)/\1/p' "$log")" \
        "$(ratio "$((cpu_after - cpu_before))" "$((after - before))")" "$((after - before))" \
        "$(ratio "$((cpu_after - cpu_before))" "$((seconds * 10000))")" \
        "the whole service with one listener: $(ratio "$((all_after - all_before))" "$((seconds * 10000))") % of a core"

    before=$(periods "$address")
    timeout --signal=INT "$seconds" strace -qq -y -p "$tid" -o "$folder/trace" 2>"$folder/refused" || true
    after=$(periods "$address")
    [ -s "$folder/trace" ] || die 'strace may not look at the service:' "$(cat "$folder/refused")" \
        'Run it as root, or once: sysctl kernel.yama.ptrace_scope=0'
    printf '    %-18s %-24s %8s %10s   (%d periods while traced)\n' call on calls 'per period' "$((after - before))"
    table "$folder/trace" "$((after - before))"
    kill "$pid"
    wait "$pid" 2>/dev/null || true
}

# floor: the cost of a wake-up on this machine, without our service: one thread sleeps and writes an eventfd, at the same pace and
# priority, and wakes a second thread that sends a packet to a listener.
floor() {
    cat >"$folder/floor.c" <<'C'
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
enum { WAKES = 1725, PACKET_BYTES = 556, PERIOD_NS = 2902494 };
static int wake;
static double cpu_us(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}
static void say(const char *who, double us) {
    printf("    %-34s %5.1f us a period, %.2f %% of a core\n", who, us / WAKES, us / WAKES / PERIOD_NS * 1e5);
}
static void *capture(void *unused) {
    const struct sched_param fifo = {70};
    const uint64_t one = 1;
    struct timespec due;
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &fifo);
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (int i = 0; i < WAKES; i++) {
        due.tv_nsec += PERIOD_NS;
        if (due.tv_nsec >= 1000000000) due.tv_nsec -= 1000000000, due.tv_sec++;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, 0);
        if (write(wake, &one, sizeof one) < 0) break;
    }
    say("sleep and eventfd write", cpu_us(CLOCK_THREAD_CPUTIME_ID));
    return unused;
}
int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    static char packet[65536];
    const int door = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (bind(door, (void *)&address, size) || listen(door, 1) || getsockname(door, (void *)&address, &size)) return 1;
    if (fork() == 0) {
        const int ear = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(ear, (void *)&address, size)) return 1;
        while (read(ear, packet, sizeof packet) > 0) {}
        return 0;
    }
    const int listener = accept(door, 0, 0), poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    pthread_t thread;
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    wake = eventfd(0, EFD_NONBLOCK);
    epoll_ctl(poll, EPOLL_CTL_ADD, wake, &event);
    pthread_create(&thread, 0, capture, 0);
    while (epoll_wait(poll, &event, 1, 1000) == 1)
        if (send(listener, packet, PACKET_BYTES, MSG_NOSIGNAL) < 0) return 1;
    pthread_join(thread, 0);
    say("and one wake and send per listener", cpu_us(CLOCK_PROCESS_CPUTIME_ID));
}
C
    cc -O2 -o "$folder/floor" "$folder/floor.c" -lpthread
    printf '\nThe floor of this machine, at the pace of periods of 128 frames, and nothing else\n'
    "$folder/floor"
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b ? a / b : 0 }'; }

floor
trace 'A generator (exact:music)' --source exact:music

export JACK_DEFAULT_SERVER=synthwire-bench-rt-$$ JACK_NO_START_SERVER=1 JACK_NO_AUDIO_RESERVATION=1
cat >"$folder/asound.conf" <<'CONF'
</usr/share/alsa/alsa.conf>
pcm.graph { type jack capture_ports { 0 system:capture_1 1 system:capture_2 } playback_ports { } }
pcm.synth { type plug slave.pcm graph }
CONF
jackd -n "$JACK_DEFAULT_SERVER" -R -P 10 -m -d dummy -r 44100 -p 64 >"$folder/jack.log" 2>&1 &
children+=("$!")
export ALSA_CONFIG_PATH=$folder/asound.conf
trace 'plug{jack} on a dummy jackd of 64 frames' --device synth
