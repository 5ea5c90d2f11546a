# Sourced: `. scripts/with_packages.sh vm` installs what that purpose needs (packages.sh). What had to be unpacked instead is found by
# whatever follows.
scripts/packages.sh "$1"
. scripts/unpacked.sh
