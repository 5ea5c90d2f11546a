# Sourced: an apt for Debian 13 arm64 with its own folders, lists and status. It does not touch this machine's apt.

# The suite that contains raspi-firmware.
firmware_suite=sid

# private_apt: creates this apt and refreshes its lists, if possible (a second build works without the network). It uses the
# mirrors from which this machine's apt gets Debian, or DEBIAN_MIRROR and DEBIAN_SECURITY_MIRROR.
private_apt() {
    local apt=$work/apt mirror security
    mirror=${DEBIAN_MIRROR:-$(site_of Debian)}
    security=${DEBIAN_SECURITY_MIRROR:-$(site_of Debian-Security)}
    [ -n "$mirror" ] || die "apt here knows no mirror of Debian" 'As root: apt-get update; or name one: DEBIAN_MIRROR=http://...'
    mkdir -p "$apt"/{etc/apt.conf.d,etc/preferences.d,etc/trusted.gpg.d,state/lists/partial,cache/archives/partial}
    : >"$apt/status"
    # The image's build reaches the network as this machine does (for example through a proxy).
    apt-config dump Acquire::http Acquire::https >"$apt/etc/apt.conf.d/network"
    local signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]' parts='main non-free-firmware'
    {
        printf 'deb %s %s trixie %s\n' "$signed" "$mirror" "$parts"
        printf 'deb %s %s trixie-updates %s\n' "$signed" "$mirror" "$parts"
        [ -z "$security" ] || printf 'deb %s %s trixie-security %s\n' "$signed" "$security" "$parts"
    } >"$apt/etc/sources.list"
    cat >"$apt/apt.conf" <<CONF
Dir::Etc "$apt/etc";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
    say 'Asking Debian what there is'
    # The firmware's watchdog against hanging kernels (kernel_watchdog_timeout= of image/boot/config.txt) is newer than Debian 13.
    # So this one package, for all architectures and without dependencies, comes from Debian's unstable. A mirror that lags must
    # not block the image: old packages are signed as well, and disk.sh checks that the firmware knows its settings.
    mkdir -p "$apt"/etc/sources.list.d
    printf 'deb %s %s %s non-free-firmware\n' '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no]' \
        "$mirror" "$firmware_suite" >"$apt/etc/sources.list.d/firmware.list"
    cat >"$apt/etc/preferences" <<PIN
Package: *
Pin: release n=$firmware_suite
Pin-Priority: -1

Package: raspi-firmware
Pin: release n=$firmware_suite
Pin-Priority: 900
PIN
    for_image apt-get update --quiet=2 || warn 'the package lists could not be refreshed; going on with the ones there are'
}

# site_of LABEL: the mirror from which this machine's apt gets packages with that label.
site_of() { apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' "Label: $1" | head -n 1; }

# for_image APT-COMMAND...: runs the command with the image's apt.
for_image() { APT_CONFIG=$work/apt/apt.conf "$@"; }

# wanted KIND: the packages in image/packages of the kind "install" or "unpack"; a kernel appears under its real name.
wanted() {
    local name
    awk -v kind="$1" '/^#/ || !NF { next } $1 == "unpack" { if (kind == "unpack") print $2; next } kind == "install" { print $1 }' image/packages |
        while read -r name; do
            case $name in
                linux-image-rt-arm64) for_image apt-cache depends "$name" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1 ;;
                *) printf '%s\n' "$name" ;;
            esac
        done
}
