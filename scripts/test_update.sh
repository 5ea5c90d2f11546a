#!/usr/bin/env bash
# `make test-update` (as root): tests updates with the real rauc under a real systemd in an emulated PC. Some bundles must be
# refused, one must be installed and pass its trial, and two broken ones must fall back. tests/update/proof runs inside.
#
# The disk is laid out like the card (image/README.md), with the image's own initramfs program and updater; the system is a Debian
# 13 file tree with our package. This script acts as the boot loader: like a Pi's, it reads autoboot.txt and takes kernel,
# initramfs and command line from the slot's boot partition. It learns about `reboot "0 tryboot"` from the kernel's line on the
# console.
# PACKAGE names an existing package; without it scripts/deb.sh builds one.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh
. scripts/chroots.sh
. image/update/key.sh
. image/update/pack.sh
. image/system.sh
. image/initramfs.sh

. scripts/with_packages.sh update
package=${PACKAGE:-}
if [ -z "$package" ]; then
    scripts/deb.sh amd64
    package=$(ls -t "${CARGO_TARGET_DIR:-target}"/debian/synthwire_*[0-9]_amd64.deb | head -n 1)
fi
archive=$(file_tree trixie amd64 rauc,rauc-service,dbus,dosfstools,e2fsprogs,procps)
real_time_kernel

boots_max=10
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
logs=${CARGO_TARGET_DIR:-target}/test-logs
mkdir -p "$logs"
tree=$work/tree

say 'Making the system'
mkdir "$tree"
tar -C "$tree" --exclude='./dev/*' --exclude='./usr/share/doc' --exclude='./usr/share/locale' --exclude='./usr/share/man' \
    --exclude='./var/cache/apt' --exclude='./var/lib/apt' -xf "$archive"
dpkg-deb --extract "$package" "$tree"
chroot "$tree" env -i PATH=/usr/sbin:/usr/bin systemd-sysusers
cp -r image/overlay/. "$tree/"
find "$tree/usr/lib/synthwire" -type f -exec chmod 755 {} +
make_key "$work/key" 'Test of updates'
make_key "$work/other_key" 'Somebody else'
export UPDATE_KEY=$work/key/key.pem UPDATE_CERT=$work/key/cert.pem
install_certificate "$tree"
modules_to "$tree/usr" kernel/drivers/block kernel/drivers/md kernel/fs kernel/lib kernel/crypto kernel/arch
install -D --mode=755 tests/update/proof "$tree/test/proof"
install --mode=644 tests/update/proof.service "$tree/etc/systemd/system/proof.service"
mkdir -p "$tree"/{data,boot/synthwire,bundles,etc/systemd/system/{multi-user,sysinit,sockets}.target.wants} "$tree"/var/lib/{synthwire,iwd,systemd/timesync}
for unit in synthwire.service synthwire.socket synthwire-https.socket synthwire-update.path synthwire-good.service proof.service; do
    case $unit in *.socket) wants=sockets ;; synthwire-good*) wants=sysinit ;; *) wants=multi-user ;; esac
    path=/usr/lib/systemd/system/$unit
    [ -e "$tree$path" ] || path=/etc/systemd/system/$unit
    ln -sf "$path" "$tree/etc/systemd/system/$wants.target.wants/$unit"
done
printf 'uninitialized\n' >"$tree/etc/machine-id"
# Keeps only those of the card's mounts whose folders exist here.
sed -i -e '/iwd/d' "$tree/etc/fstab"
make_data "$tree/usr/share/synthwire/data"

# system VERSION: packs the tree as a squashfs.
system() {
    printf '%s\n' "$1" >"$tree/usr/share/synthwire/system-version"
    mksquashfs "$tree" "$work/root-$1" -quiet -no-progress -noappend -comp zstd -Xcompression-level 3 >/dev/null
}

