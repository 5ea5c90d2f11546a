# Sourced: lists the contents of the image, for people and for programs, and makes the files for download.

# make_manifest IMAGE: IMAGE.packages (name, version, licences) and IMAGE.spdx.json (SPDX 2.3).
make_manifest() {
    local base=${1%.img}
    scripts/cargo.sh metadata --format-version 1 --locked --filter-platform aarch64-unknown-linux-gnu |
        node image/manifest.mjs "$work/system" "$work/unpacked" "${base##*/}" "$SOURCE_DATE_EPOCH" "$base.packages" "$base.spdx.json"
    say "$(wc -l <"$base.packages") packages, named in $base.packages"
}

# pack_image IMAGE: makes IMAGE.xz, its block map, checksums, and the description for Raspberry Pi Imager.
pack_image() {
    say 'Compressing it'
    # Blocks of a fixed size, so that the result does not depend on the number of threads.
    xz --keep --force --threads=0 --block-size=64MiB -6 "$1"
    bmaptool create --output "$1.bmap" "$1"
    imager_manifest "$1"
    (cd "$(dirname "$1")" && base=$(basename "$1" .img) &&
        sha256sum "$base".img{,.xz,.bmap} "$base".{packages,spdx.json,rpi-imager-manifest} synthwire.svg >"$base.sha256")
    say "$1.xz: $(stat -c %s "$1.xz") bytes; the system alone $(stat -c %s "$work/root.squashfs"), initramfs $(stat -c %s "$work/initrd.img")"
}

# imager_manifest IMAGE: IMAGE_URL is where users will download the files; without it, this machine's own folder.
imager_manifest() {
    local base=${1%.img} from=${IMAGE_URL:-file://${1%/*}}
    sum() { sha256sum "$1" | cut -d ' ' -f 1; }
    cp web/icon.svg "${1%/*}/synthwire.svg"
    sed -e "s|@FROM@|$from|" -e "s|@FILE@|${1##*/}.xz|" -e "s|@VERSION@|$version|" -e "s|@DATE@|$(date --utc --date="@$SOURCE_DATE_EPOCH" +%F)|" \
        -e "s|@EXTRACT_SIZE@|$(stat -c %s "$1")|" -e "s|@EXTRACT_SHA256@|$(sum "$1")|" \
        -e "s|@DOWNLOAD_SIZE@|$(stat -c %s "$1.xz")|" -e "s|@DOWNLOAD_SHA256@|$(sum "$1.xz")|" image/synthwire.rpi-imager-manifest.in >"$base.rpi-imager-manifest"
    node -e 'JSON.parse(require("fs").readFileSync(process.argv[1]))' "$base.rpi-imager-manifest" || die "$base.rpi-imager-manifest is no JSON"
}
