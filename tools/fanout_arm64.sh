#!/usr/bin/env bash
# The cost per listener on a Raspberry Pi 4, in instructions. It runs the fan-out bench in an emulated machine with the same kind
# of processor, whose clock counts instructions, including the kernel's. tools/fanout_arm64.sh [LISTENERS,LISTENERS...]
#
# The script mounts nothing of this machine. The kernel and the shell inside are Debian's, unpacked but not installed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh

listeners=${1:-20,60}
# Two nanoseconds per instruction (QEMU uses powers of two).
shift_=1
seconds=10
work=${CARGO_TARGET_DIR:-$PWD/tools/target}/fanout-arm64

. scripts/with_packages.sh cross
. scripts/with_packages.sh image-test
service=$(scripts/release.sh arm64)
CROSS=arm64 scripts/cargo.sh build --release --locked --target aarch64-unknown-linux-gnu --manifest-path tools/Cargo.toml --package fanout
fanout=${CARGO_TARGET_DIR:-tools/target}/aarch64-unknown-linux-gnu/release/fanout

mkdir -p "$work/debs"
if [ ! -e "$work/name" ]; then
    say 'Fetching a kernel'
    image=$(apt-cache depends linux-image-rt-arm64:arm64 | sed -n 's/.*Depends: \(linux-image-[0-9][^:]*\).*/\1/p' | head -n 1)
    (cd "$work/debs" && apt-get download -o APT::Sandbox::User=root "$image:arm64" busybox-static:arm64)
    for package in "$work"/debs/*.deb; do dpkg-deb -x "$package" "$work/unpacked"; done
    printf '%s\n' "${image#linux-image-}" >"$work/name"
fi
kernel=$work/unpacked/boot/vmlinuz-$(cat "$work/name")

root=$work/root
rm -rf "$root"
mkdir -p "$root"/{bin,dev,proc,sys,tmp,lib,usr/share}
cp "$(find "$work/unpacked" -path '*bin/busybox' | head -n 1)" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
cp -r --dereference /usr/share/alsa "$root/usr/share/"
cp "$service" "$root/synthwire"
cp "$fanout" "$root/fanout"
# The libraries of both programs, and the libraries that these need.
needs=("$service" "$fanout")
while [ ${#needs[@]} -gt 0 ]; do
    found=()
    for name in $(readelf --dynamic --wide "${needs[@]}" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u); do
        [ ! -e "$root/lib/$name" ] || continue
        library=$(find /lib/aarch64-linux-gnu /usr/lib/aarch64-linux-gnu /usr/aarch64-linux-gnu/lib -name "$name" 2>/dev/null | head -n 1)
        [ -n "$library" ] || die "$name for arm64 is not there"
        cp --dereference "$library" "$root/lib/$name"
        found+=("$root/lib/$name")
    done
    needs=("${found[@]}")
done
cat >"$root/init" <<EOF
#!/bin/sh
b=/bin/busybox
\$b mount -t proc proc /proc
\$b mount -t sysfs sys /sys
\$b mount -t devtmpfs dev /dev
\$b ifconfig lo up
/fanout --service /synthwire --listeners $listeners --seconds $seconds --settle 3 --no-bad --tls --out /tmp/out
echo results-begin
\$b cat /tmp/out/results.json
echo
echo results-end
\$b poweroff -f
EOF
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1) >"$work/initramfs.gz"

say 'Counting'
timeout -k 10 3000 qemu-system-aarch64 -machine virt -accel tcg -cpu cortex-a72 -smp 1 -m 512 -icount "shift=$shift_,sleep=off" \
    -nic none -display none -monitor none -no-reboot -serial stdio -kernel "$kernel" -initrd "$work/initramfs.gz" \
    -append "console=ttyAMA0 quiet panic=-1 rdinit=/init" </dev/null 2>&1 | tr -d '\r' | tee "$work/console.log" | grep -v '^[[:space:]{}"\[]' || true

sed -n '/^results-begin$/,/^results-end$/{//!p}' "$work/console.log" >"$work/results.json"
node -e '
    const rows = JSON.parse(require("fs").readFileSync(process.argv[1]));
    const perSecond = 1e9 / 2 ** Number(process.argv[2]);
    console.log("listeners  packets a message  instructions a message   of the bare loop");
    for (const row of rows) {
        const instructions = (millicores) => Math.round((millicores / 1000) * row.listeners * perSecond / row.messages_per_s / 100) * 100;
        const way = row.secure ? "wss" : "ws";
        console.log(String(row.listeners).padStart(5), way.padEnd(4), String(row.chunk_packets).padStart(15),
            String(instructions(row.fan_out_per_listener_millicores)).padStart(23), String(instructions(row.bare_per_listener_millicores)).padStart(18));
    }
' "$work/results.json" "$shift_"
