# Sourced: builds the system of a slot (Debian's part, our part, image/overlay) as one squashfs in $work/root.squashfs.

# Drivers by folder, or by file: those that a Pi or the test's emulator has, and those that a USB instrument needs (a sound card
# does not appear without drivers/media/mc). The image leaves out the rest of Debian's kernel.
drivers=(arch/arm64 block crypto lib
    fs/autofs fs/ext4 fs/fat fs/fuse fs/jbd2 'fs/mbcache.*' fs/nls fs/overlayfs fs/squashfs
    net/802 net/8021q net/bridge 'net/core/failover.*' net/ipv4 net/ipv6 net/llc net/mac80211 net/packet net/rfkill net/wireless
    sound/core sound/usb drivers/media/mc
    'drivers/block/loop.*' 'drivers/block/virtio_blk.*' drivers/bcma drivers/char/hw_random drivers/cpufreq drivers/dma drivers/firmware
    'drivers/i2c/busses/i2c-bcm2835.*' drivers/leds 'drivers/md/dm-mod.*' 'drivers/md/dm-verity.*'
    'drivers/md/dm-bufio.*' drivers/mmc drivers/net/ethernet/broadcom/genet drivers/net/mdio drivers/net/phy drivers/net/usb
    'drivers/net/virtio_net.*' 'drivers/net/net_failover.*' drivers/net/wireless/broadcom drivers/nvmem drivers/pwm drivers/regulator
    drivers/reset drivers/rtc 'drivers/spi/spi-bcm2835.*' drivers/thermal/broadcom drivers/usb/common drivers/usb/core drivers/usb/dwc2
    drivers/usb/host drivers/usb/phy drivers/usb/storage drivers/virtio 'drivers/watchdog/bcm2835_wdt.*')

# make_system DEB: builds that system.
make_system() {
    local tree=$work/system name
    say 'Putting the system together'
    rm -rf --one-file-system "$tree" && mkdir "$tree"
    tar -C "$tree" --exclude='./dev/*' --numeric-owner -xf "$work/rootfs.tar"
    make_tryboot
    copy_modules
    copy_firmware
    add_package "$1"
    lay_over
    in_tree systemd-sysusers
    enable_units
    trim
    find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    rm -f "$work/root.squashfs"
    mksquashfs "$tree" "$work/root.squashfs" -quiet -no-progress -noappend -comp zstd -Xcompression-level 15 -b 256K >"$work/mksquashfs.log"
}

in_tree() { env -i PATH=/usr/sbin:/usr/bin SYSTEMD_OFFLINE=1 chroot "$work/system" "$@"; }

kernel_name() { ls "$work/unpacked/tree/usr/lib/modules" 2>/dev/null || ls "$work/unpacked/tree/lib/modules"; }

# unpacked PATH: the place of a file of those packages, which may be in /usr or not.
unpacked() { if [ -e "$work/unpacked/tree/usr$1" ]; then echo "$work/unpacked/tree/usr$1"; else echo "$work/unpacked/tree$1"; fi; }

copy_modules() {
    local name from to
    name=$(kernel_name)
    from=$(unpacked "/lib/modules/$name")
    to=$work/system/usr/lib/modules/$name
    mkdir -p "$to/kernel"
    cp "$from"/modules.{builtin,builtin.modinfo,order} "$to/"
    # Adds the modules on which these depend, by the kernel's own list of dependencies. (Unquoted, so that single files match with
    # any compression suffix.)
    depmod --basedir "${from%/lib/modules/*}" "$name"
    (cd "$from/kernel" && find ${drivers[*]} -name '*.ko*' -printf 'kernel/%p\n') |
        awk 'NR == FNR { wanted[$1]; next } { file = $1; sub(":$", "", file) } file in wanted { sub(":", ""); for (i = 1; i <= NF; i++) print $i }' \
            - "$from/modules.dep" | sort -u | (cd "$from" && cpio --quiet -pdm "$to")
    install -D --mode=644 --target-directory="$to/updates" "$work"/tryboot/module/synthwire_{tryboot,power}.ko
    depmod --basedir "$work/system/usr" "$name"
}

