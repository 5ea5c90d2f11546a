//! The names of this device: the only source of the names that are announced on the network, accepted in requests and
//! written into certificates. Pure.
//!
//! In: the kernel's host name, the name that the mDNS responder (avahi, or our own) has settled on, the configured names,
//! the addresses. Out: [`Names`]. `sys::announce` watches the machine and publishes new [`Names`] when something has
//! changed.
//!
//! A former name stays valid for a day ([`FORMER_NS`]), so that pages opened under it continue to work.

use crate::host_name::{GivenName, HostName, LABEL_BYTES_MAX};
use crate::units::{MonoNs, NS_PER_S};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The blocks of private addresses, each with its prefix length (RFC 1918, 3927, 4193, 4291).
pub const PRIVATE_BLOCKS: [(IpAddr, u8); 8] = [
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
];

/// The domains in which our authorities may name hosts. They are reserved, so they never become public top-level domains
/// (RFC 6762, 6761, 8375; ICANN's resolution 2024.07.29.06). A bare host name is not among them, because it may be such a
/// domain: `studio`, `band`, `live`. Names that the makers of routers invented (`lan`, `home`) or bought (`fritz.box`) are
/// not among them either, because they could become public one day.
pub const PERMITTED_SUFFIXES: [&str; 4] = ["local", "localhost", "home.arpa", "internal"];

/// Returns whether our authorities may name this host, whatever the device is called.
pub fn is_permitted(name: &str) -> bool {
    PERMITTED_SUFFIXES.iter().any(|suffix| {
        name.strip_suffix(suffix).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

/// The name of a device without a usable host name.
pub const NAMELESS: &str = "synthwire";
/// Time for which a former name stays valid: longer than a page stays open in one evening.
pub const FORMER_NS: u64 = 24 * 3600 * NS_PER_S;
/// Maximum number of former names; beyond that, the oldest is forgotten. A responder that finds its name taken again and
/// again makes many.
const FORMER_MAX: usize = 8;
/// Maximum number of addresses in one certificate. A machine with more has a bridge for each of its containers.
const ADDRESSES_MAX: usize = 64;
/// If a name is taken, a responder adds a number to it: `synthwire-2.local`. These numbers are certified in advance; any
/// other number is certified once the responder reports it.
const CERTIFIED_NUMBERS: std::ops::RangeInclusive<u32> = 2..=4;
/// Numbers of up to this many digits are accepted even if no responder has reported them: we may be unable to ask the
/// responder in use.
const NUMBER_DIGITS_MAX: usize = 3;

/// The names of this device at one moment, all in lower case without a final dot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The host name from the kernel; '' if there is none.
    host: String,
    /// The whole name, `.local` included, that the mDNS responder has settled on, if there is one.
    settled: Option<String>,
    /// The configured names.
    configured: Vec<GivenName>,
    /// Former names, each with the time it is forgotten, oldest first.
    former: Vec<(String, MonoNs)>,
}

/// The subjects of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certified {
    /// Names, the one to show first.
    pub dns: Vec<String>,
    /// Addresses, in order.
    pub addresses: Vec<IpAddr>,
}

impl Names {
    /// Creates the names of a machine that the kernel calls `host`, with those of the configuration.
    pub fn of(host: &str, configured: &[String]) -> Self {
        Self {
            host: plain(host),
            configured: configured.iter().filter_map(|name| GivenName::parse(name.trim())).collect(),
            ..Self::default()
        }
    }

    /// Takes in the names from the kernel and the responder at `now`; returns whether anything has changed.
    pub fn learn(&mut self, host: &str, settled: Option<&str>, now: MonoNs) -> bool {
        let before = self.clone();
        self.host = plain(host);
        self.settled = settled.map(plain).filter(|name| !name.is_empty());
        let own = self.own();
        self.former.retain(|(name, until)| *until > now && !own.contains(name));
        for name in before.own().into_iter().filter(|name| !own.contains(name)) {
            self.former.push((name, MonoNs(now.0.saturating_add(FORMER_NS))));
        }
        let surplus = self.former.len().saturating_sub(FORMER_MAX);
        self.former.drain(..surplus);
        *self != before
    }

    /// Returns the name announced on the network, `.local` included.
    pub fn announced(&self) -> String {
        self.settled.clone().unwrap_or_else(|| format!("{}.local", self.label()))
    }

    /// Returns the label that our own responder asks for.
    pub fn label(&self) -> String {
        label(&self.host).unwrap_or_else(|| NAMELESS.into())
    }

    /// Returns whether this device answers to `name`, given in lower case without a final dot.
    pub fn accept(&self, name: &str) -> bool {
        name == "localhost"
            || name.ends_with(".localhost")
            || self.is_configured(name)
            || self.own().iter().any(|own| own == name)
            || self.former.iter().any(|(former, _)| former == name)
            || self.is_numbered(name)
    }

    /// Returns whether `name` is a configured one: such a name is ours at a reverse proxy as well.
    pub fn is_configured(&self, name: &str) -> bool {
        self.configured.iter().any(|given| matches!(given, GivenName::Name(given) if **given == *name))
    }

    /// Returns whether `address` is a configured one.
    pub fn is_configured_address(&self, address: IpAddr) -> bool {
        self.configured.contains(&GivenName::Address(address.to_canonical()))
    }

    /// Returns the subjects of our own certificate on a machine with these addresses: only names and addresses that are
    /// local by nature.
    pub fn certified(&self, addresses: &[IpAddr]) -> Certified {
        let mut dns: Vec<String> = Vec::new();
        let numbered =
            CERTIFIED_NUMBERS.map(|number| format!("{}.local", numbered_label(&self.label(), number)));
        let former = self.former.iter().map(|(name, _)| name.clone());
        let given = self.configured.iter().map(ToString::to_string).filter(|name| is_permitted(name));
        let all = self.own().into_iter().chain(numbered).chain(given).chain(former);
        for name in all.chain(["localhost".into()]) {
            if is_certifiable(&name) && !dns.contains(&name) {
                dns.push(name);
            }
        }
        let mut near: Vec<IpAddr> = addresses.iter().copied().filter(is_private).collect();
        near.extend([IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)]);
        near.sort();
        near.dedup();
        near.truncate(ADDRESSES_MAX);
        Certified { dns, addresses: near }
    }

    /// Returns the current names of this device, the announced one first. On its own network, a machine with a domain is
    /// known by the first label of its name: stage.example.org is stage.local.
    fn own(&self) -> Vec<String> {
        let first = self.host.split('.').next().unwrap_or_default();
        let mut own: Vec<String> = Vec::new();
        // Include the kernel's name unchanged, for clients that resolve it by other means than mDNS: a router, a hosts file.
        let all = [
            self.announced(),
            format!("{}.local", self.label()),
            self.label(),
            self.host.clone(),
            first.to_owned(),
            format!("{first}.local"),
        ];
        for name in all {
            if !name.is_empty() && !name.starts_with('.') && !own.contains(&name) {
                own.push(name);
            }
        }
        own
    }

    /// Returns whether `name` is ours with a number that no responder has reported.
    fn is_numbered(&self, name: &str) -> bool {
        let parts = name.strip_suffix(".local").and_then(|label| Some((label, label.rsplit_once('-')?.1)));
        parts.is_some_and(|(label, digits)| {
            digits.len() <= NUMBER_DIGITS_MAX
                && digits.parse().is_ok_and(|number| label == numbered_label(&self.label(), number))
        })
    }
}

