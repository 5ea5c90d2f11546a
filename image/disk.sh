# Sourced: the partitions and the disk, as image/README.md lays them out.

# make_disk FILE
make_disk() {
    local parts=$work/parts slot
    say 'Making the disk'
    rm -rf "$parts" "$work/genimage.tmp" && mkdir "$parts"
    make_config "$parts"
    for slot in a b; do make_boot "$parts" "$slot"; done
    cp "$work/root.squashfs" "$parts/root-a"
    make_ext4 "$parts/data"
# The image appears only when it is complete.
    genimage --config image/genimage.cfg --inputpath "$parts" --outputpath "$work" --tmppath "$work/genimage.tmp" --rootpath "$parts" --loglevel 1
    mv "$work/card.img" "$1"
}

# fat FILE MIB LABEL ID: makes an empty file system. The ID is fixed, so that the bytes are always the same.
fat() {
    truncate --size="$2M" "$1"
    mkfs.vfat --invariant -i "$4" -n "$3" "$1" >/dev/null
}

# onto FILE FOLDER: copies the contents of the folder, with their times.
onto() {
    find "$2" -exec touch --date="@$SOURCE_DATE_EPOCH" {} +
    (cd "$2" && find . -mindepth 1 -maxdepth 1 -printf '%P\n' | LC_ALL=C sort | TZ=UTC MTOOLS_SKIP_CHECK=1 xargs -d '\n' -I{} mcopy -s -m -i "$1" {} ::)
}

make_config() {
    local folder=$work/config
    rm -rf "$folder" && cp -r image/config "$folder"
# A Pi 3 needs this file to find autoboot.txt; a Pi 4 has its own.
    cp "$(unpacked /lib/raspi-firmware)/bootcode.bin" "$folder/"
    fat "$1/config" 32 SYNTHWIRE 53594e01
    onto "$1/config" "$folder"
}

# make_boot FOLDER SLOT: makes a boot partition. That of slot b is empty until the first update.
make_boot() {
    local folder=$work/boot-$2 firmware name program
    fat "$1/boot-$2" 96 "BOOT-${2^}" "53594e0$((2 + (0x$2 - 10)))"
    rm -rf "$folder"
    [ "$2" = a ] || return 0
    name=$(kernel_name)
    firmware=$(unpacked /lib/raspi-firmware)
    mkdir "$folder"
    cp image/boot/config.txt "$folder/"
    sed "s/@SLOT@/$2/" image/boot/cmdline.txt >"$folder/cmdline.txt"
    cp "$work/unpacked/tree/boot/vmlinuz-$name" "$folder/vmlinuz"
    cp "$work/initrd.img" "$folder/"
    for program in start4.elf start.elf; do check_settings image/boot/config.txt "$firmware/$program"; done
    # Pi 4: start4, fixup4. Pi 3 and Zero 2 W: start, fixup.
    cp "$firmware"/{start4.elf,fixup4.dat,start.elf,fixup.dat,bootcode.bin} "$folder/"
    cp "$(unpacked "/lib/linux-image-$name")"/broadcom/bcm2{711,837}-rpi-*.dtb "$folder/"
    onto "$1/boot-$2" "$folder"
}

# check_settings CONFIG FIRMWARE: a setting that the firmware does not know would silently do nothing.
check_settings() {
    local setting
    sed -n 's/^\([a-z][a-z0-9_]*\)[= ].*/\1/p' "$1" | while read -r setting; do
        grep -a -q -w -e "$setting" "$2" || die "the firmware does not know '$setting' of $1" 'apt has an older raspi-firmware than this image needs'
    done
}

make_ext4() {
    local folder=$work/data name
    rm -rf "$folder"
    make_data "$folder"
    find "$folder" -exec touch --date="@$SOURCE_DATE_EPOCH" {} +
    truncate --size=256M "$1"
    E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mke2fs -q -t ext4 -L data -U 53594e57-0000-4000-8000-000000000007 \
        -E hash_seed=53594e57-0000-4000-8000-000000000008,root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0 -d "$folder" "$1"
    # mke2fs copies ctime and atime from this machine's folders, where nobody can set them.
    (cd "$folder" && find . -printf '%P\n') | while read -r name; do
        printf 'set_inode_field "/%s" %s\n' "$name" "ctime @$SOURCE_DATE_EPOCH" "$name" 'ctime_extra 0' "$name" "atime @$SOURCE_DATE_EPOCH" \
            "$name" 'atime_extra 0'
    done | E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH debugfs -w -f - "$1" >/dev/null 2>&1
}
