//! The items of lists: further names of the device, and addresses of proxies. Pure.

use super::settings::Kind;
use crate::host_name::GivenName;
use ipnet::IpNet;
use std::net::IpAddr;

/// Bits before the IPv4 address in an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2).
const MAPPED_BITS: u8 = 96;

/// Returns what is wrong with one item of a list.
pub(super) fn item_fault(kind: Kind, text: &str) -> Option<String> {
    match kind {
        Kind::Names => GivenName::typed(text).err(),
        Kind::Addresses if block_of(text).is_none() => {
            Some(format!("{text:?} is no address: an address, or a block of them such as 172.17.0.0/16"))
        }
        _ => None,
    }
}

/// Parses a single address, or a block of them.
pub(super) fn block_of(text: &str) -> Option<IpNet> {
    let block = text.parse().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?)))?;
    Some(as_compared(block))
}

/// Converts an IPv4 block written as IPv6 to IPv4, the form in which peers' addresses are compared.
fn as_compared(block: IpNet) -> IpNet {
    let IpNet::V6(mapped) = block else { return block };
    let parts = mapped.addr().to_ipv4_mapped().zip(mapped.prefix_len().checked_sub(MAPPED_BITS));
    parts.and_then(|(address, length)| IpNet::new(address.into(), length).ok()).unwrap_or(block)
}
