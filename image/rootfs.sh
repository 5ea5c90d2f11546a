# Sourced: installs the packages whose maintainer scripts matter in an emulated chroot, and keeps it as $work/rootfs.tar.

# make_rootfs: rebuilds it when the list of packages or this file has changed. IMAGE_REFRESH=1 always rebuilds it.
make_rootfs() {
    local archive=$work/rootfs.tar key
    key=$({ wanted install; cat image/rootfs.sh; } | sha256sum | cut -c1-64)
    [ "${IMAGE_REFRESH:-}" = 1 ] || [ "$(cat "$archive.key" 2>/dev/null)" != "$key" ] || return 0
    emulator_is_known
    say "Installing $(wanted install | wc -l) packages and what they need, emulated (some ten minutes, once)"
    local -a trim=()
    local path
    for path in doc man info locale lintian bash-completion zsh doc-base bug; do
        trim+=("--dpkgopt=path-exclude=/usr/share/$path/*")
    done
# The database of device names takes minutes to compile in the emulator, and we do not need it.
    trim+=('--dpkgopt=path-exclude=/usr/lib/udev/hwdb.d/*')
    # Licences are kept.
    trim+=('--dpkgopt=path-include=/usr/share/doc/*/copyright')
    for_image mmdebstrap --variant=essential --mode=root --architectures=arm64 --format=tar "${trim[@]}" \
        --aptopt="$work/apt/etc/apt.conf.d/network" --include="$(wanted install | paste -s -d,)" \
        --customize-hook='rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id' \
        trixie "$archive.part" "$work/apt/etc/sources.list"
    mv "$archive.part" "$archive"
    printf '%s\n' "$key" >"$archive.key"
}

# The list of foreign program formats (binfmt_misc) belongs to this machine's kernel, not to a package, so we switch it on here.
emulator_is_known() {
    [ "$(dpkg --print-architecture)" != arm64 ] || return 0
    local formats=/proc/sys/fs/binfmt_misc
    mountpoint --quiet $formats || mount -t binfmt_misc binfmt_misc $formats ||
        die 'programs for arm64 cannot be run here: binfmt_misc is not in this kernel'
    [ -e $formats/qemu-aarch64 ] || update-binfmts --enable qemu-aarch64 ||
        die 'qemu-aarch64 could not be made known to the kernel' 'As root: dpkg-reconfigure qemu-user-static'
}
