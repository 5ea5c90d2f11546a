# Sourced: what the image holds, for people and for programs, and the files one downloads.

# make_manifest IMAGE: IMAGE.packages (name, version, licences) and IMAGE.spdx.json (SPDX 2.3).
make_manifest() {
    local base=${1%.img}
    scripts/cargo.sh metadata --format-version 1 --locked --filter-platform aarch64-unknown-linux-gnu |
        node image/manifest.mjs "$work/system" "$work/unpacked" "${base##*/}" "$SOURCE_DATE_EPOCH" "$base.packages" "$base.spdx.json"
    say "$(wc -l <"$base.packages") packages, named in $base.packages"
}

# pack_image IMAGE: IMAGE.xz, its block map, checksums.
pack_image() {
    say 'Compressing it'
    # Blocks of a fixed size: how many threads there are must not show.
    xz --keep --force --threads=0 --block-size=64MiB -6 "$1"
    bmaptool create --output "$1.bmap" "$1"
    (cd "$(dirname "$1")" && base=$(basename "$1" .img) && sha256sum "$base".img{,.xz,.bmap} "$base".{packages,spdx.json} >"$base.sha256")
    say "$1.xz: $(stat -c %s "$1.xz") bytes; the system alone $(stat -c %s "$work/root.squashfs"), initramfs $(stat -c %s "$work/initrd.img")"
}
