# Sourced: builds the kernel modules that ask a Raspberry Pi's firmware for a trial boot, and for undervoltage and temperature
# (image/tryboot/), in $work/tryboot.

# make_tryboot: builds them with the kernel's own headers and the tools in them (arm64, with the libraries of $work/system), if
# kernel or source have changed.
make_tryboot() {
    local folder=$work/tryboot name key headers
    name=$(kernel_name)
    key=$({ echo "$name"; cat image/tryboot/* image/tryboot.sh; } | sha256sum)
    [ "$(cat "$folder/key" 2>/dev/null)" != "$key" ] || return 0
    say "Building the modules that speak to the firmware"
    headers=linux-headers-$name
    rm -rf "$folder" && mkdir -p "$folder"/{deb,headers,module}
    (cd "$folder/deb" && for_image apt-get download --quiet=2 "$headers" \
        $(for_image apt-cache depends "$headers" | sed -n 's/^ *Depends: \(linux-\(headers\|kbuild\)-.*\)/\1/p'))
    find "$folder/deb" -name '*.deb' -exec dpkg-deb --extract {} "$folder/headers" \;
    cp image/tryboot/* "$folder/module/"
    # Debian's headers include each other by the path at which they are usually installed.
    sed -i "s,^include /,include $folder/headers/," "$folder/headers/usr/src/$headers/Makefile"
    # Removes an option that older compilers lack, debugging data, and all paths of this machine.
    QEMU_LD_PREFIX=$work/system make --silent -C "$folder/headers/usr/src/$headers" "M=$folder/module" ARCH=arm64 CC=aarch64-linux-gnu-gcc \
        CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT= CONFIG_DEBUG_INFO_BTF_MODULES= "KCFLAGS=-ffile-prefix-map=$folder=." modules >"$folder/log" 2>&1 ||
        { tail -n 20 "$folder/log" >&2; die 'the modules that speak to the firmware could not be built'; }
    aarch64-linux-gnu-strip --strip-debug --remove-section=.note.gnu.build-id "$folder"/module/synthwire_{tryboot,power}.ko
    rm -rf "$folder/deb" "$folder/headers"
    echo "$key" >"$folder/key"
}
