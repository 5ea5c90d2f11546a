#!/usr/bin/env bash
# `make test-hostile`: tests by independent tools, as root. The last line counts all of them, as in `make test`.
#
# scripts/test_hostile.sh [STAGE...] runs only the stages named:
#   chaos        a listener hears every frame bit-exactly during all attacks, for CHAOS_S seconds (600)
#   conformance  the Autobahn|Testsuite against an echo built from the service's own handshake and frames
#   slow         slowhttptest in its four modes: the service must answer all the time
#   headers      wapiti's look at headers, policies and cookies
#   tls          testssl.sh's look at the HTTPS port: protocols, ciphers, the certificate, known weaknesses
#   proxies      nginx and Caddy with the configurations of docs/guide/proxies.md: page, key, cookie, the socket with its sound
#   names        the real avahi on a network of its own: another machine takes the name, the host name changes, avahi stops and restarts
#   metrics      promtool on /metrics, on the alerts and on their tests
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh
. scripts/tally.sh

stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=(metrics headers proxies names tls conformance slow chaos)
port=18999
tls_port=18998
proxy_port=18997
helper=
behind= # the service behind a proxy

cleanup() { kill $helper $behind 2>/dev/null || true; }
trap cleanup EXIT

# start COMMAND...: runs a program until `stop`; waits until it answers on its port.
start() {
    local answers_on=$1
    shift
    "$@" >"$logs/${1##*/}.log" 2>&1 &
    helper=$!
    for _ in $(seq 100); do
        (exec 3<>"/dev/tcp/127.0.0.1/$answers_on") 2>/dev/null && return
        sleep 0.1
    done
    die "$1 does not answer on port $answers_on" "Its last words are in $logs/${1##*/}.log"
}

stop() {
    kill "$helper" 2>/dev/null || true
    wait "$helper" 2>/dev/null || true
    helper=
}

serve() { start "$port" "$service" serve --listen "127.0.0.1:$port" --source exact:noise "$@"; }

# check STAGE WHAT COMMAND...: one case of a stage; its output goes to the stage's log.
check() {
    local stage=$1 what=$2
    shift 2
    if "$@" >>"$logs/$stage.log" 2>&1; then
        cases_passed=$((cases_passed + 1))
    else
        cases_failed=$((cases_failed + 1))
        warn "$stage: $what failed (see $logs/$stage.log)"
    fi
}

answers() { curl --silent --fail --max-time 10 "http://127.0.0.1:$port/healthz"; }

metrics() {
    serve
    curl --silent "http://127.0.0.1:$port/metrics" >"$logs/metrics.txt"
    check metrics 'the text of /metrics' promtool check metrics <"$logs/metrics.txt"
    check metrics 'the alerts' promtool check rules docs/ref/metrics/alerts.yml
    check metrics 'the tests of the alerts' promtool test rules docs/ref/metrics/alerts_test.yml
    stop
}

# Strict-Transport-Security applies only to the HTTPS address, and browsers have removed X-XSS-Protection; everything else must be
# in order.
no_findings() {
    node -e '
        const { vulnerabilities } = JSON.parse(require("fs").readFileSync(process.argv[1]));
        const found = Object.values(vulnerabilities).flat().filter(({ info }) => !/Strict-Transport-Security|X-XSS-Protection/.test(info));
        for (const { info, path } of found) console.log(path, info);
        process.exit(found.length ? 1 : 0);
    ' "$1"
}

headers() {
    serve
    check headers 'the service before' answers
    if ! command -v wapiti >/dev/null; then
        warn 'SKIPPED: headers: this Debian has no wapiti (Debian 12 has)'
        skips+=('headers: the scan by wapiti, which this Debian has not')
        cases_skipped=1
        stop
        return
    fi
    check headers 'the scan' timeout 300 wapiti --url "http://127.0.0.1:$port/" --scope folder --flush-session \
        --module csp,http_headers,cookieflags,methods,backup,file --format json --output "$PWD/$logs/wapiti.json" \
        --max-scan-time 240 --no-bugreport
    check headers 'what it found' no_findings "$logs/wapiti.json"
    check headers 'the service afterwards' answers
    stop
}

# Intended findings: the authority is this device's own, so no machine trusts it in advance, and it has no list of revoked
# certificates (docs/design/decisions/0010). Only files that are the same for everyone are compressed. BREACH needs a secret in them, and
# an answer that contains the attacker's input. Any other finding worse than LOW fails.
no_weakness() {
    node -e '
        const findings = JSON.parse(require("fs").readFileSync(process.argv[1]));
        const meant = /^(cert_chain_of_trust|cert_revocation|BREACH)$/;
        const bad = findings.filter(({ id, severity }) => /MEDIUM|HIGH|CRITICAL|FATAL/.test(severity) && !meant.test(id));
        for (const { id, severity, finding } of bad) console.log(severity, id, finding);
        process.exit(bad.length || !findings.some(({ id }) => id === "TLS1_3") ? 1 : 0);
    ' "$1"
}

tls() {
    rm -rf "$logs/state" "$logs/testssl.json"
    serve --listen-tls "127.0.0.1:$tls_port" --state "$logs/state"
    check tls 'the scan' timeout 600 testssl --quiet --color 0 --warnings off --ip 127.0.0.1 --jsonfile "$logs/testssl.json" \
        "localhost:$tls_port"
    check tls 'what it found' no_weakness "$logs/testssl.json"
    check tls 'the service afterwards' answers
    stop
}

