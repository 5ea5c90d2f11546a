//! The checks of `synthwire doctor`: each gives one or more lines with a name, a verdict and words. To add one, write a
//! function and add it to [`CHECKS`].

use super::asking::{self, KEY_VARIABLE, ServiceAnswer};
use super::notices;
use super::places::{SettingPlace, SettingPlaces};
use super::ports::files;
use crate::config::{Complaint, Config};
use crate::identity::Names;
use crate::plain::Plain;
use crate::rt::thread::{RtRequest, become_real_time};
use crate::source::opening::{Kind, Selection};
use crate::sys::{initramfs, machine, power};
use std::net::{SocketAddr, TcpListener};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// The sound will play, but with faults or a longer delay.
    Warn,
    Bad,
}

impl Verdict {
    /// Returns the mark at the start of the line.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "BAD ",
        }
    }
}

/// One line of the result.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) verdict: Verdict,
    pub(super) words: Plain,
}

impl Check {
    fn good(name: &'static str, words: impl Into<Plain>) -> Self {
        Self { name, verdict: Verdict::Good, words: words.into() }
    }

    fn warn(name: &'static str, words: impl Into<Plain>) -> Self {
        Self { name, verdict: Verdict::Warn, words: words.into() }
    }

    fn bad(name: &'static str, words: impl Into<Plain>) -> Self {
        Self { name, verdict: Verdict::Bad, words: words.into() }
    }
}

/// The facts that the checks examine.
pub(super) struct Scene<'a> {
    pub(super) config: &'a Config,
    /// Mistakes in the configuration file.
    pub(super) complaints: &'a [Complaint],
    /// The file or option that set each setting.
    pub(super) places: &'a SettingPlaces,
    /// The source that `serve` would play.
    pub(super) selection: Selection,
    /// The address where the service of this configuration answers.
    pub(super) place: SocketAddr,
    /// The service's answer from `address`.
    pub(super) service: &'a ServiceAnswer,
}

impl Scene<'_> {
    /// Returns whether a service is using the card, the port and the priorities: then the checks ask it and try nothing
    /// themselves.
    fn is_served(&self) -> bool {
        matches!(
            self.service,
            ServiceAnswer::Runs(_)
                | ServiceAnswer::Locked
                | ServiceAnswer::Refuses(_)
                | ServiceAnswer::BrokeOff
        )
    }
}

