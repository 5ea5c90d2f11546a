#!/usr/bin/env bash
# `make test-vm`: tests the service and the virtual MONTAGE under Debian's own kernel in a virtual machine.
#
# tools/vm.sh [CYCLES]: the number of unplugging cycles, 100 by default. VM_SERVICE names another binary of the service.
# Installs only the tools (scripts/packages.sh vm). The kernel's package is downloaded and unpacked in target/vm/ once.
# VM_KERNEL replaces the kernel's command line, loglevel=1. No root, no /dev/kvm, no network in the guest.
# docs/develop/vm.md says what this proves and what it does not.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh
PATH=$PATH:/usr/sbin:/sbin # for depmod, if this user is not root

cycles=${1:-100}
[[ $cycles =~ ^[1-9][0-9]*$ ]] || die "'$cycles' is no number of cycles"
work=target/vm
log=target/test-logs/vm-console.log
seconds_max=2400

# kernel_package: the newest kernel that apt knows, a real-time one if available.
kernel_package() {
    local meta package
    for meta in linux-image-rt-amd64 linux-image-amd64; do
        package=$(apt-cache depends --important "$meta" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
        [ -z "$package" ] || { echo "$package"; return 0; }
    done
    return 1
}

# fetch_kernel: unpacks the kernel into $work/kernel and writes its name to $work/kernel.name.
fetch_kernel() {
    local package folder=$work/kernel.new
    if ! package=$(kernel_package); then
        [ -e "$work/kernel.name" ] || die 'apt knows no kernel (linux-image-amd64)' 'As root: apt-get update'
        return 0
    fi
    [ "$(cat "$work/kernel.name" 2>/dev/null)" != "$package" ] || return 0
    say "Fetching $package (once)"
    rm -rf "$folder" && mkdir -p "$folder"
    if ! (cd "$folder" && apt-get download --quiet=2 "$package" 2>../apt.log && dpkg-deb --extract ./*.deb . && rm ./*.deb); then
        [ -e "$work/kernel.name" ] || die "$package could not be fetched" "What apt said is in $work/apt.log" 'As root: apt-get update'
        warn "$package could not be fetched; going on with $(cat "$work/kernel.name")"
        return 0
    fi
# Older packages use /lib, newer ones /usr/lib; depmod needs the one it was built for.
    [ -e "$folder/lib" ] || ln -s usr/lib "$folder/lib"
    [ -e "$folder/usr/lib" ] || ln -s ../lib "$folder/usr/lib"
    rm -rf "$work/kernel" && mv "$folder" "$work/kernel"
    echo "$package" >"$work/kernel.name"
}

# plain_kernel: unpacks the kernel here in a second; in the emulated machine it would take half a minute.
plain_kernel() {
    local packed offset
    packed=$(find "$work/kernel/boot" -name 'vmlinuz-*')
    for offset in $(LC_ALL=C grep --only-matching --byte-offset --binary --text --perl-regexp '\xFD7zXZ\x00|\x28\xB5\x2F\xFD' "$packed" |
        cut -d: -f1); do
# The file holds data after the kernel, which is not part of it, so both programs complain.
        { tail -c "+$((offset + 1))" "$packed" | { xz --decompress --stdout --single-stream || zstd --decompress --stdout; }; } \
            >"$work/vmlinux" 2>/dev/null || true
        [ "$(head -c 4 "$work/vmlinux" | tr -d '\177')" != ELF ] || return 0
    done
    cp "$packed" "$work/vmlinux"
}

# with_libraries PROGRAM: copies the program and its libraries to the guest's root, each to the place where the loader looks for
# it.
with_libraries() {
    local library
    strip -o "$root/$(basename "$1")" "$1"
    ldd "$1" | grep -o '/[^ ]*' | while read -r library; do cp --parents --dereference "$library" "$root/"; done
}

# modules NAME...: copies the kernel's modules, uncompressed, in the order in which they are loaded.
modules() {
    local version number=0 file name
    version=$(ls "$work/kernel/lib/modules")
    depmod --basedir "$work/kernel" "$version"
    for name in "$@"; do modprobe --dirname "$work/kernel" --set-version "$version" --show-depends "$name"; done |
        awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
        while read -r file; do
            number=$((number + 1))
            name=$root/modules/$(printf '%02d' "$number")-$(basename "${file%.ko*}").ko
            case $file in
                *.xz) xz --decompress --stdout "$file" >"$name" ;;
                *.zst) zstd --decompress --quiet --stdout "$file" >"$name" ;;
                *) cp "$file" "$name" ;;
            esac
        done
}

build_initramfs() {
    root=$work/root
    rm -rf "$root" && mkdir -p "$root"/{bin,dev,proc,sys,tmp,modules,usr/share}
    cp "$(command -v busybox)" "$root/bin/busybox"
    ln -s busybox "$root/bin/sh"
    with_libraries "$service"
    with_libraries "$(command -v strace)"
    with_libraries "$tools/montage"
    with_libraries "$tools/vm"
    mkdir -p "$root/usr/share/alsa"
    cp -r --dereference /usr/share/alsa/{alsa.conf,cards,pcm} "$root/usr/share/alsa/"
    modules vhci-hcd snd-usb-audio
    cp tools/vm/init "$root/init"
    (cd "$root" && find . | LC_ALL=C sort | cpio --quiet --create --format=newc --owner=+0:+0) >"$work/initramfs"
}

# The guest's clock counts instructions and does not follow this machine's clock: a busy machine lengthens the run, but never makes
# the guest late. The machine ends with this script, however the script ends.
boot() {
    timeout --kill-after=10 "$seconds_max" qemu-system-x86_64 -machine q35 -accel tcg -cpu max -smp 1 -m 512 \
        -icount shift=1,sleep=off -nic none -display none -monitor none -no-reboot -serial stdio -rtc clock=vm \
        -kernel "$work/vmlinux" -initrd "$work/initramfs" \
        -append "console=ttyS0 ${VM_KERNEL:-loglevel=1} panic=-1 tsc=reliable cycles=$cycles" \
        </dev/null > >(sed --unbuffered 's/\r$//' | tee "$log") 2>&1 &
    machine=$!
    trap 'kill "$machine" 2>/dev/null || true' EXIT
    wait "$machine"
}

. scripts/with_packages.sh vm
mkdir -p "$work" "$(dirname "$log")"
service=${VM_SERVICE:-}
if [ -z "$service" ]; then
    say 'Building the service'
    scripts/cargo.sh build --release --quiet --locked
    service=${CARGO_TARGET_DIR:-target}/release/synthwire
fi
say 'Building the virtual MONTAGE'
scripts/cargo.sh build --release --quiet --locked --manifest-path tools/Cargo.toml --package montage --package vm
tools=${CARGO_TARGET_DIR:-tools/target}/release
fetch_kernel
plain_kernel
build_initramfs
say "Booting $(cat "$work/kernel.name") in a virtual machine; what it says is kept in $log"
began=$SECONDS
boot || case $? in
    124 | 137) die "the virtual machine did not end by itself within $seconds_max s" ;;
    *) die 'the virtual machine failed (its last words are above)' ;;
esac

passed=$(grep -c '^ok ' "$log" || true)
failed=$(grep -c '^not ok ' "$log" || true)
planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$log")
say "$passed passed, $failed failed, $((SECONDS - began)) s"
[ -n "$planned" ] || die 'the checks did not come to their end (its last lines are above)'
[ "$planned" -eq "$((passed + failed))" ] || die "$planned checks were planned, $((passed + failed)) were seen"
[ "$failed" -eq 0 ]