# from_guide LANGUAGE: the block of that language in the guide, with this test's ports and certificate.
from_guide() {
    sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" docs/guide/proxies.md | sed '/^```/d' | sed \
        -e "s|127.0.0.1:8080|127.0.0.1:$port|" -e "s|listen 443 ssl|listen 127.0.0.1:$proxy_port ssl|" \
        -e "s|/etc/ssl/synth.example.org|$PWD/$logs/proxies/synth.example.org|" \
        -e "s|^synth.example.org {|https://synth.example.org:$proxy_port {\n\ttls $PWD/$logs/proxies/synth.example.org.pem $PWD/$logs/proxies/synth.example.org.key|"
}

# count STAGE WHERE: counts the checks on stdin, one per line, each with 'ok' or 'not ok'.
count() {
    local line
    while read -r line; do
        case $line in
            'ok '*) cases_passed=$((cases_passed + 1)) ;;
            *) cases_failed=$((cases_failed + 1)); warn "$1: $2: $line" ;;
        esac
        printf '%s: %s\n' "$2" "$line" >>"$logs/$1.log"
    done
}

# visit NAME: acts as a browser at the running proxy.
visit() { count proxies "$1" < <(node tests/hostile/proxy.mjs "https://synth.example.org:$proxy_port/synth/" "the band's key" 2>&1 || true); }

proxies() {
    local folder=$PWD/$logs/proxies
    rm -rf "$folder" && mkdir -p "$folder"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=synth.example.org \
        -addext subjectAltName=DNS:synth.example.org -keyout "$folder/synth.example.org.key" -out "$folder/synth.example.org.pem" 2>/dev/null
    printf 'names = ["synth.example.org"]\nlistening_key = "%s"\n' "$(echo "the band's key" | "$service" key 2>/dev/null)" >"$folder/synthwire.toml"
    serve --config "$folder/synthwire.toml"
    behind=$helper
    from_guide nginx >"$folder/site.conf"
    # nginx's own folders do not exist where it was unpacked.
    printf '%s\n' 'daemon off;' "pid $folder/nginx.pid;" "error_log $folder/nginx.log;" 'events {}' \
        "http { access_log off; $(printf "%s_temp_path $folder/temp;" client_body proxy fastcgi uwsgi scgi) include $folder/site.conf; }" >"$folder/nginx.conf"
    start "$proxy_port" nginx -c "$folder/nginx.conf"
    visit nginx
    stop
    from_guide caddy | cat <(printf '{\n\tadmin off\n\tauto_https off\n}\n') - >"$folder/Caddyfile"
    XDG_DATA_HOME=$folder XDG_CONFIG_HOME=$folder start "$proxy_port" caddy run --adapter caddyfile --config "$folder/Caddyfile"
    visit caddy
    stop
    helper=$behind behind=
    stop
}

names() {
    local folder=$PWD/$logs/names
    rm -rf "$folder" && mkdir -p "$folder"
    count names avahi < <(tests/hostile/names.sh "$service" "$folder" 2>&1 || echo 'not ok: it did not come to its end')
}

slow() {
    serve
    local mode
    for mode in "-H -i 3" "-B -i 3 -u http://127.0.0.1:$port/api/settings" "-R" "-X -w 512 -y 1024 -n 5 -z 32"; do
        # shellcheck disable=SC2086 # several words on purpose
        check slow "slowhttptest $mode" timeout 60 slowhttptest -c 400 -r 100 -l 20 -p 5 -u "http://127.0.0.1:$port/" $mode
        check slow "the service after $mode" answers
    done
    check slow 'never unreachable' bash -c "! grep -q 'service available: *NO' '$logs/slow.log'"
    stop
}

conformance() {
    start 9001 target/release/examples/websocket_echo 127.0.0.1:9001
    scripts/autobahn.sh "$logs/autobahn" | grep '^[0-9]' | tee "$logs/conformance.log"
    # The service offers no compression, because sound does not compress. Those cases count as skipped.
    local good='OK|NON-STRICT|INFORMATIONAL'
    cases_passed=$(grep -cE " ($good) ($good)\$" "$logs/conformance.log") || true
    cases_skipped=$(grep -c ' UNIMPLEMENTED ' "$logs/conformance.log") || true
    cases_failed=$(grep -cvE " ($good) ($good)\$| UNIMPLEMENTED " "$logs/conformance.log") || true
    stop
}

chaos() {
    CHAOS_S=${CHAOS_S:-600} check chaos 'the reference listener' \
        timeout 1500 scripts/cargo.sh test --locked --test chaos -- --nocapture
    tail -n 20 "$logs/chaos.log"
}

. scripts/with_packages.sh hostile
service=${SYNTHWIRE:-target/release/synthwire} # an existing program, to try a stage
if [ -z "${SYNTHWIRE:-}" ]; then
    say 'Building the service and the echo endpoint'
    scripts/cargo.sh build --release --locked
    scripts/cargo.sh build --release --locked --features hostile --example websocket_echo
fi
scripts/npm_packages.sh

for stage in "${stages[@]}"; do
    case $stage in
        chaos | conformance | slow | headers | proxies | names | tls | metrics) ;;
        *) die "unknown stage '$stage'" 'One of: metrics headers proxies names tls conformance slow chaos' ;;
    esac
    say "$stage"
    began=$SECONDS cases_passed=0 cases_failed=0 cases_skipped=0
    : >"$logs/$stage.log"
    "$stage"
    add_up "$stage" 0 "$((SECONDS - began))" "$cases_passed" "$cases_failed" "$cases_skipped"
done
tally_report
