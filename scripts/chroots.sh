# Sourced: file trees of other Debian releases, for tests. They are made once and kept in target/chroots.

chroots=${CARGO_TARGET_DIR:-target}/chroots
mkdir -p "$chroots"

# file_tree SUITE ARCHITECTURE [PACKAGES]: writes the archive of a tree to stdout, with systemd, the libraries the package
# needs, and PACKAGES. They come from the Debian mirror of this machine's apt, or from DEBIAN_MIRROR.
file_tree() {
    local archive=$chroots/$1-$2${3:+-${3%%,*}}.tar
    local mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' | head -n 1)}
    if [ ! -e "$archive" ]; then
        say "Making a file tree of Debian $1 (some minutes, once)" >&2
        mmdebstrap --quiet --variant=apt --architectures="$2" --include="systemd,systemd-sysv,libasound2,libgcc-s1,kmod,udev${3:+,$3}" "$1" \
            "$archive.part.tar" "$mirror" >&2
        mv "$archive.part.tar" "$archive"
    fi
    printf '%s\n' "$archive"
}

# real_time_kernel: unpacks the real-time kernel of this machine's own suite into $kernel and sets $name to its version.
real_time_kernel() {
    local image
    kernel=$chroots/kernel
    if [ ! -e "$kernel/name" ]; then
        say 'Fetching a real-time kernel'
        mkdir -p "$kernel"
        image=$(apt-cache depends linux-image-rt-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
        (cd "$kernel" && apt-get download -o APT::Sandbox::User=root "$image" && dpkg-deb -x "$image"_*.deb . && rm "$image"_*.deb)
        printf '%s\n' "${image#linux-image-}" >"$kernel/name"
    fi
    name=$(cat "$kernel/name")
}

# modules_to FOLDER PATH...: copies these modules of that kernel, with the files modprobe needs.
modules_to() {
    local to=$1/lib/modules/$name
    shift
    mkdir -p "$to"
    (cd "$kernel/lib/modules/$name" && find modules.builtin modules.builtin.modinfo modules.order "$@" -type f | cpio --quiet -pdm "$to")
    depmod --basedir "${to%/lib/modules/*}" "$name"
}