# Firmware of the Pi's radios (43430, 43436: Pi 3 and Zero; 43455, 43456: Pi 3+, 4, 400), and the channels that each country
# allows.
copy_firmware() {
    local from to=$work/system/usr/lib/firmware name
    from=$(unpacked /lib/firmware)
    mkdir -p "$to"
    (cd "$from" && find brcm cypress -regextype egrep \
        -regex '.*/(brcmfmac|cyfmac)434(30|36|36s|55|56)-sdio(\.raspberrypi,[^.]*|\.Raspberry[^.]*)?\.(bin|clm_blob|txt)' | cpio --quiet -pdm "$to")
    for name in regulatory.db regulatory.db.p7s; do cp "$from/$name-debian" "$to/$name"; done
}

# add_package DEB: unpacks our package and registers it with dpkg.
add_package() {
    dpkg-deb --extract "$1" "$work/system"
    mkdir -p "$work/system/usr/share/synthwire"
    dpkg-deb --field "$1" Version >"$work/system/usr/share/synthwire/system-version"
    { dpkg-deb --field "$1" && echo 'Status: install ok unpacked' && echo; } >>"$work/system/var/lib/dpkg/status"
    dpkg-deb --fsys-tarfile "$1" | tar -t | sed -e 's/^\.//' -e 's/\/$//' -e 's/^$/\/./' >"$work/system/var/lib/dpkg/info/synthwire.list"
}

# Copies image/overlay, and makes the folders for mounts.
lay_over() {
    local tree=$work/system
    (cd image/overlay && find . -type d -printf '%P\0' | xargs -0 -I{} mkdir -p "$tree/{}")
    (cd image/overlay && find . ! -type d -printf '%P\0' | while IFS= read -r -d '' file; do
        if [ -L "$file" ]; then cp -P "$file" "$tree/$file"
        elif [ -x "$file" ]; then install --mode=755 "$file" "$tree/$file"
        else install --mode=644 "$file" "$tree/$file"; fi
    done)
    mkdir -p "$tree"/{data,boot/synthwire} "$tree"/var/lib/{synthwire,iwd,systemd/timesync}
    ln -sf /run/systemd/resolve/resolv.conf "$tree/etc/resolv.conf"
    printf 'uninitialized\n' >"$tree/etc/machine-id"
    # The first boot has nothing to update, because everything is from one build.
    touch "$tree/etc/.updated" "$tree/var/.updated"
    make_data "$tree/usr/share/synthwire/data"
    install_certificate "$tree"
}

# make_data FOLDER: the empty data partition (image/data).
make_data() {
    local mode folder
    mkdir -p "$1"
    grep -v '^#' image/data | while read -r mode folder; do install -d --mode="$mode" "$1/$folder"; done
}

enable_units() {
    local unit folder=$work/system/usr/lib/systemd/system
    local -a units=()
    while read -r unit; do
        [ -e "$folder/$unit" ] || install --mode=644 "systemd/$unit" "$folder/$unit" || die "there is no unit $unit" 'image/enable names it'
        units+=("$unit")
    done < <(grep -v -e '^#' -e '^$' image/enable)
    in_tree systemctl --quiet enable "${units[@]}"
    grep -v -e '^#' -e '^$' image/mask | while read -r unit; do ln -sf /dev/null "$work/system/etc/systemd/system/$unit"; done
}

# Removes leftovers of packages that differ between builds or are useless here.
trim() {
    local tree=$work/system
    rm -rf "$tree"/var/{cache,log,tmp,backups}/* "$tree"/tmp/* "$tree"/boot/vmlinuz* "$tree"/var/lib/apt "$tree"/etc/apt "$tree"/var/lib/dpkg/*-old
    rm -f "$tree"/etc/{passwd,group,shadow,gshadow,subuid,subgid}- "$tree"/etc/.pwd.lock "$tree"/etc/hosts.dpkg* "$tree"/var/lib/systemd/random-seed
    rm -rf "$tree"/usr/share/{zoneinfo/right,zoneinfo/posix,pixmaps,i18n} "$tree"/usr/lib/udev/hwdb.{d,bin}
    # No user has a password. (The date in shadow would be that of the build.)
    sed -i -E 's/^([^:]*):[^:]*:[^:]*:/\1:*:20000:/' "$tree/etc/shadow"
}
