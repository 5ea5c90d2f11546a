# Sourced: file trees of other Debians, for tests. Made once and kept in target/chroots.

chroots=${CARGO_TARGET_DIR:-target}/chroots
mkdir -p "$chroots"

# file_tree SUITE ARCHITECTURE: the archive of a tree with systemd and the libraries the package needs, on stdout.
# From the mirror this machine's apt uses for Debian, or DEBIAN_MIRROR.
file_tree() {
    local archive=$chroots/$1-$2.tar
    local mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' | head -n 1)}
    if [ ! -e "$archive" ]; then
        say "Making a file tree of Debian $1 (some minutes, once)" >&2
        mmdebstrap --quiet --variant=apt --architectures="$2" --include=systemd,systemd-sysv,libasound2,libgcc-s1,kmod,udev "$1" \
            "$archive.part.tar" "$mirror" >&2
        mv "$archive.part.tar" "$archive"
    fi
    printf '%s\n' "$archive"
}
