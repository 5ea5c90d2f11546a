# Sourced: makes a bundle from the two parts of a slot.

# pack_bundle ROOT BOOT VERSION COMPATIBLE FILE: ROOT is a squashfs, BOOT a FAT file system.
pack_bundle() {
    local folder
    folder=$(mktemp -d)
    ln "$1" "$folder/root.img" 2>/dev/null || cp "$1" "$folder/root.img"
    ln "$2" "$folder/boot.vfat" 2>/dev/null || cp "$2" "$folder/boot.vfat"
    install --mode=755 image/update/hook "$folder/hook"
    cat >"$folder/manifest.raucm" <<END
[update]
compatible=$4
version=$3

[bundle]
format=verity

[hooks]
filename=hook

[image.root]
filename=root.img

[image.boot]
filename=boot.vfat
hooks=post-install
END
    rm -f "$5"
    rauc bundle --cert="$update_cert" --key="$update_key" "$folder" "$5" >"$folder.log" 2>&1 ||
        die 'the bundle could not be made:' "$(tail -n 5 "$folder.log")"
    rm -rf "$folder" "$folder.log"
}