mkdir "$work/bundles" "$work/boot"
initramfs_programs "$work/initrd" "$(command -v busybox)"
modules_to "$work/initrd" kernel/drivers/virtio kernel/drivers/block/virtio_blk.ko kernel/fs kernel/lib kernel/crypto kernel/arch
(cd "$work/initrd" && find . | cpio --quiet -o -H newc) | gzip -1 >"$work/boot/initrd.img"
cp "$kernel/boot/vmlinuz-$name" "$work/boot/vmlinuz"
printf 'console=ttyS0 quiet loglevel=3 panic=5 systemd.show_status=0 synthwire.slot=a\n' >"$work/boot/cmdline.txt"
fat() { mkfs.vfat -C "$1" $(($2 * 1024)) >/dev/null; }
fat "$work/boot.vfat" 64
mcopy -i "$work/boot.vfat" "$work"/boot/* ::

say 'Making the bundles'
compatible=synthwire-pi-arm64
signing_key
system 1
bundle() { pack_bundle "$1" "$work/boot.vfat" "$2" "$3" "$work/bundles/$4.raucb"; }
mkdir "$work/empty"
mksquashfs "$work/empty" "$work/root-no-start" -quiet -no-progress >/dev/null
bundle "$work/root-no-start" 3 "$compatible" no_start
bundle "$work/root-no-start" 3 another-device foreign
(update_key=$work/other_key/key.pem update_cert=$work/other_key/cert.pem && bundle "$work/root-no-start" 3 "$compatible" other)
head -c 100000 "$work/bundles/no_start.raucb" >"$work/bundles/truncated.raucb"
{ printf hsqs && head -c 100000 /dev/zero; } >"$work/bundles/unsigned.raucb"
head -c 100000 /dev/zero >"$work/bundles/junk.raucb"
bundle "$work/root-no-start" 0.5 "$compatible" older
cp "$work/bundles/no_start.raucb" "$work/bundles/changed.raucb"
printf 'changed' | dd of="$work/bundles/changed.raucb" bs=1 seek=4096 conv=notrunc status=none
system 2
bundle "$work/root-2" 2 "$compatible" good
ln -sf /dev/null "$tree/etc/systemd/system/synthwire.service"
mkdir "$tree/etc/systemd/system/synthwire-good.service.d"
printf '[Service]\nExecStart=\nExecStart=/usr/lib/synthwire/slot-good 60\n' >"$tree/etc/systemd/system/synthwire-good.service.d/hasty.conf"
system 4
bundle "$work/root-4" 1.5 "$compatible" no_answer # older than the running version, but requested with age=any
rm -rf --one-file-system "$tree"

say 'Making the disk'
truncate --size=420M "$work/bundles.img"
mke2fs -q -t ext4 -d "$work/bundles" "$work/bundles.img"
disk=$work/disk.img
truncate --size=900M "$disk"
sfdisk --quiet "$disk" <<END
label: dos
label-id: 0x$signature
size=16MiB, type=c
size=64MiB, type=c
size=64MiB, type=c
type=5
size=200MiB, type=83
size=200MiB, type=83
size=256MiB, type=83
END
at() { sfdisk --json "$disk" | node -p "512 * JSON.parse(require('fs').readFileSync(0)).partitiontable.partitions.find((p) => p.node.endsWith('.img$1')).start"; }
# into PARTITION FILE
into() { dd if="$2" of="$disk" bs=1M seek="$(at "$1")" oflag=seek_bytes conv=notrunc,sparse status=none; }
fat "$work/config.vfat" 16
mcopy -i "$work/config.vfat" image/config/autoboot.txt ::
make_data "$work/data"
truncate --size=256M "$work/data.img"
mke2fs -q -t ext4 -L data -d "$work/data" "$work/data.img"
into 1 "$work/config.vfat"
into 2 "$work/boot.vfat"
into 5 "$work/root-1"
into 7 "$work/data.img"

# end_hanging LOG: ends the machine if the kernel hangs after its panic instead of restarting, as a Pi's firmware does.
end_hanging() {
    until grep -a -q 'Kernel panic' "$1"; do sleep 1; done
    sleep 60
    say 'The kernel did not restart after its panic: ended'
    kill "$(cat "$work/pid")"
}

# boot SECTION LOG: starts the machine as a Pi's boot loader does; SECTION is all or tryboot.
boot() {
    local partition file watchdog
    partition=$(mtype -i "$disk@@$(at 1)" ::autoboot.txt | sed -n "/^\[$1\]/,\$p" | sed -n 's/^boot_partition=\([0-9]\).*/\1/p' | head -n 1)
    for file in vmlinuz initrd.img cmdline.txt; do mcopy -n -o -i "$disk@@$(at "$partition")" "::$file" "$work/$file"; done
    say "Booting partition $partition ([$1] of autoboot.txt)"
    : >"$2"
    end_hanging "$2" &
    watchdog=$!
    timeout 900 qemu-system-x86_64 -pidfile "$work/pid" -machine q35 -accel tcg -cpu max -smp 2 -m 1024 -nographic -no-reboot -nic none \
        -kernel "$work/vmlinuz" -initrd "$work/initrd.img" -append "$(cat "$work/cmdline.txt")" \
        -drive "file=$disk,format=raw,if=virtio" -drive "file=$work/bundles.img,format=raw,if=virtio,readonly=on" -serial mon:stdio </dev/null 2>&1 |
        stdbuf --output=L tr -d '\r' | tee "$2" | grep -a '^proof: ' || true
    kill "$watchdog" 2>/dev/null || true
}

failed=0
log=$logs/update-console.log
: >"$log"
section=all
expected='all all all tryboot tryboot all tryboot all'
sections=
for ((boots = 0; boots < boots_max; boots++)); do
    sections="$sections${sections:+ }$section"
    boot "$section" "$work/console"
    cat "$work/console" >>"$log"
    ! grep -a -q '^proof: done' "$work/console" || break
    # The flag that a Pi's firmware gets with the restart.
    if grep -a -q "Restarting system with command '0 tryboot'" "$work/console"; then section=tryboot; else section=all; fi
done
[ "$sections" = "$expected" ] || { warn "booted were: $sections; expected: $expected" && failed=$((failed + 1)); }
passed=$(grep -a -c '^proof: ok ' "$log") || true
failed=$((failed + $(grep -a -c '^proof: FAILED ' "$log" || true)))
grep -a -q '^proof: done' "$log" || { warn "the test inside did not come to its end; $log holds what was said" && failed=$((failed + 1)); }
printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