impl Certified {
    /// Returns whether a certificate for these subjects also serves for `others`. A superfluous name does no harm, but
    /// every new certificate makes users click the browser's warning away again.
    pub fn hold(&self, others: &Self) -> bool {
        others.dns.iter().all(|name| self.dns.contains(name))
            && others.addresses.iter().all(|address| self.addresses.contains(address))
    }
}

/// Converts the first label of a host name to a name for the network, as avahi does (`avahi_get_host_name`): it keeps
/// letters, digits and `-`, removes everything else, and cuts to 63 bytes. We also remove `-` at either end, because no
/// certificate can contain it. Returns `None` if nothing is left, and for `localhost`, which names every machine.
pub fn label(host: &str) -> Option<String> {
    let first = host.trim().split('.').next().unwrap_or_default().to_ascii_lowercase();
    let mut kept: String = first.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    kept.truncate(LABEL_BYTES_MAX);
    let kept = kept.trim_matches('-');
    (!kept.is_empty() && kept != "localhost").then(|| kept.to_owned())
}

/// Adds a number to a label that is taken, as a responder does, and shortens the label if both are too long.
fn numbered_label(label: &str, number: u32) -> String {
    let number = format!("-{number}");
    let kept = label.get(..LABEL_BYTES_MAX - number.len()).unwrap_or(label).trim_end_matches('-');
    format!("{kept}{number}")
}

fn plain(name: &str) -> String {
    name.trim().trim_end_matches('.').to_lowercase()
}

/// Returns whether browsers accept this name in a certificate. It is one that our authorities may sign ([`is_permitted`]),
/// or a single label, which only an outside certificate may contain. Not a number: Firefox refuses the whole certificate
/// because of one.
fn is_certifiable(name: &str) -> bool {
    let is_local = name
        .rsplit_once('.')
        .map_or_else(|| name.bytes().any(|byte| !byte.is_ascii_digit()), |_| is_permitted(name));
    is_local && HostName::parse(name).is_some_and(|name| name.is_strict())
}

