#!/usr/bin/env bash
# `make test-deb` (as root): installs, upgrades, removes and purges the Debian package in Debian 12 and 13, each in its own file
# tree. That Debian's systemd checks the package's units. scripts/test_deb.sh [bookworm] [trixie]
# ARCH=arm64 on another machine does the same in an emulator.
#
# The test starts no service, because no systemd runs in a file tree. `make test-systemd` does that.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh
. scripts/chroots.sh

# The highest allowed score of systemd-analyze security, from 0 (closed) to 10 (open).
# Checked with the card's version of systemd. An older one scores differently, so its score is only shown.
exposure_max=2.0
# The card's own units, which run as root.
root_exposure_max=4.0
exposure_judge=trixie

[ "$(id -u)" -eq 0 ] || die 'a file tree of another Debian can only be entered as root' 'Run: sudo make test-deb'
[ $# -gt 0 ] || set -- bookworm trixie
. scripts/with_packages.sh deb
native=$(dpkg --print-architecture)
arch=${ARCH:-$native}
[ "$arch" = "$native" ] || . scripts/with_packages.sh image
scripts/deb.sh "$arch"
VERSION_SUFFIX=+upgrade scripts/deb.sh "$arch"
packages=${CARGO_TARGET_DIR:-target}/debian
old=$(ls "$packages"/synthwire_*[0-9]_"$arch".deb) new=$(ls "$packages"/synthwire_*+upgrade_"$arch".deb)

passed=0 failed=0
# check WHAT COMMAND...: one test; shows the command's output when it fails.
check() {
    local what=$1 said
    shift
    if said=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        warn "FAILED in $suite: $what" "$said"
    fi
}
# in_tree COMMAND...: runs without a network, because the package must not need one.
in_tree() { chroot "$tree" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
# A link counts, even if its target does not exist on this machine.
has() { [ -e "$tree$1" ] || [ -L "$tree$1" ]; }
has_not() { ! has "$1"; }
in_range() { awk -v is="$1" -v most="$2" 'BEGIN { exit !(is != "" && is + 0 <= most + 0) }'; }
# Every persistent file, except those that dpkg, caches and the user's entry always leave.
listing() {
    (cd "$tree" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./run -o -path ./var/lib/dpkg -o -path ./var/cache -o -path ./var/log \) -prune \
        -o -print | grep -vE '^\./etc/(passwd|group|shadow|gshadow|\.pwd\.lock)-?$' | sort)
}
no_rest() { diff "$work/before" <(listing); }
exposure() { in_tree systemd-analyze security --offline=yes --no-pager "$1" | sed -n 's/.*exposure level.*: \([0-9.]*\) .*/\1/p'; }

work=$(mktemp -d)
trap 'umount "$work"/*/proc 2>/dev/null || true; rm -rf --one-file-system "$work"' EXIT

for suite in "$@"; do
    tree=$work/$suite
    archive=$(file_tree "$suite" "$arch")
    say "Debian $suite"
    mkdir "$tree" && tar -C "$tree" --exclude='./dev/*' -xf "$archive"
    mkdir -p "$tree/proc" && mount -t proc proc "$tree/proc"
    cp "$old" "$tree/old.deb" && cp "$new" "$tree/new.deb"
    listing >"$work/before"

    check 'it installs' in_tree dpkg --install /old.deb
    check 'nothing it needs is missing' in_tree dpkg --audit
    check 'the program runs' in_tree synthwire --version
    check 'the user is there' in_tree getent passwd synthwire
    check 'the service starts with the machine' has /etc/systemd/system/multi-user.target.wants/synthwire.service
    check 'the socket, too' has /etc/systemd/system/sockets.target.wants/synthwire.socket
    # Debian 12's systemd warns only about the unknown Type=notify-reload, and uses Type=notify.
    check 'the units are sound' in_tree systemd-analyze verify --man=no synthwire.service synthwire.socket
    level=$(exposure synthwire.service)
    say "$(in_tree systemctl --version | head -n 1): exposure $level"
    [ "$suite" != "$exposure_judge" ] || check "exposure $level is at most $exposure_max" in_range "$level" "$exposure_max"
    if [ "$suite" = "$exposure_judge" ]; then
        mkdir "$tree/units" && cp systemd/*.service image/overlay/usr/lib/systemd/system/*.service "$tree/units/"
        for unit in "$tree"/units/*.service; do
            level=$(exposure "/units/${unit##*/}")
            check "exposure $level of ${unit##*/} is at most $root_exposure_max" in_range "$level" "$root_exposure_max"
        done
        rm -r "$tree/units"
    fi
    check 'the configuration is one the service takes' in_tree sh -c '! synthwire serve --config /etc/synthwire/synthwire.toml \
        --listen 192.0.2.1:1 --source exact:music 2>&1 | grep "synthwire.toml"'
    check 'every key of the packaged configuration is the default or takes its example' in_tree sh -c \
        'sed "s/^#\([a-z_]* =\)/\1/" /etc/synthwire/synthwire.toml >/tmp/all.toml && ! synthwire serve --config /tmp/all.toml \
        --listen 192.0.2.1:1 2>&1 | grep "all.toml"; rm /tmp/all.toml'

    echo '# mine' >>"$tree/etc/synthwire/synthwire.toml"
    check 'an administrator disables the socket' in_tree systemctl disable synthwire.socket
    check 'it is upgraded' in_tree dpkg --install /new.deb
    check 'a changed configuration is kept' grep -q '# mine' "$tree/etc/synthwire/synthwire.toml"
    check 'what was disabled stays so' has_not /etc/systemd/system/sockets.target.wants/synthwire.socket
    check 'what was enabled stays so' has /etc/systemd/system/multi-user.target.wants/synthwire.service
    check 'it is as new as it should be' in_tree sh -c 'dpkg-query --show synthwire | grep -q +upgrade'

    check 'it is removed' in_tree dpkg --remove synthwire
    check 'the program is gone' has_not /usr/bin/synthwire
    check 'the configuration stays' has /etc/synthwire/synthwire.toml
    check 'it is installed again' in_tree dpkg --install /new.deb
    mkdir -p "$tree/var/lib/synthwire" && touch "$tree/var/lib/synthwire/remembered"
    check 'it is purged' in_tree dpkg --purge synthwire
    check 'nothing of it is left' no_rest
    umount "$tree/proc"
done
printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
