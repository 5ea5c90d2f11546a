# Sourced: the key whose signatures the image accepts, which also signs bundles.
#
# Makes a development key if there is none, for this user on this machine, outside the sources. A maintainer who publishes
# images sets UPDATE_KEY and UPDATE_CERT to a separate key (files, or PKCS#11 URIs of a token): docs/guide/updates.md.

# signing_key: sets update_key and update_cert.
signing_key() {
    local folder=${SYNTHWIRE_KEYS:-${XDG_STATE_HOME:-$HOME/.local/state}/synthwire/update}
    if [ -n "${UPDATE_KEY:-}" ] || [ -n "${UPDATE_CERT:-}" ]; then
        [ -n "${UPDATE_KEY:-}" ] && [ -n "${UPDATE_CERT:-}" ] || die 'UPDATE_KEY and UPDATE_CERT belong together' 'Set both, or none'
        update_key=$UPDATE_KEY
        update_cert=$UPDATE_CERT
        return
    fi
    update_key=$folder/key.pem
    update_cert=$folder/cert.pem
    [ ! -s "$update_cert" ] || return 0
    say "Making a development key for updates in $folder" >&2
    make_key "$folder" "Synthwire development ($(id -un)@$(hostname))"
}

# make_key FOLDER NAME: makes a key atomically.
make_key() {
    (
        umask 077
        mkdir -p "$1"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 7300 -subj "/O=Synthwire/CN=${2:0:64}" \
            -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,digitalSignature,keyCertSign' \
            -keyout "$1/key.pem.new" -out "$1/cert.pem.new" 2>/dev/null
        # The certificate comes last: signing_key looks for it. The code that installs it relies on the key being on the
        # disk.
        local part
        for part in key.pem cert.pem; do
            sync "$1/$part.new" && mv -fT "$1/$part.new" "$1/$part" && sync "$1"
        done
    )
}

# install_certificate TREE: installs the public half in a system that is being built.
install_certificate() {
    signing_key
    install -D --mode=644 "$update_cert" "$1/etc/rauc/keyring.pem"
}
