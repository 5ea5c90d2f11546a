#!/usr/bin/env bash
# Installs the missing Debian packages that a target needs: scripts/packages.sh PURPOSE
# (each needs_PURPOSE below is one).
#
# Each need is tested by what it provides (a command, a library, a file), not by its package name, so a Node or a cargo
# from elsewhere will do. If nothing is missing, apt does not run, so a second run is fast and works offline.
# apt uses this machine's own mirrors. No package is ever removed. If a package conflicts
# with those of another suite, it comes from a suite where it does not, or is only unpacked (unpacked.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh
. scripts/toolchain.sh
. scripts/unpacked.sh

missing=()
reasons=()
apart=()

# need PACKAGE REASON TEST...: notes the package as missing when the test fails.
need() {
    local package=$1 reason=$2
    shift 2
    "$@" >/dev/null 2>&1 && return 0
    missing+=("$package")
    reasons+=("$(printf '%-22s %s' "$package" "$reason")")
}

# need_apart PACKAGE REASON TEST...: the same for a package with a daemon, which would start now and at every boot. We need only its
# programs, so it is unpacked.
need_apart() {
    local before=${#missing[@]}
    need "$@"
    [ ${#missing[@]} -eq "$before" ] || apart+=("$1")
}

has_library() { command -v pkg-config && pkg-config --exists "$1"; }
has_file() { compgen -G "$1"; }
has_plugin() { has_file "/usr/lib/*/alsa-lib/libasound_module_pcm_$1.so"; }
has_c_headers() { echo '#include <stdio.h>' | cc -E -; }
has_cxx_headers() { echo '#include <vector>' | c++ -E -x c++ -; }
has_node() { [ "$(node -p 'Number(process.versions.node.split(".")[0])')" -ge 18 ]; }
has_cargo_command() { scripts/cargo.sh "$1" --version; }

# To build and run the service.
needs_run() {
    need gcc 'the linker' command -v cc
    need libc6-dev 'the C library to link against' has_c_headers
    need pkg-config 'finds the two libraries below' command -v pkg-config
    need libasound2-dev 'ALSA, the sound card interface' has_library alsa
    need libsystemd-dev 'readiness and watchdog messages to systemd' has_library libsystemd
    need cargo-web "Rust $(rust_version_needed) or later (no cargo found here is new enough)" toolchain_path
}

# To run the page's code without a browser.
needs_node() {
    need nodejs 'runs it (Node 18 or later)' has_node
}

# To compare our measure of a gap with published ones.
needs_audibility() {
    needs_node
    need python3-venv 'runs them, from PyPI' python3 -c 'import ensurepip'
}

# To trace the capture thread.
needs_bench-rt() {
    needs_run
    need strace 'tells its system calls' command -v strace
    need jackd2 'a sound card that is not there, with mmap' command -v jackd
    need libasound2-plugins 'the ALSA device on top of it' has_plugin jack
}

# To fuzz the code that parses untrusted bytes.
needs_fuzz() {
    needs_run
    need g++ 'builds libFuzzer' has_cxx_headers
}

# To look for known vulnerabilities of dependencies.
needs_audit() {
    needs_run
    need nodejs 'reads what npm answers (Node 18 or later)' has_node
    need npm 'asks about its packages' command -v npm
}

# Additionally for the tests: a JavaScript engine, a browser, and sound without a sound card.
needs_test() {
    needs_run
    need nodejs 'runs the page'\''s tests (Node 18 or later)' has_node
    need npm 'fetches the page'\''s type checker and browser driver' command -v npm
    need chromium 'the browser that is listened to' command -v chromium
    need pulseaudio 'the sound server of the tests' command -v pulseaudio
    need pulseaudio-utils 'plays into it and records from it' command -v parec
    need jackd2 'a sound card that is not there, with mmap' command -v jackd
    need libasound2-plugins 'ALSA devices on top of the two' has_plugin jack
    need xvfb 'a screen that is not there' command -v Xvfb
    need libnss3-tools 'lets a test'\''s browser trust a certificate' command -v certutil
    need openssl 'judges certificates, beside the verifier that is built in' command -v openssl
}

# Needed in addition for `make check` if the toolchain is Debian's; rustup has both as components.
needs_check() {
    needs_test
    local owner
    owner=$(PATH=$(toolchain_path || printf '%s' "$PATH") command -v cargo || true)
    [ "$owner" = /usr/bin/cargo ] || [ -z "$owner" ] || return 0
    owner=$(dpkg-query --search /usr/bin/cargo 2>/dev/null | cut -d: -f1) || owner=
    case ${owner:-cargo-web} in
        cargo-web) need rust-web-clippy 'Rust lints' has_cargo_command clippy
                   need rustfmt-web 'Rust formatting' has_cargo_command fmt ;;
        cargo) need rust-clippy 'Rust lints' has_cargo_command clippy
               need rustfmt 'Rust formatting' has_cargo_command fmt ;;
    esac
}

# The two other engines.
needs_browsers() {
    needs_test
    need firefox-esr 'Gecko' command -v firefox-esr
    need webkit2gtk-driver 'WebKit, driven by WebKitWebDriver' command -v WebKitWebDriver
}

# The independent tools of `make test-hostile`.
needs_hostile() {
    needs_run
    need curl 'asks as a program does' command -v curl
    need nodejs 'reads the reports' has_node
    need mmdebstrap 'makes the Debian 11 the Autobahn testsuite needs' command -v mmdebstrap
    need slowhttptest 'slow requests of four kinds' command -v slowhttptest
    # Debian 13 has no such package, and the stage says so.
    [ "$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")" != 12 ] || need wapiti 'a scanner of headers and policies' command -v wapiti
    need_apart prometheus 'promtool, which reads metrics and alerts' command -v promtool
    need testssl.sh 'a scanner of TLS' command -v testssl
    need openssl 'makes a certificate for the proxies' command -v openssl
    need npm 'fetches the client that comes through them' command -v npm
    need_apart nginx 'a reverse proxy' command -v nginx
    need_apart caddy 'another' command -v caddy
    need dbus-daemon 'the bus by which a service and avahi speak' command -v dbus-daemon
    need_apart avahi-daemon 'answers for a machine'\''s name' command -v avahi-daemon
    need_apart avahi-utils 'asks for one' command -v avahi-browse
}

# An emulated machine, started from a kernel and a file tree. The kernel's package is never installed; scripts that need one
# unpack it.
needs_machine() {
    need qemu-system-x86 'the machine' command -v qemu-system-x86_64
    need busybox-static 'its first program and its shell' command -v busybox
    need cpio 'packs its files' command -v cpio
    need kmod 'finds the modules it needs' command -v depmod
}

# A virtual machine with a kernel of its own: tools/vm.sh.
needs_vm() {
    needs_run
    needs_machine
    need xz-utils 'unpacks them' command -v xz
    need zstd 'unpacks them' command -v zstd
    need strace 'looks at the service in it' command -v strace
}

# To build for a Raspberry Pi on another machine, and to run the result.
needs_cross() {
    need gcc 'builds what runs during the build' command -v gcc
    need libc6-dev 'the same' has_c_headers
    need gcc-aarch64-linux-gnu 'the linker for arm64' command -v aarch64-linux-gnu-gcc
    need libc6-dev-arm64-cross 'the C library for arm64' has_file '/usr/aarch64-linux-gnu/lib/Scrt1.o'
    need pkg-config:arm64 'finds the two libraries below' command -v aarch64-linux-gnu-pkg-config
    need libasound2-dev:arm64 'ALSA for arm64' aarch64-linux-gnu-pkg-config --exists alsa
    need libsystemd-dev:arm64 'systemd for arm64' aarch64-linux-gnu-pkg-config --exists libsystemd
    need qemu-user-static 'runs the tests built for arm64' command -v qemu-aarch64-static
    need cargo-web 'Rust that can build for arm64 (with rustup: rustup target add aarch64-unknown-linux-gnu)' \
        toolchain_path aarch64-unknown-linux-gnu
    need libstd-rust-web-dev:arm64 'its standard library' toolchain_path aarch64-unknown-linux-gnu
}

# To test the Debian package.
needs_deb() {
    need mmdebstrap 'file trees of other Debians' command -v mmdebstrap
    need lintian 'judges packages' command -v lintian
}

# To test the Debian package in an emulated machine.
needs_systemd() {
    needs_deb
    needs_machine
    need e2fsprogs 'makes its disk' command -v mke2fs
}

# To build the card image: packages of another architecture, and file systems without mounting them.
needs_image() {
    needs_cross
    need mmdebstrap 'installs Debian into a folder' command -v mmdebstrap
    need arch-test 'asks whether arm64 programs run' command -v arch-test
    need binfmt-support 'makes them run' command -v update-binfmts
    need squashfs-tools 'packs the system' command -v mksquashfs
    need dosfstools 'makes the boot partitions' command -v mkfs.vfat
    need mtools 'fills them' command -v mcopy
    need e2fsprogs 'makes the data partition' command -v mke2fs
    need genimage 'puts the partitions onto a disk' command -v genimage
    need cpio 'packs the initramfs' command -v cpio
    need kmod 'finds the modules it needs' command -v depmod
    need zstd 'packs it' command -v zstd
    need xz-utils 'packs the image' command -v xz
    need bmap-tools 'says which of its blocks are empty' command -v bmaptool
    need nodejs 'writes the list of what is in it (Node 18 or later)' has_node
    need openssl 'makes the key that signs its updates' command -v openssl
    need make 'builds a module for its kernel' command -v make
}

# To boot the card image without a Pi, and listen to it in a browser.
needs_image-test() {
    needs_image
    needs_test
    need qemu-system-arm 'the machine' command -v qemu-system-aarch64
    need qemu-utils 'a card whose bytes stay as they are' command -v qemu-img
    need rauc 'makes and signs updates of it' command -v rauc
    need python3-venv 'reads its list of parts, by a tool from PyPI' python3 -c 'import ensurepip'
    need curl 'asks as a listener does' command -v curl
}

# To sign and pack an update.
needs_bundle() {
    need rauc 'makes and signs bundles' command -v rauc
    need squashfs-tools 'packs them' command -v mksquashfs
    need openssl 'makes keys' command -v openssl
    need mtools 'writes FAT file systems' command -v mcopy
    need dosfstools 'makes them' command -v mkfs.vfat
}

# To test updates in an emulated machine.
needs_update() {
    needs_systemd
    needs_bundle
    need fdisk 'lays its disk out' command -v sfdisk
    need nodejs 'reads how' has_node
}

install_missing() {
    local -a as_root=(env DEBIAN_FRONTEND=noninteractive)
    command -v apt-get >/dev/null ||
        die 'this machine has no apt-get, so nothing was installed. What is missing, by its Debian name:' "${reasons[@]}"

    say 'Some Debian packages are missing:'
    printf '      %s\n' "${reasons[@]}"
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo "${as_root[@]}")
        [ -t 0 ] || as_root=(sudo --non-interactive env DEBIAN_FRONTEND=noninteractive)
        command -v sudo >/dev/null || as_root=()
    fi
    ready_apt
    sort_out
    [ ${#to_unpack[@]} -eq 0 ] || unpack_instead
    [ ${#to_install[@]} -eq 0 ] || install "${to_install[@]}"
    local suite
    for suite in "${!from_suite[@]}"; do install --target-release="$suite" ${from_suite[$suite]}; done
}

# ready_apt: prepares the package lists and the foreign architecture that the missing packages need.
ready_apt() {
    [ "$(id -u)" -eq 0 ] || [ ${#as_root[@]} -gt 0 ] || return 0
    case " ${missing[*]}" in
        *:arm64*) "${as_root[@]}" dpkg --add-architecture arm64 && say 'arm64 is now a foreign architecture of dpkg' ;;
    esac
    "${as_root[@]}" "${apt[@]}" update --quiet=2 ||
        warn 'apt could not refresh its package lists; going on with the ones it has'
}

# sort_out: sorts the packages: normal installation, from another suite that apt knows, or only unpacked.
sort_out() {
    local package suite
    local -a rest=()
    to_unpack=("${apart[@]}")
    for package in "${missing[@]}"; do
        case " ${apart[*]} " in *" $package "*) ;; *) rest+=("$package") ;; esac
    done
    to_install=("${rest[@]}")
    [ ${#rest[@]} -gt 0 ] || return 0
    ! apt_plan "${rest[@]}" >/dev/null || return 0
    to_install=()
    for package in "${rest[@]}"; do
        if apt_plan "$package" >/dev/null; then
            to_install+=("$package")
        elif suite=$(suite_that_fits "$package"); then
            from_suite[$suite]="${from_suite[$suite]:-} $package"
        else
            to_unpack+=("$package")
        fi
    done
}

unpack_instead() {
    say "Unpacking in $unpacked, where it stands in nobody's way and starts no daemon: ${to_unpack[*]}"
    unpack "${to_unpack[@]}" >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        die "${to_unpack[*]} could neither be installed nor unpacked (the last lines are above)" \
            'To see what stands in the way:' "  apt-get install --simulate --no-remove ${to_unpack[*]}"
    }
}

# install ARGUMENT...: runs apt as root.
install() {
    local -a wanted=("${apt[@]}" install --yes --no-install-recommends --no-remove "$@")
    [ "$(id -u)" -eq 0 ] || [ ${#as_root[@]} -gt 0 ] ||
        die 'they cannot be installed: this is not root, and there is no sudo' \
            'As root, run:' "  apt-get update && ${wanted[*]}"
    if [ "$(id -u)" -eq 0 ]; then say 'Installing them with apt'; else say 'Installing them with apt (sudo may ask for your password)'; fi
    "${as_root[@]}" "${wanted[@]}" --quiet=2 </dev/null >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        die 'apt could not install them (its last lines are above)' 'To see it in full, as root, run:' "  ${wanted[*]}"
    }
}

purpose=${1:-run}
[ "$(type -t "needs_$purpose")" = function ] ||
    die "unknown purpose '$purpose'" "One of: $(compgen -A function needs_ | sed 's/^needs_//' | paste -s -d' ')"
"needs_$purpose"
[ ${#missing[@]} -eq 0 ] && exit 0

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt=(apt-get --option DPkg::Lock::Timeout=600)
to_install=() to_unpack=()
declare -A from_suite=()
install_missing

# Repeats the tests: an installed package that does not provide what it should is reported.
installed=("${missing[@]}")
missing=()
reasons=()
"needs_$purpose"
[ ${#missing[@]} -eq 0 ] ||
    die 'these are there, and yet what comes first in PATH is too old or another, or does not work unpacked:' "${reasons[@]}"
say "Now there: ${installed[*]}"
