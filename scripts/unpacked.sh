# Sourced: unpacks packages that cannot be installed here because a package of another suite conflicts with them (for example a
# backport's qemu-utils with the release's qemu-system-x86). Such a package is unpacked, with all its dependencies, into a file
# tree. It comes from the mirrors of this machine's apt. Its programs run with the tree's own loader and libraries: nothing is
# installed or removed, and no root is needed. Installed programs come first in PATH.

unpacked=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}/unpacked")
case :$PATH: in *":$unpacked/bin:"*) ;; *) PATH=$PATH:$unpacked/bin ;; esac
# Set it only if there is a file to find, because a changed PKG_CONFIG_PATH makes cargo rebuild.
! compgen -G "$unpacked/pkgconfig/*.pc" >/dev/null || export PKG_CONFIG_PATH="$unpacked/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"

# apt_plan ARGUMENT...: apt's own output of the steps to install them. Fails if apt would remove a package or finds no solution.
# If apt keeps no cache of its lists (container images switch it off), each query would take ten seconds, so this keeps one.
apt_plan() {
    mkdir -p "$unpacked"
    LC_ALL=C apt-get --simulate --option Dir::Cache::pkgcache="$unpacked/pkgcache.bin" --option Dir::Cache::srcpkgcache="$unpacked/srcpkgcache.bin" \
        --no-install-recommends --no-remove install "$@" 2>&1
}

# suite_that_fits PACKAGE: a suite that apt knows but does not prefer, whose package is compatible with the installed ones.
suite_that_fits() {
    local suite
    while read -r suite; do
        ! grep -q '^0 upgraded.* 0 to remove' <<<"$(apt_plan --target-release="$suite" "$1")" || { echo "$suite" && return 0; }
    done < <(LC_ALL=C apt-cache policy | sed -n 's/^ *release .*n=\([^,]*\),.*/\1/p' | sort -u)
    return 1
}

# unpack PACKAGE...: unpacks all packages that an empty machine would install for these. If one of the tree's packages has a newer
# version by now, all are unpacked again, because a program does not read the modules of another version.
unpack() {
    local -x LC_ALL=C
    local new=$unpacked/new deb package
    rm -rf "$new"
    mkdir -p "$unpacked" "$new/debs"
    touch "$unpacked"/{names,packages} "$new/nothing-installed"
    printf '%s\n' "$@" | sort -u - "$unpacked/names" >"$new/names"
    # shellcheck disable=SC2046 # one word each
    apt_plan --option Dir::State::status="$new/nothing-installed" $(cat "$new/names") >"$new/plan" || { tail -n 5 "$new/plan" && return 1; }
    awk '/^Inst / { sub(/^\(/, "", $3); print $2 "=" $3 }' "$new/plan" | sort >"$new/packages"
    if [ -n "$(comm -13 "$new/packages" "$unpacked/packages")" ]; then
        rm -rf "$unpacked"/{tree,lists,bin,pkgconfig}
        : >"$unpacked/packages"
    fi
    mkdir -p "$unpacked"/{tree,lists,bin,pkgconfig}
    comm -23 "$new/packages" "$unpacked/packages" |
        (cd "$new/debs" && xargs --no-run-if-empty apt-get --quiet=2 --option APT::Sandbox::User=root download) || return 1
    while read -r deb; do
        dpkg-deb --extract "$new/debs/$deb" "$unpacked/tree" || return 1
        dpkg-deb --contents "$new/debs/$deb" | awk '{ sub(/^\./, "", $6); print $6 }' >"$unpacked/lists/${deb%%_*}"
    done < <(find "$new/debs" -name '*.deb' -printf '%f\n')
    mv "$new"/{names,packages} "$unpacked/"
    while read -r package; do offer "$package"; done <"$unpacked/names"
    rm -rf "$new"
}

# offer PACKAGE: puts its programs into $unpacked/bin, and its libraries where pkg-config finds them.
offer() {
    local path file loader libraries
    loader=$(find "$unpacked/tree" -name 'ld-linux-*.so.*' -type f -print -quit)
    libraries=$(find "$unpacked/tree" -path '*/lib*/lib*.so.*' -not -path '*/share/*' -printf '%h\n' | sort -u | paste -s -d:)
    while read -r path; do
        file=$unpacked/tree$path
        case $path in
            */bin/*[!/] | */sbin/*[!/]) run_in_tree >"$unpacked/bin/${path##*/}" && chmod +x "$unpacked/bin/${path##*/}" ;;
            */pkgconfig/*.pc) sed "s#=/usr#=$unpacked/tree/usr#" "$file" >"$unpacked/pkgconfig/${path##*/}" ;;
        esac
    done <"$unpacked/lists/$1"
}

# run_in_tree: how to start $file. QEMU looks for its firmware and its modules where they would be installed.
run_in_tree() {
    local -a command=("$file")
    local folder
    ! "$loader" --verify "$file" 2>/dev/null ||
        command=("$loader" --inhibit-cache --library-path "$libraries" --argv0 "${file##*/}" "$file")
    printf '#!/bin/sh\n'
    case ${file##*/} in qemu-*) printf 'export QEMU_MODULE_DIR=%q\n' "$(find "$unpacked/tree" -path '*/lib/*-linux-*/qemu' -print -quit)" ;; esac
    case ${file##*/} in
        qemu-system-*) for folder in share/qemu share/seabios lib/ipxe/qemu; do command+=(-L "$unpacked/tree/usr/$folder"); done ;;
    esac
    printf 'exec'
    printf ' %q' "${command[@]}"
    printf ' "$@"\n'
}
