#!/usr/bin/env bash
# `make test-systemd` (as root): the Debian package under a real systemd, in an emulated PC with Debian 13: readiness, the
# port, the sandbox with a card connected later, reload, watchdog. tests/systemd/proof runs inside.
#
# The disk is a file tree (see test_deb.sh) with the package installed. The kernel is the real-time kernel of this
# machine's own suite. The test mounts nothing of this machine and uses none of its devices.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh
. scripts/chroots.sh

. scripts/with_packages.sh systemd
scripts/deb.sh amd64
package=$(ls -t "${CARGO_TARGET_DIR:-target}"/debian/synthwire_*[0-9]_amd64.deb | head -n 1)
archive=$(file_tree trixie amd64)
real_time_kernel

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
say 'Making the disk'
mkdir "$work/disk" "$work/initrd"
tar -C "$work/disk" --exclude='./dev/*' -xf "$archive"
cp "$package" "$work/disk/package.deb"
chroot "$work/disk" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin dpkg --install /package.deb >"$work/install.log" 2>&1 ||
    die 'the package could not be installed:' "$(cat "$work/install.log")"

# A sound card needs drivers/media/mc as well.
modules_to "$work/disk/usr" kernel/sound kernel/drivers/media/mc kernel/drivers/usb
install --mode=755 tests/systemd/proof "$work/disk/proof"
install --mode=644 tests/systemd/proof.service "$work/disk/etc/systemd/system/proof.service"
ln -s ../proof.service "$work/disk/etc/systemd/system/multi-user.target.wants/proof.service"
# A login on this line would hang up the line that the test uses.
ln -s /dev/null "$work/disk/etc/systemd/system/serial-getty@ttyS0.service"
: >"$work/disk/etc/fstab"
printf 'b08dfa6083e7567a1921a715000001fb\n' >"$work/disk/etc/machine-id"
truncate --size=1G "$work/disk.img"
mke2fs -q -t ext4 -d "$work/disk" "$work/disk.img"

mkdir "$work/initrd/bin"
cp "$(command -v busybox)" "$work/initrd/bin/busybox"
cp tests/systemd/init "$work/initrd/init"
modules_to "$work/initrd" kernel/drivers/virtio kernel/drivers/block/virtio_blk.ko kernel/fs/ext4 kernel/fs/jbd2 \
    kernel/fs/mbcache.ko kernel/lib kernel/crypto kernel/arch
(cd "$work/initrd" && find . | cpio --quiet -o -H newc) >"$work/initrd.img"

say 'Booting it'
log=$work/console.log
timeout 1500 qemu-system-x86_64 -machine q35 -accel tcg -cpu max -smp 2 -m 1024 -nographic -no-reboot -nic none \
    -kernel "$kernel/boot/vmlinuz-$name" -initrd "$work/initrd.img" -append 'console=ttyS0 quiet loglevel=3 panic=-1 systemd.show_status=0' \
    -drive "file=$work/disk.img,format=raw,if=virtio" -serial mon:stdio </dev/null 2>&1 | tee "$log" || warn 'the machine did not end by itself'

passed=$(grep -a -c '^proof: ok ' "$log") || true
failed=$(grep -a -c '^proof: FAILED ' "$log") || true
grep -a -q '^proof: done' "$log" || { warn 'the test inside did not come to its end' && failed=$((failed + 1)); }
printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
