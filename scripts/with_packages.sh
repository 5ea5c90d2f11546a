# Sourced: `. scripts/with_packages.sh vm` installs the packages for that purpose (packages.sh). Commands that follow also find
# packages which had to be unpacked instead.
scripts/packages.sh "$1"
. scripts/unpacked.sh
