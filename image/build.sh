#!/usr/bin/env bash
# `make image` (as root): builds the SD card's image from Debian's packages and ours. image/build.sh [DEB]
#
# DEB is the service's package for arm64; without it scripts/deb.sh makes one. Output: target/image/synthwire-VERSION-arm64.img
# and the files that belong to it. Each step is in a file that describes it; downloads and emulated steps are kept:
#   apt.sh       a separate apt for Debian 13 arm64, from the mirrors this machine's apt uses
#   rootfs.sh    the packages whose scripts matter, in an emulated chroot             (minutes, once)
#   unpack.sh    kernel, firmware, busybox: unpacked                                  (once)
#   update/key.sh the key whose signatures the card's system accepts: made once, kept outside the sources
#   tryboot.sh   two modules for that kernel
#   system.sh    both together with ours and image/overlay, as squashfs
#   initramfs.sh the initramfs
#   disk.sh      partitions and the disk
#   manifest.sh  the list of contents with their licences
# Installs only tools on this machine (scripts/packages.sh image) and uses no loop device.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh

[ "$(id -u)" -eq 0 ] || die 'this needs root: files of the image belong to several users' 'Try: sudo make image'
. scripts/with_packages.sh image
umask 022
# In an unpacked archive, without a repository, we use the date of the release's own file.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}
export SOURCE_DATE_EPOCH
work=${CARGO_TARGET_DIR:-target}/image
mkdir -p "$work"
work=$(realpath "$work")

for step in apt rootfs unpack update/key tryboot system initramfs disk manifest; do . "image/$step.sh"; done

package=${1:-}
if [ -z "$package" ]; then
    scripts/deb.sh arm64
    package=$(ls -t "${CARGO_TARGET_DIR:-target}"/debian/synthwire_*[0-9]_arm64.deb | head -n 1)
fi
version=$(dpkg-deb --field "$package" Version)
image=$work/synthwire-$version-arm64.img

private_apt
make_rootfs
unpack_packages
make_system "$package"
make_initramfs
make_disk "$image"
make_manifest "$image"
pack_image "$image"