/// All checks, in the order of their output.
const CHECKS: &[fn(&Scene<'_>) -> Vec<Check>] =
    &[configuration, service, real_time, governor, sound, ports, certificate, authority, device];

/// Runs all checks.
pub(super) fn all(scene: &Scene<'_>) -> Vec<Check> {
    CHECKS.iter().flat_map(|check| check(scene)).collect()
}

fn configuration(scene: &Scene<'_>) -> Vec<Check> {
    scene.complaints.iter().map(|complaint| Check::warn("configuration", complaint.to_string())).collect()
}

fn service(scene: &Scene<'_>) -> Vec<Check> {
    let (name, place) = ("service", scene.place);
    let runs = match scene.service {
        ServiceAnswer::Runs(status) => {
            let version = status["version"].as_str().unwrap_or("of unknown version");
            let listeners = status["listeners"]["now"].as_u64().unwrap_or(0);
            format!("{version} answers at {place}, for {listeners} listeners")
        }
        ServiceAnswer::Locked => {
            format!("it answers at {place}, and says more with its listening key in {KEY_VARIABLE}")
        }
        ServiceAnswer::Refuses(code) => {
            return vec![Check::warn(name, format!("{place} refuses with HTTP status {code}"))];
        }
        ServiceAnswer::BrokeOff => {
            return vec![Check::warn(name, format!("the answer of the service at {place} broke off"))];
        }
        ServiceAnswer::Tls | ServiceAnswer::Stranger | ServiceAnswer::Nobody(_) => {
            return vec![Check::good(
                name,
                format!("none runs at {place}: this looks at the machine itself"),
            )];
        }
    };
    let well = match asking::ill(scene.config, place) {
        None => Check::good("alive", "sound flows, or the service looks for a source"),
        Some(words) if words.is_empty() => Check::bad(
            "alive",
            "the service does not say whether it is well: try again, then look at its log",
        ),
        Some(words) => Check::bad("alive", words),
    };
    vec![Check::good(name, runs), well]
}

fn real_time(scene: &Scene<'_>) -> Vec<Check> {
    let name = "real time";
    if let ServiceAnswer::Runs(status) = scene.service {
        let real_time = &status["capture"]["real_time"];
        let refusals =
            real_time["refusals"].as_array().into_iter().flatten().filter_map(|refusal| refusal.as_str());
        let refused: Vec<Check> = refusals.map(|refusal| Check::warn(name, refusal)).collect();
        return match real_time["fifo_priority"].as_u64() {
            _ if !refused.is_empty() => refused,
            Some(priority) => {
                vec![Check::good(name, format!("the service captures with SCHED_FIFO {priority}"))]
            }
            None => Vec::new(), // nothing is being captured
        };
    }
    if scene.is_served() {
        return Vec::new();
    }
    // The attempt runs on a separate thread because it changes the priority of the thread it runs on.
    let priority = scene.config.rt_priority;
    let tried = std::thread::spawn(move || become_real_time(RtRequest { priority, cpu: None }, &[])).join();
    let check = match tried {
        Ok(state) if state.refusals.is_empty() => {
            let (priority, kib) = (state.fifo_priority.unwrap_or(0), state.locked_bytes / 1024);
            Check::good(name, format!("SCHED_FIFO {priority} and {kib} KiB of locked memory are allowed"))
        }
        Ok(state) => Check::warn(name, state.refusals.join("; ")),
        Err(_) => Check::bad(name, "the check itself failed: please report it"),
    };
    vec![check]
}

fn governor(_: &Scene<'_>) -> Vec<Check> {
    let name = "CPU governor";
    let check = match std::fs::read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").map(Plain::name)
    {
        Ok(governor) if governor == "performance" => Check::good(name, "performance"),
        Ok(governor) => Check::warn(
            name,
            format!(
                "{governor}: the clock rate may change while playing. 'echo performance | sudo tee \
                 /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor' holds it until the next start"
            ),
        ),
        Err(_) => Check::good(name, "this machine does not change its clock rate by itself"),
    };
    vec![check]
}

fn sound(scene: &Scene<'_>) -> Vec<Check> {
    let name = "sound card";
    let check = match scene.service {
        ServiceAnswer::Runs(status) => {
            let source = |key: &str| status["source"][key].as_str().unwrap_or_default();
            let device = status["capture"]["device"].as_str().unwrap_or_default();
            match (source("state"), source("notice")) {
                ("playing", "") => {
                    Check::good(name, format!("the service plays {} ({device})", source("name")))
                }
                ("playing", notice) => Check::warn(name, format!("{} ({device}): {notice}", source("name"))),
                (_, "") => Check::bad(name, "the service plays nothing"),
                (_, notice) => Check::bad(name, notice),
            }
        }
        _ if scene.is_served() => Check::good(name, "the running service has it"),
        _ => match scene.selection.clone().opener().open(false, &mut || ()) {
            Ok(Some(opened)) if opened.kind == Kind::Demo => {
                Check::good(name, "no synth is there, and the demo instrument plays in its place")
            }
            Ok(Some(opened)) => Check::good(name, format!("{} opens ({})", opened.device, opened.path)),
            Ok(None) => Check::bad(
                name,
                "no MONTAGE or MODX: connect its USB TO HOST socket and switch it on, or name another with \
                 --device ('synthwire devices' lists them)",
            ),
            Err(error) => Check::bad(name, Plain::from(&error)),
        },
    };
    vec![check]
}

fn ports(scene: &Scene<'_>) -> Vec<Check> {
    let plain = match scene.service {
        ServiceAnswer::Stranger | ServiceAnswer::Tls => {
            taken("port", scene.place, &scene.places.of("listen"))
        }
        ServiceAnswer::Nobody(_) => free("port", scene.config.listen, &scene.places.of("listen")),
        ServiceAnswer::Runs(_)
        | ServiceAnswer::Locked
        | ServiceAnswer::Refuses(_)
        | ServiceAnswer::BrokeOff => Check::good("port", format!("{} is the service's", scene.place)),
    };
    let secure = |address| {
        let (name, place) = ("HTTPS port", scene.places.of("listen_tls"));
        if !scene.is_served() {
            return free(name, address, &place);
        }
        match asking::https(address) {
            Some(true) => Check::good(name, format!("{address} is the service's")),
            Some(false) => taken(name, address, &place),
            None => Check::bad(
                name,
                format!(
                    "nobody speaks HTTPS at {address}: restart the service, it may have started with another configuration"
                ),
            ),
        }
    };
    let secure = scene.config.listen_tls.map(secure);
    std::iter::once(plain).chain(secure).collect()
}

/// Reports that another program has this address.
fn taken(name: &'static str, address: SocketAddr, place: &SettingPlace) -> Check {
    Check::bad(
        name,
        format!(
            "another program answers at {address}: end it ('ss -ltnp' names it), or choose another with {place}"
        ),
    )
}

/// Checks whether `serve` could use this address.
fn free(name: &'static str, address: SocketAddr, place: &SettingPlace) -> Check {
    match TcpListener::bind(address) {
        Ok(_) => Check::good(name, format!("{address} is free")),
        Err(error) => {
            Check::bad(name, format!("cannot listen on {address}: {error}. Choose another with {place}"))
        }
    }
}

/// Checks a certificate supplied by the user; a running service reports its faults itself.
fn certificate(scene: &Scene<'_>) -> Vec<Check> {
    let files = files(scene.config).filter(|_| !scene.is_served());
    let facts = || machine::facts(Names::of(&machine::host(), &scene.config.names));
    let flaws = files.map(|files| files.flaws(&facts(), &scene.config.names)).unwrap_or_default();
    flaws.into_iter().map(|flaw| Check::warn("certificate", flaw)).collect()
}

/// Shows the fingerprint of the certificate authority, for comparison with the one that browsers show.
fn authority(scene: &Scene<'_>) -> Vec<Check> {
    let has_https =
        matches!(scene.service, ServiceAnswer::Runs(status) if !status["tls_handshakes"].is_null());
    let fingerprint = if has_https { asking::authority(scene.config, scene.place).ok() } else { None };
    fingerprint
        .map(|fingerprint| Check::good("authority", format!("its fingerprint is {fingerprint}")))
        .into_iter()
        .collect()
}

/// Returns notices about the device: from the service, which knows its card and its state folder, or else
/// about the board only.
fn device(scene: &Scene<'_>) -> Vec<Check> {
    let notices: Vec<Plain> = if let ServiceAnswer::Runs(status) = scene.service {
        let said = status["notices"].as_array().into_iter().flatten();
        said.filter_map(|notice| notice.as_str()).map(Plain::from).collect()
    } else {
        let power = power::here().and_then(power::Throttled::notice).map(Plain::from);
        initramfs::notes().into_iter().chain(notices::gather(&[], None)).chain(power).collect()
    };
    notices.into_iter().map(|notice| Check::warn("device", notice)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::typed_settings::TypedSettings;
    use crate::source::alsa::DeviceRequest;
    use crate::source::opening::Choice;
    use serde_json::json;

    fn found(choice: Choice, answer: &ServiceAnswer) -> Vec<(&'static str, Verdict, String)> {
        let config = Config { listen: "127.0.0.1:0".parse().unwrap(), ..Config::default() };
        let selection = Selection {
            choice,
            wish: DeviceRequest { period_frames: 128, channels: None },
            skew_ppm: 0,
            sysfs: "/nonexistent".into(),
        };
        let scene = Scene {
            config: &config,
            complaints: &[],
            places: &SettingPlaces {
                typed: TypedSettings::default(),
                file: String::new(),
                in_file: Vec::new(),
            },
            selection,
            place: "127.0.0.1:9".parse().unwrap(),
            service: answer,
        };
        all(&scene).into_iter().map(|check| (check.name, check.verdict, check.words.to_string())).collect()
    }

    fn of<'a>(found: &'a [(&'static str, Verdict, String)], name: &str) -> (Verdict, &'a str) {
        let (_, verdict, words) = found.iter().find(|(is, ..)| *is == name).unwrap();
        (*verdict, words)
    }

    #[test]
    fn a_running_service_is_asked_and_nothing_of_it_is_tried() {
        let status = json!({
            "version": "1.2.3", "listeners": {"now": 3}, "notices": ["This is odd."],
            "source": {"state": "playing", "name": "MONTAGE M7", "notice": ""},
            "capture": {"device": "hw:CARD=MONTAGE,DEV=0", "real_time": {"fifo_priority": 70, "refusals": []}},
        });
        let found = found(Choice::Device("hw:nowhere".into()), &ServiceAnswer::Runs(status));
        assert_eq!(
            of(&found, "sound card"),
            (Verdict::Good, "the service plays MONTAGE M7 (hw:CARD=MONTAGE,DEV=0)")
        );
        assert_eq!(of(&found, "port"), (Verdict::Good, "127.0.0.1:9 is the service's"));
        assert_eq!(of(&found, "real time"), (Verdict::Good, "the service captures with SCHED_FIFO 70"));
        assert_eq!(of(&found, "device"), (Verdict::Warn, "This is odd."));
        assert!(of(&found, "service").1.starts_with("1.2.3 answers at 127.0.0.1:9"));
    }

    #[test]
    fn what_is_noticed_of_a_source_that_plays_is_told() {
        let status = json!({
            "source": {"state": "playing", "name": "MODX", "notice": "Passed over: it is busy."},
            "capture": {"device": "hw:1"},
        });
        assert_eq!(
            of(&found(Choice::Auto { demo: false }, &ServiceAnswer::Runs(status)), "sound card"),
            (Verdict::Warn, "MODX (hw:1): Passed over: it is busy.")
        );
    }

    #[test]
    fn a_service_that_plays_nothing_says_why() {
        let status = json!({"source": {"state": "waiting", "notice": "No synth found."}, "capture": null});
        assert_eq!(
            of(&found(Choice::Auto { demo: false }, &ServiceAnswer::Runs(status)), "sound card"),
            (Verdict::Bad, "No synth found.")
        );
        let locked = found(Choice::Device("hw:nowhere".into()), &ServiceAnswer::Locked);
        assert_eq!(of(&locked, "sound card").0, Verdict::Good);
        assert!(of(&locked, "service").1.contains(KEY_VARIABLE));
    }

    #[test]
    fn without_a_service_the_machine_is_looked_at_and_a_demo_is_no_bad_card() {
        let nobody = ServiceAnswer::Nobody("Connection refused".into());
        for choice in [Choice::Demo, Choice::Auto { demo: true }] {
            assert_eq!(of(&found(choice, &nobody), "sound card").0, Verdict::Good);
        }
        let none = found(Choice::Auto { demo: false }, &nobody);
        assert!(of(&none, "sound card").1.starts_with("no MONTAGE or MODX"));
        assert_eq!(of(&none, "port").0, Verdict::Good);
        assert_eq!(of(&found(Choice::Demo, &ServiceAnswer::Stranger), "port").0, Verdict::Bad);
    }
}
