# Sourced: finds one Rust toolchain that meets Cargo.toml's rust-version. It asks each one for its version and installs nothing.
#
# Order: the cargo the caller already has on PATH, rustup's usual place, Debian's own in /usr/bin. Debian's is taken
# with /usr/bin first in PATH, because /usr/bin/cargo beside rustup's rustc mixes two toolchains (error E0463).

rust_version_needed() {
    sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' Cargo.toml
}

# version_reaches HAVE NEEDED
version_reaches() {
    [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# The Rust target of a Debian architecture.
rust_target() {
    case ${1:-} in
        arm64) printf 'aarch64-unknown-linux-gnu\n' ;;
        amd64) printf 'x86_64-unknown-linux-gnu\n' ;;
        *) return 1 ;;
    esac
}

# has_standard_library PATH TARGET: whether that PATH's rustc can build for TARGET.
has_standard_library() {
    local folder
    folder=$(PATH=$1 rustc --print target-libdir --target "$2" 2>/dev/null) && compgen -G "$folder/libstd-*.rlib" >/dev/null
}

# toolchain_path [TARGET]: the PATH under which `cargo` and `rustc` both reach the version needed (and can build for
# TARGET), on stdout; returns 1 when there is none.
toolchain_path() {
    local needed dir path tool version
    needed=$(rust_version_needed)
    for dir in '' "${CARGO_HOME:-${HOME:-/root}/.cargo}/bin" /usr/bin; do
        path=${dir:+$dir:}$PATH
        for tool in cargo rustc; do
            version=$(PATH=$path "$tool" --version 2>/dev/null | awk '{print $2}') || version=
            version_reaches "$version" "$needed" || continue 2
        done
        [ -z "${1:-}" ] || has_standard_library "$path" "$1" || continue
        printf '%s\n' "$path"
        return 0
    done
    return 1
}
