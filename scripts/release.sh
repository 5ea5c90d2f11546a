#!/usr/bin/env bash
# Builds the program for release: stripped and reproducible. scripts/release.sh amd64|arm64
#
# The last line of stdout is the binary's path. Prints its size, its libraries and the C library version it needs. A
# library that the Debian package does not name is an error. scripts/release.sh --glibc BINARY prints only the C library version.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/plain_words.sh
. scripts/toolchain.sh

# The libraries that packaging/control.in depends on.
libraries='ld-linux-aarch64.so.1 ld-linux-x86-64.so.2 libasound.so.2 libc.so.6 libgcc_s.so.1 libm.so.6 libsystemd.so.0'

# The newest C library symbol version that a binary requires; readelf reads every architecture.
glibc_needed() { readelf --version-info --wide "$1" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | cut -d_ -f2; }

if [ "${1:-}" = --glibc ]; then
    glibc_needed "$2"
    exit
fi
arch=${1:-}
target=$(rust_target "$arch") || die "'$arch' is no architecture this is built for" 'One of: amd64 arm64'
if [ "$arch" = "$(dpkg --print-architecture)" ]; then
    . scripts/with_packages.sh run >&2
elif [ "$arch" = arm64 ]; then
    . scripts/with_packages.sh cross >&2
    export CROSS=arm64
else
    die "$arch can only be built on $arch"
fi

say "Building for $target" >&2
# Removes paths of this machine from the program.
flags=(--remap-path-prefix="$PWD=/synthwire" --remap-path-prefix="${CARGO_HOME:-${HOME:-/root}/.cargo}=/cargo")
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && printf '%s' "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS
scripts/cargo.sh build --release --locked --target "$target" --config 'profile.release.strip=true' >&2
binary=${CARGO_TARGET_DIR:-target}/$target/release/synthwire

linked=$(readelf --dynamic --wide "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort)
say "$binary: $(stat -c %s "$binary") bytes, needs glibc $(glibc_needed "$binary"), linked with" $linked >&2
for library in $linked; do
    case " $libraries " in *" $library "*) ;; *) die "$library is linked, but the package does not depend on it" ;; esac
done
printf '%s\n' "$binary"
