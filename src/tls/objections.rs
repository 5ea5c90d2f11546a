//! Browsers' objections to a supplied certificate that works for handshakes. Pure.
//!
//! In: the certificate, the properties of the machine, its further names. Out: a sentence for each objection.
//! The trust in its issuer is not checked, because that depends on the listeners' devices.

use super::CertificateInputs;
use super::dates::{self, Clock};
use super::der::Certificate;
use super::kinds::{KeyKind, TAKEN, refused_signature};
use std::time::Duration;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage};

/// Returns the faults of `leaf` on this machine, which answers to the names `given` as well as to its own.
pub(super) fn objections(
    leaf: &CertificateDer<'_>,
    facts: &CertificateInputs,
    given: &[String],
) -> Vec<String> {
    let kinds = against_kinds(leaf);
    let Ok(leaf) = EndEntityCert::try_from(leaf) else {
        return vec!["the certificate is in a form that browsers do not read: have it made anew".into()];
    };
    let mut found: Vec<String> = against_dates_and_use(&leaf, facts.clock).into_iter().collect();
    found.extend(kinds);
    found.extend(against_names(&leaf, facts, given));
    found
}

fn against_kinds(leaf: &CertificateDer<'_>) -> Vec<String> {
    let Some(leaf) = Certificate::of(leaf) else { return Vec::new() };
    let rare = match KeyKind::of(&leaf) {
        Some(KeyKind::Rare(kind)) => Some(kind),
        _ => None,
    };
    let key = rare.map(|kind| {
        format!("few browsers take a key of the kind {kind}: have the certificate made anew with {TAKEN}")
    });
    let signature = refused_signature(&leaf).filter(|kind| rare != Some(kind)).map(|kind| {
        format!(
            "the certificate is signed with {kind}, which browsers refuse: have it made anew with SHA-256"
        )
    });
    key.into_iter().chain(signature).collect()
}

fn against_dates_and_use(leaf: &EndEntityCert<'_>, clock: Clock) -> Option<String> {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(clock.now_s.max(0).cast_unsigned()));
    let doubt = if clock.set { "" } else { ", which has not been set yet" };
    let today = day(now);
    // The call checks dates and use before it looks for an issuer, and never finds one, as we pass none.
    match leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &[], &[], now, KeyUsage::server_auth(), None, None) {
        Err(Error::CertExpired { not_after, .. }) => Some(format!(
            "the certificate ended on {}, and this machine's clock says {today}{doubt}: have it renewed",
            day(not_after)
        )),
        Err(Error::CertNotValidYet { not_before, .. }) => Some(format!(
            "the certificate begins on {}, and this machine's clock says {today}{doubt}: wait, or set the clock",
            day(not_before)
        )),
        Err(Error::RequiredEkuNotFoundContext(_)) => Some(
            "the certificate is not for servers: have one made with the use 'server authentication'".into(),
        ),
        _ => None,
    }
}

fn against_names(leaf: &EndEntityCert<'_>, facts: &CertificateInputs, given: &[String]) -> Vec<String> {
    let speaks_for = |name: ServerName<'_>| leaf.verify_is_valid_for_subject_name(&name).is_ok();
    let named = |name: &str| ServerName::try_from(name.trim_matches(['[', ']'])).is_ok_and(speaks_for);
    let missing: Vec<String> = given
        .iter()
        .filter(|name| !named(name))
        .map(|name| {
            format!(
                "the certificate does not speak for {name}: have it made for that name, or leave the name out"
            )
        })
        .collect();
    let own = facts.names.certified(&facts.addresses);
    let reached = given.iter().chain(&own.dns).any(|name| named(name))
        || facts.addresses.iter().any(|address| speaks_for((*address).into()));
    let held: Vec<&str> = leaf.valid_dns_names().collect();
    match held.first() {
        _ if reached => missing,
        // Browsers no longer read a name that is only in the subject (RFC 9110, section 4.3.4).
        None => vec![format!(
            "the certificate has no subject alternative name that this device answers to: have it made with one, such as DNS:{}",
            given.first().or(own.dns.first()).map_or("synthwire.local", String::as_str)
        )],
        Some(_) if !missing.is_empty() => missing,
        Some(first) => vec![format!(
            "the certificate is for {}, and this device answers to none of that: start with --name {first}",
            held.join(", ")
        )],
    }
}

fn day(moment: UnixTime) -> String {
    dates::day(i64::try_from(moment.as_secs()).unwrap_or(i64::MAX))
}
