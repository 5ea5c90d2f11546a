# Sourced: builds the initramfs $work/initrd.img from busybox, the drivers that lead to the disk, and image/initramfs.

# The disk's signature, by which initramfs and udev recognize the card; image/overlay/usr/lib/udev contains it, too.
signature=53594e57

# The drivers needed to reach the card and its contents: the memory card hosts of Pi 3 and 4 with their clocks, regulators and
# lines, and the emulator's disk.
initramfs_modules=(squashfs overlay ext4 vfat nls_cp437 nls_ascii crc32c_generic libcrc32c mmc_block sdhci_iproc bcm2835 fixed gpio_regulator
    i2c_bcm2835 reset_raspberrypi bcm2835_wdt virtio_blk virtio_mmio)

# initramfs_programs FOLDER BUSYBOX: the initramfs without drivers. `make test-update` boots with the same programs.
initramfs_programs() {
    mkdir -p "$1"/{bin,dev,proc,sys,run,lower,rw,system,card}
    cp "$2" "$1/bin/busybox"
    ln -s busybox "$1/bin/sh"
    cp image/initramfs/* "$1/"
    sed -i "s/@SIGNATURE@/$signature/" "$1/init"
    chmod 755 "$1/init"
}

make_initramfs() {
    local root=$work/initramfs name module
    name=$(kernel_name)
    say 'Making the initramfs'
    rm -rf "$root"
    initramfs_programs "$root" "$(unpacked /bin/busybox)"
    mkdir -p "$root/lib/modules/$name"
# The modules are uncompressed, because this busybox cannot decompress; the whole archive is compressed at the end.
    for module in "${initramfs_modules[@]}"; do
        modprobe --dirname "$work/system/usr" --set-version "$name" --show-depends "$module" || die "the kernel has no module $module"
    done | awk '$1 == "insmod" && !seen[$2]++ { sub(".*/kernel/", "kernel/", $2); print $2 }' |
        (cd "$work/system/usr/lib/modules/$name" && xargs cp --parents --target-directory "$root/lib/modules/$name")
    find "$root" -name '*.ko.xz' -exec xz --decompress {} +
    cp "$work/system/usr/lib/modules/$name"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$name/"
    depmod --basedir "$root" "$name"
    find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    (cd "$root" && find . | LC_ALL=C sort | cpio --quiet --create --format=newc --owner=+0:+0 --reproducible) |
        zstd --quiet -19 >"$work/initrd.img"
}