fn is_private(address: &IpAddr) -> bool {
    let holds = |(block, length): &(IpAddr, u8)| {
        IpNet::new(*block, *length).is_ok_and(|block| block.contains(address))
    };
    PRIVATE_BLOCKS.iter().any(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_host_is_called_its_names_can_be_shown_and_typed() {
        for (said, _) in crate::plain::NASTY {
            let said = String::from_utf8_lossy(said);
            let names = Names::of(&said, &[]);
            for name in [names.label(), names.announced()] {
                assert!(
                    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)),
                    "{said:?}: {name:?}"
                );
                assert_eq!(crate::plain::Plain::of(&name), *name);
            }
        }
    }

    #[test]
    fn what_an_authority_may_name_ends_with_a_whole_reserved_name() {
        for name in
            ["local", "a.local", "deep.a.local", "localhost", "a.localhost", "a.home.arpa", "a.internal"]
        {
            assert!(is_permitted(name), "{name}");
        }
        for name in
            ["", "stage-pi", "studio", "notlocal", "a.lan", "fritz.box", "arpa", "a.arpa", "local.example"]
        {
            assert!(!is_permitted(name), "{name}");
        }
    }

    const HOUR: u64 = 3600 * NS_PER_S;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// Checks that all the names of one machine fit together.
    fn check(names: &Names, what: &str) {
        let announced = names.announced();
        let certified = names.certified(&[]);
        assert!(names.accept(&announced), "{what}: {announced} is announced and not accepted");
        for name in &certified.dns {
            assert!(names.accept(name), "{what}: {name} is certified and not accepted");
            assert!(is_certifiable(name), "{what}: {name} cannot be certified");
        }
        if is_certifiable(&announced) {
            assert_eq!(certified.dns[0], announced, "{what}: the announced name is certified first");
        }
    }

    #[test]
    fn whatever_the_host_is_called_it_is_announced_accepted_and_certified_by_the_same_name() {
        let long = "a".repeat(64);
        let cut = format!("{}.local", "a".repeat(63));
        for (host, announced) in [
            ("synthwire", "synthwire.local"),
            ("Roon_Kitchen", "roonkitchen.local"),
            ("MONTAGE", "montage.local"),
            ("Stage-Pi\n", "stage-pi.local"),
            ("Küche", "kche.local"),
            ("音楽", "synthwire.local"),
            ("stage.example.org", "stage.local"),
            ("stage.local", "stage.local"),
            ("stage.", "stage.local"),
            ("localhost", "synthwire.local"),
            ("localhost.localdomain", "synthwire.local"),
            ("LOCALHOST", "synthwire.local"),
            ("", "synthwire.local"),
            ("   ", "synthwire.local"),
            (".", "synthwire.local"),
            ("-pi-", "pi.local"),
            ("___", "synthwire.local"),
            ("my synth", "mysynth.local"),
            ("pi's synth", "pissynth.local"),
            ("1234", "1234.local"),
            ("xn--kche-0ra", "xn--kche-0ra.local"),
            ("a", "a.local"),
            (&long, &cut),
        ] {
            let names = Names::of(host, &[]);
            assert_eq!(names.announced(), announced, "{host:?}");
            check(&names, host);
            assert_eq!(names.certified(&[]).dns[0], announced, "{host:?}");
        }
    }

    #[test]
    fn whatever_the_responder_settles_on_is_announced_accepted_and_certified() {
        for settled in [
            "synthwire-2.local",
            "synthwire-17.local",
            "synthwire-4711.local",
            "Synthwire-1000000.local.",
            "linux.local",
            "other.local",
            "Kitchen-Radio.local",
        ] {
            let mut names = Names::of("synthwire", &[]);
            assert!(names.learn("synthwire", Some(settled), MonoNs(1)));
            let expected = settled.trim_end_matches('.').to_ascii_lowercase();
            assert_eq!(names.announced(), expected);
            check(&names, settled);
            assert!(names.accept("synthwire.local") && names.accept("synthwire"), "{settled}");
            assert!(!names.learn("synthwire", Some(settled), MonoNs(2)), "{settled}: nothing is new");
        }
        let mut names = Names::of("synthwire", &[]);
        assert!(names.learn("synthwire", Some("synthwire.lan"), MonoNs(1)));
        assert!(names.accept("synthwire.lan"), "avahi can be told another domain");
        let certified = names.certified(&[]).dns;
        assert!(!certified.contains(&"synthwire.lan".into()) && certified[0] == "synthwire.local");
        check(&names, "another domain");
    }

    #[test]
    fn a_changed_name_is_known_at_once_and_the_old_one_for_a_day() {
        let mut names = Names::of("old", &[]);
        assert!(!names.learn("old", None, MonoNs(0)));
        assert!(names.learn("new", None, MonoNs(HOUR)));
        assert_eq!(names.announced(), "new.local");
        for name in ["new", "new.local", "old", "old.local"] {
            assert!(names.accept(name), "{name}");
        }
        let certified = names.certified(&[]);
        assert_eq!(certified.dns[0], "new.local");
        assert!(certified.dns.contains(&"old.local".into()));
        assert!(!names.learn("new", None, MonoNs(HOUR + FORMER_NS - 1)));
        assert!(names.learn("new", None, MonoNs(HOUR + FORMER_NS)), "the day is over");
        assert!(!names.accept("old") && !names.accept("old.local"));
        assert!(!names.certified(&[]).dns.contains(&"old.local".into()));
        check(&names, "renamed");
    }

    #[test]
    fn a_name_that_comes_back_is_no_former_one_and_a_responder_that_counts_up_leaves_a_bounded_trail() {
        let mut names = Names::of("a", &[]);
        names.learn("b", None, MonoNs(0));
        names.learn("a", None, MonoNs(1));
        assert!(names.learn("a", None, MonoNs(2 + FORMER_NS)), "b is forgotten");
        assert!(names.accept("a.local") && !names.accept("b.local"));
        for number in 2..=5000 {
            names.learn("a", Some(&format!("a-{number}.local")), MonoNs(number + 3 * FORMER_NS));
        }
        assert_eq!(names.announced(), "a-5000.local");
        assert_eq!(names.former.len(), FORMER_MAX);
        assert!(names.accept("a-4999.local") && !names.accept("a-4000.local"));
        check(&names, "counted up");
    }

    #[test]
    fn only_what_is_ours_is_accepted() {
        let names = Names::of("stage.example.org", &["Synth.Lan.".into()]);
        for (name, ours) in [
            ("stage", true),
            ("stage.local", true),
            ("stage.example.org", true),
            ("stage-2.local", true),
            ("stage-999.local", true),
            ("synth.lan", true),
            ("localhost", true),
            ("page.localhost", true),
            ("stage-1000.local", false),
            ("stage-02.local", false),
            ("stage-x.local", false),
            ("stage-.local", false),
            ("stage--2.local", false),
            ("stage-2", false),
            ("example.org", false),
            ("stage.evil.example", false),
            ("stage.example.org.local", false),
            ("stage.local.evil.example", false),
            ("synth.lan.evil.example", false),
            ("localhost.evil.example", false),
            ("other.local", false),
            (".local", false),
            ("-2.local", false),
            ("", false),
        ] {
            assert_eq!(names.accept(name), ours, "{name:?}");
        }
        assert!(names.is_configured("synth.lan") && !names.is_configured("stage"));
    }

    #[test]
    fn a_name_with_a_number_fits_between_two_dots() {
        let names = Names::of(&"a".repeat(63), &[]);
        for number in [2, 10, 999] {
            let name = numbered_label(&names.label(), number);
            assert_eq!(name.len(), LABEL_BYTES_MAX);
            assert!(names.accept(&format!("{name}.local")), "{name}");
        }
        check(&names, "63 letters");
    }

    #[test]
    fn only_what_is_local_is_certified() {
        let all = addresses(&[
            "192.168.1.20",
            "10.255.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "169.254.7.7",
            "fd00::7",
            "fe80::1",
            "8.8.8.8",
            "172.32.0.1",
            "2001:db8::1",
            "192.169.0.1",
            "::2",
            "192.168.1.20",
        ]);
        let certified = Names::of("Stage-Pi.example.org\n", &["synth.lan".into()]).certified(&all);
        assert!(
            Names::of("a", &["synth.home.arpa".into()])
                .certified(&[])
                .dns
                .contains(&"synth.home.arpa".into())
        );
        let numbered = ["stage-pi-2.local", "stage-pi-3.local", "stage-pi-4.local"];
        assert_eq!(certified.dns[..2], ["stage-pi.local", "stage-pi"]);
        assert_eq!(certified.dns[2..5], numbered);
        assert_eq!(certified.dns[5..], ["localhost"]);
        let near = [
            "10.255.0.1",
            "127.0.0.1",
            "169.254.7.7",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.20",
            "::1",
            "fd00::7",
            "fe80::1",
        ];
        assert_eq!(certified.addresses, addresses(&near));
    }

    #[test]
    fn an_address_that_has_gone_needs_no_new_certificate_and_one_that_has_come_does() {
        let certified = |host: &str, texts: &[&str]| Names::of(host, &[]).certified(&addresses(texts));
        let one = certified("a", &["10.0.0.1"]);
        let two = certified("a", &["10.0.0.1", "10.0.0.2"]);
        assert!(two.hold(&one) && one.hold(&one) && !one.hold(&two));
        assert!(!two.hold(&certified("b", &[])));
    }
}
