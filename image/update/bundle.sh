#!/usr/bin/env bash
# `make bundle` (as root): a signed update from the parts of the newest image: target/image/synthwire-VERSION-arm64.raucb
#
# Builds the image first if there is none. key.sh explains the key and who trusts it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/plain_words.sh
. image/update/key.sh
. image/update/pack.sh
. image/disk.sh

. scripts/with_packages.sh bundle
work=${CARGO_TARGET_DIR:-target}/image
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}
export SOURCE_DATE_EPOCH
[ -e "$work/root.squashfs" ] && [ -d "$work/boot-a" ] || image/build.sh
work=$(realpath "$work")
image=$(ls -t "$work"/synthwire-*-arm64.img | head -n 1)
bundle=${image%.img}.raucb
version=${image##*/synthwire-}
signing_key
say "Signing with $update_cert"
fat "$work/boot.vfat" 96 BOOT 53594e04
onto "$work/boot.vfat" "$work/boot-a"
pack_bundle "$work/root.squashfs" "$work/boot.vfat" "${version%-arm64.img}" synthwire-pi-arm64 "$bundle"
rm "$work/boot.vfat"
say "$bundle ($(du -h "$bundle" | cut -f 1)): give it to the page under Update, or to 'synthwire update'"
