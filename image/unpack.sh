# Sourced: unpacks the packages that need no installation, and keeps them as $work/unpacked/tree, with their control files beside
# it.

# unpack_packages: fetches and unpacks them if a version has changed.
unpack_packages() {
    local folder=$work/unpacked names
    names=$(wanted unpack)
    local uris
    # One line per package with version and checksum: from these the folder is made.
    uris=$(for_image apt-get download --print-uris $names 2>/dev/null) || uris=
    if [ -z "$uris" ]; then
        [ -e "$folder/uris" ] || die 'kernel and firmware cannot be found by apt' "Look at $work/apt/etc/sources.list"
        return 0
    fi
    [ "$(cat "$folder/uris" 2>/dev/null)" != "$uris" ] || return 0
    say "Fetching $(printf '%s ' $names)"
    rm -rf "$folder.new" && mkdir -p "$folder.new"/{tree,control,deb}
    (cd "$folder.new/deb" && for_image apt-get download --quiet=2 $names)
    local deb name
    for deb in "$folder.new"/deb/*.deb; do
        name=$(dpkg-deb --field "$deb" Package)
        dpkg-deb --extract "$deb" "$folder.new/tree"
        dpkg-deb --field "$deb" >"$folder.new/control/$name"
        dpkg-deb --fsys-tarfile "$deb" | tar -t | sed -e 's/^\.//' -e 's/\/$//' >"$folder.new/control/$name.list"
    done
    rm -r "$folder.new/deb"
    printf '%s\n' "$uris" >"$folder.new/uris"
    rm -rf "$folder" && mv "$folder.new" "$folder"
}
