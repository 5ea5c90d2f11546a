#!/usr/bin/env bash
# `make deb`: the Debian package, for an existing Raspberry Pi or PC. scripts/deb.sh [arm64] [amd64]
#
# Uses a tree of files and dpkg-deb, without a packaging tool. The package has one program and a dozen files, each
# copied here by name. cargo-deb would add a hundred crates for the same archive, and debhelper a second
# build system. The build is reproducible.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh

[ $# -gt 0 ] || set -- arm64 amd64
version=$(sed -n 's/^version *= *"\(.*\)"/\1/p' Cargo.toml | head -n 1)${VERSION_SUFFIX:-}
# In an unpacked archive, without a repository, we use the date of the release's own file.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}
export SOURCE_DATE_EPOCH
out=${CARGO_TARGET_DIR:-target}/debian
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

# put MODE FROM TO: copies a file into the package; TO is the path inside.
put() { install -D --mode="$1" "$2" "$tree/$3"; }

fill() {
    local binary=$1 doc=usr/share/doc/synthwire
    put 755 "$binary" usr/bin/synthwire
    put 644 systemd/synthwire.service usr/lib/systemd/system/synthwire.service
    put 644 systemd/synthwire.socket usr/lib/systemd/system/synthwire.socket
    put 644 systemd/modules-load.conf usr/lib/modules-load.d/synthwire.conf
    put 644 systemd/sysctl.conf usr/lib/sysctl.d/60-synthwire.conf
    put 644 systemd/sysusers.conf usr/lib/sysusers.d/synthwire.conf
    put 644 systemd/limits.conf etc/security/limits.d/synthwire.conf
    put 644 packaging/synthwire.toml etc/synthwire/synthwire.toml
    put 644 packaging/synthwire.1 usr/share/man/man1/synthwire.1
    gzip -9n "$tree/usr/share/man/man1/synthwire.1"
    mkdir -p "$tree/$doc"
    cp -r docs/guide docs/ref "$tree/$doc/"
    # The format requires indented paragraphs of the licence, with a dot on empty lines.
    sed -e 's/^$/./' -e 's/^/ /' LICENSE-MIT | sed -e '/@MIT@/{r /dev/stdin' -e 'd}' packaging/copyright.in >"$tree/$doc/copyright"
    printf 'synthwire (%s) unstable; urgency=medium\n\n  * What has changed is in the history of the sources.\n\n -- %s  %s\n' \
        "$version" "$(sed -n 's/^Maintainer: //p' packaging/control.in)" "$(date --utc --date="@$SOURCE_DATE_EPOCH" -R)" |
        gzip -9n >"$tree/$doc/changelog.gz"
}

control() {
    local arch=$1 glibc=$2 script
    mkdir -p "$tree/DEBIAN"
    sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$arch/" -e "s/@GLIBC@/$glibc/" \
        -e "s/@KIBIBYTES@/$(du -sk --apparent-size --exclude=DEBIAN "$tree" | cut -f1)/" packaging/control.in >"$tree/DEBIAN/control"
    (cd "$tree" && find etc -type f -printf '/%p\n' | sort) >"$tree/DEBIAN/conffiles"
    (cd "$tree" && find etc usr -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
    for script in postinst prerm postrm; do install --mode=755 "packaging/$script" "$tree/DEBIAN/$script"; done
}

for arch in "$@"; do
    binary=$(scripts/release.sh "$arch" | tail -n 1)
    tree=$work/$arch
    mkdir -p "$tree" "$out"
    fill "$binary"
    control "$arch" "$(scripts/release.sh --glibc "$binary")"
    find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    # Use one thread, because the number of threads changes how the file is split into blocks.
    dpkg-deb --root-owner-group -Zxz --threads-max=1 --build "$tree" "$out/synthwire_${version}_$arch.deb" >&2
    say "$out/synthwire_${version}_$arch.deb: $(stat -c %s "$out/synthwire_${version}_$arch.deb") bytes," \
        "$(sha256sum "$out/synthwire_${version}_$arch.deb" | cut -c1-16)"
    if command -v lintian >/dev/null; then
        lintian --fail-on error,warning --suppress-tags-from-file packaging/lintian-accepted "$out/synthwire_${version}_$arch.deb"
    else
        warn 'NOT CHECKED: there is no lintian here'
    fi
done
