#!/usr/bin/env bash
# Runs the Autobahn|Testsuite's fuzzing client against an echo endpoint at 127.0.0.1:9001: scripts/autobahn.sh REPORTS
#
# The suite is a Python 2.7 program. It runs in a Debian 11 of its own (target/autobahn), which mmdebstrap makes once from
# this machine's package sources. Needs root, for chroot. Prints one line per case: "CASE BEHAVIOUR CLOSE".
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh

reports=$1
home=target/autobahn
suite=autobahntestsuite==0.8.2
packages=python2-dev,gcc,libc6-dev,libffi-dev,libssl-dev,ca-certificates,python3-virtualenv,python-pip-whl

inside() { chroot "$home" env -i PATH=/usr/bin:/bin HOME=/root LANG=C "$@"; }

make_home() {
    say 'Making a Debian 11 for the Autobahn testsuite (about two minutes, once)'
    rm -rf "$home"
    # Leave out security updates: the update of pip contains lines that Python 2.7 cannot parse.
    local mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' | head -n 1)}
    mmdebstrap --quiet --variant=minbase --include="$packages" bullseye "$home" "$mirror"
    # The newest versions that still support Python 2.7. This machine's certificates and DNS settings give access to the network.
    cp /etc/resolv.conf /etc/hosts "$home/etc/"
    cp /etc/ssl/certs/ca-certificates.crt "$home/etc/ssl/certs/"
    inside virtualenv --quiet -p /usr/bin/python2.7 /opt/suite
    inside env PIP_CERT=/etc/ssl/certs/ca-certificates.crt bash -c \
        "/opt/suite/bin/pip install --quiet wsaccel==0.6.2 && /opt/suite/bin/pip install --quiet $suite" 2>"$home/pip.log" ||
        { tail -n 5 "$home/pip.log" >&2; die 'the suite could not be installed'; }
}

[ "$(id -u)" -eq 0 ] || die 'the Autobahn testsuite runs in a chroot: run this as root'
[ -x "$home/opt/suite/bin/wstest" ] || make_home
rm -rf "$home/reports" "$reports"
cp tests/hostile/fuzzingclient.json "$home/tmp/"
inside bash -c 'cd /tmp && /opt/suite/bin/wstest -m fuzzingclient -s fuzzingclient.json' >"$home/run.log" 2>&1 ||
    { tail -n 5 "$home/run.log" >&2; die 'the suite did not come to its end'; }
cp -r "$home/reports" "$reports"
node -e '
    const { synthwire } = JSON.parse(require("fs").readFileSync(process.argv[1]));
    for (const [id, { behavior, behaviorClose }] of Object.entries(synthwire)) console.log(id, behavior, behaviorClose);
' "$reports/index.json"
