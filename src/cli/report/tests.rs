//! Plants secrets and identities in everything the report reads: none may appear in it.

use super::super::checks::Verdict as Mark;
use super::*;
use crate::plain::Plain;
use crate::test_folder::TestFolder;
use serde_json::json;

/// Secrets that a report must not reveal, each of another kind.
const SECRETS: [&str; 44] = [
    "hunter2hunter2",                                                   // a Wi-Fi password
    "9f2c1b7ad0e64c38b5f1a2d3c4b5a697881726354a5b6c7d8e9f0a1b2c3d4e5f", // a PSK
    "$argon2id$v=19$m=4096,t=4,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",            // a key's hash
    "synthwire_settings=Zm9vYmFyYmF6cXV4",                              // a cookie
    "Bearer-c2VjcmV0LXRva2Vu",                                          // a key shown by a program
    "dc:a6:32:01:02:03",                                                // a MAC, in four spellings
    "DC-A6-32-01-02-03",
    "dca632010203",
    "dca6.3201.0203",
    "10000000a1b2c3d4", // a Raspberry Pi's serial number
    "UEAX01234",        // a synth's serial number
    "192.168.178.20",   // addresses
    "10.0.0.7:50123",
    "203.0.113.9/24",
    "fd00::1ff:fe23:4567:890a",
    "[2001:db8::7]:443",
    "fe80::dea6:32ff:fe01:203%eth0",
    "annas-studio", // a host name
    "synth.fritz.box",
    "studio.example.org",
    "anna", // a user name
    "anna@example.org",
    "/home/anna/synth.wav",
    "/media/anna/KEYS",
    "Annas-WLAN", // a Wi-Fi network's name
    "FRITZ!Box",
    "a7f3c1de-1b2c-4d5e-8f90-123456789abc", // a file system's UUID
    "0a1b2c3d4e5f60718293a4b5c6d7e8f9",     // the machine ID
    "-----BEGIN-PRIVATE-KEY-----",
    "MHcCAQEEIBkg4LVWM9nuwNSk3yByxZpYRTBnVJk5oXtGkKPZBRDloAoGCCqGSM49",
    "https://x/?token=abcdef123456",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "ssh-ed25519",
    "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
    "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",
    "+49-170-1234567",
    "DE89370400440532013000",
    "48.1374,11.5755",
    "Musikhaus", // a sound card's custom name
    "Größe-7",
    "\u{1b}[2Janna",
    "anna\u{202e}",
    "Mozilla/5.0",
    "root:x:0:0",
];

/// Lines of real sources. Each is shown completely; a test then replaces each of its words by every secret.
const SAMPLES: [(&str, &str); 43] = [
    ("System", "ID=debian"),
    ("System", "VERSION_ID=\"13\""),
    ("System", "VERSION_CODENAME=trixie"),
    ("Kernel", "6.12.38+deb13-rt-arm64"),
    ("Kernel", "6.1.0-37-amd64"),
    ("Architecture", "aarch64"),
    ("Real-time kernel (1 is yes)", "1"),
    ("Kernel command line", "isolcpus=managed_irq,3"),
    ("Kernel command line", "panic=10"),
    ("Kernel command line", "threadirqs"),
    ("Board", "Raspberry Pi 4 Model B Rev 1.5"),
    ("Board", "Raspberry Pi Compute Module 4 Rev 1.1"),
    ("Load", "0.52 0.58 0.59 1/123 4567"),
    ("Memory", "MemTotal:        3884376 kB"),
    ("Governors", "cpu0 » performance"),
    ("Temperatures in thousandths of a degree", "thermal_zone0 » 48312"),
    ("Undervoltage alarms (0 is good)", "hwmon1 » 0"),
    ("USB devices", "1-1.2 » PRODUCT=499/1617/100"),
    ("USB devices", "1-1.2:1.0 » DRIVER=snd-usb-audio"),
    ("USB speeds in Mbit/s", "1-1.2 » 480"),
    ("USB power", "usb1 » 0mA"),
    ("USB streams", "card1 » Status: Running"),
    ("USB streams", "card1 » Momentary freq = 44100 Hz (0x5.8333)"),
    ("USB streams", "card1 » Format: S24_3LE"),
    ("USB streams", "card1 » Endpoint: 0x81 (1 IN) (ASYNC)"),
    ("USB streams", "card1 » Channel map: FL FR FC LFE RL RR FLC FRC"),
    ("USB streams", "card1 » Rates: 44100, 48000, 96000"),
    ("What is captured", "card1 pcm0c » access: MMAP_INTERLEAVED"),
    ("What is captured", "card1 pcm0c » rate: 44100 (44100/1)"),
    ("Service", "ActiveState=active"),
    ("Service", "WatchdogUSec=30s"),
    ("Clock", "NTPSynchronized=yes"),
    ("Kernel's words about USB and power", "usb 1-1.2: new high-speed USB device number 5 using xhci_hcd"),
    (
        "Kernel's words about USB and power",
        "usb 1-1.2: New USB device found, idVendor=0499, idProduct=1617, bcdDevice= 1.00",
    ),
    (
        "Kernel's words about USB and power",
        "usb 1-1.2: New USB device strings: Mfr=1, Product=2, SerialNumber=3",
    ),
    ("Kernel's words about USB and power", "usb 1-1: device descriptor read/64, error -71"),
    ("Kernel's words about USB and power", "usb 1-1.2: 1:1: cannot get freq at ep 0x81"),
    ("Kernel's words about USB and power", "hwmon hwmon1: Undervoltage detected!"),
    ("Kernel's words about USB and power", "Under-voltage detected! (0x00050005)"),
    ("Kernel's words about USB and power", "usb usb1-port2: over-current change #3"),
    ("Kernel's words about USB and power", "xhci_hcd 0000:01:00.0: HC died; cleaning up"),
    ("Throttling (0x0 is good)", "0x50000"),
    ("Load", "1.00 1.00 1.00 12/400 99999"),
];

/// Real lines that always contain an identity.
const TELLING: [&str; 16] = [
    "smsc95xx.macaddr=DC:A6:32:01:02:03",
    "ip=192.168.178.20::192.168.178.1:255.255.255.0:annas-studio:eth0:off",
    "root=PARTUUID=a7f3c1de-02",
    "bcm2708_fb.serial=0x10000000a1b2c3d4",
    "systemd.machine_id=0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "usb 1-1.2: SerialNumber: 48151623",
    "usb 1-1.2: Product: Annas MONTAGE",
    "usb 1-1.2: Manufacturer: Musikhaus",
    "Yamaha Corporation MONTAGE at usb-0000:01:00.0-1.2, high speed : USB Audio",
    "PRETTY_NAME=\"annas-studio\"",
    "Linux version 6.12.38 (anna@annas-studio)",
    "Serial          : 10000000a1b2c3d4",
    "Timezone=Europe/Berlin",
    "StatusText=Playing Annas MONTAGE",
    "Main PID: 4815 (anna)",
    "iSerial                 3 48151623",
];

/// Returns the report of a machine on which every source gives these lines.
fn reported(lines: impl Fn(PartSource) -> Vec<String>) -> String {
    let check = |words: &str| Check { name: "sound card", verdict: Mark::Bad, words: Plain::of(words) };
    text(
        &[check("cannot listen on 10.0.0.7:80: hunter2hunter2")],
        &planted_config(),
        &ServiceAnswer::Runs(planted_status()),
        lines,
    )
}

fn planted_config() -> Config {
    let secret = |at: usize| Some(SECRETS[at].to_owned());
    Config {
        device: secret(38),
        listen: "203.0.113.9:8080".parse().unwrap(),
        listen_tls: Some("[2001:db8::7]:443".parse().unwrap()),
        state: Some(SECRETS[23].into()),
        cert: Some(SECRETS[22].into()),
        key: Some(SECRETS[22].into()),
        names: vec![SECRETS[18].into(), SECRETS[19].into()],
        listening_key: secret(2),
        settings_key: secret(2),
        ..Config::default()
    }
}

/// Returns a status with every secret as a value, as a key, and inside sentences.
fn planted_status() -> Value {
    let mut status = json!({
        "version": SECRETS[18], "notices": SECRETS.to_vec(), "uptime_s": 7, "source": {"kind": "synth", "name": SECRETS[38], "notice": SECRETS[20]},
        "capture": {"device": SECRETS[17], "path": SECRETS[0], "real_time": {"fifo_priority": 70, "refusals": SECRETS.to_vec()}},
        "stream": {"frames": 12}, "listeners": {"now": 1, "reports": [{"mode": "anna"}], "glitches": {}}, "losses": {}, "refusals": {},
        "update": {"state": SECRETS[5], "version": SECRETS[17], "detail": SECRETS[22], "words": SECRETS[20], "reason": SECRETS[3]},
    });
    for group in ["stream", "losses", "refusals", "fan_out", "capture", "tls_handshakes"] {
        for secret in SECRETS {
            status[group][secret] = json!(7);
            status["source"][secret] = json!(secret);
        }
    }
    for secret in SECRETS {
        status["listeners"]["glitches"][secret] = json!(1);
        status["losses"][secret] = json!({"events": 1});
    }
    status
}

/// Asserts that the text contains no secret.
fn is_clean(text: &str, about: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} came out of {about}:\n{text}");
    }
    for secret in ["10000000a1b2c3d4", "48151623", "Annas", "macaddr", "Berlin", "4815"] {
        assert!(!text.contains(secret), "{secret} came out of {about}:\n{text}");
    }
}

#[test]
fn what_an_issue_needs_is_shown() {
    for (title, line) in SAMPLES {
        let (_, _, shapes) = PARTS.iter().find(|(is, ..)| *is == title).unwrap_or_else(|| panic!("{title}"));
        let line = line.to_owned();
        assert_eq!(shown(std::slice::from_ref(&line), &Shapes::of(shapes, "")), [line]);
    }
    let status = json!({"version": "0.1.0", "stream": {"frames": 12, "drift_ppm": -1.5}, "capture": {"path": "kernel_mmap", "rate_hz": 44100}, "losses": {"usb_loss": {"events": 3}},
        "refusals": {"key_wrong": 2}, "update": null});
    let told = text(&[], &Config::default(), &ServiceAnswer::Runs(status), |_| Vec::new());
    for line in [
        "version: 0.1.0",
        "stream.frames: 12",
        "stream.drift_ppm: -1.5",
        "capture.path: kernel_mmap",
        "losses.usb_loss.events: 3",
        "refusals.key_wrong: 2",
        "update: null",
        "listen: port 8080 for this machine",
        "listening_key: not set",
    ] {
        assert!(told.contains(&format!("\n{line}\n")), "{line}:\n{told}");
    }
}

#[test]
fn every_key_of_the_configuration_is_told_of() {
    let lines = configured(&Config::default());
    for Setting { key, .. } in SETTINGS {
        assert!(lines.iter().any(|line| line.starts_with(&format!("{key}: "))), "{key} is not in {lines:?}");
    }
}

#[test]
fn every_file_of_ours_may_be_named() {
    let shape = Shapes::of(&[CODE_FILES], "");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut files) = (vec![root.join("src")], 0);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files += 1;
                let name = path.strip_prefix(root).unwrap().to_string_lossy();
                assert!(shape.fit(&name), "add the folder of {name} to CODE_FILES");
            }
        }
    }
    assert!(files > 100, "{files}");
}

/// Collects every leaf of a schema that is a number, a boolean or an enumeration: its path, and an example value.
fn leaves(root: &Value, schema: &Value, path: &str, found: &mut Vec<String>) {
    let schema = schema["$ref"]
        .as_str()
        .map_or(schema, |to| &root["components"]["schemas"][to.rsplit('/').next().unwrap()]);
    for kind in ["oneOf", "anyOf"] {
        for one in schema[kind].as_array().into_iter().flatten() {
            leaves(root, one, path, found);
        }
    }
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        leaves(root, inner, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, found);
    }
    let kinds = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    let is = |kind: &str| kinds.iter().any(|is| is == kind);
    if is("integer") || is("number") {
        found.push(format!("{path}: 1234567890123"));
    }
    if is("null") && !is("string") {
        found.push(format!("{path}: null"));
    }
    let words = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|word| !word.is_empty());
    found.extend(words.map(|word| format!("{path}: {word}")));
}

#[test]
fn every_number_and_every_word_of_the_status_that_is_documented_is_shown() {
    let root: Value = serde_json::from_str(include_str!("../../../docs/ref/openapi.json")).unwrap();
    let mut found = Vec::new();
    leaves(&root, &root["components"]["schemas"]["Status"], "", &mut found);
    let shapes = Shapes::of(shapes::STATUS, &counted());
    let left_out: Vec<&String> = found.iter().filter(|line| !shapes.fit(line)).collect();
    assert!(
        found.len() > 80 && left_out.is_empty(),
        "add these to STATUS of src/cli/shapes.rs: {left_out:?}"
    );
    assert!(shapes.fit("stream.drift_ppm: -12.345678901234567") && shapes.fit("fan_out.busy_ms: 1e-7"));
}

#[test]
fn a_secret_planted_in_any_place_of_any_source_stays_in() {
    for (title, sample) in SAMPLES {
        let (_, _, shapes) = PARTS.iter().find(|(is, ..)| *is == title).unwrap();
        let shapes = Shapes::of(shapes, "");
        let cuts: Vec<usize> = sample.char_indices().map(|(at, _)| at).chain([sample.len()]).collect();
        for secret in SECRETS {
            let inserted = cuts.iter().map(|at| format!("{}{secret}{}", &sample[..*at], &sample[*at..]));
            let replaced = sample
                .split_inclusive([' ', '=', ':', ',', '/', '-'])
                .map(|word| sample.replace(word, secret));
            let lines: Vec<String> =
                inserted.chain(replaced).chain([secret.to_owned(), format!("{secret}={secret}")]).collect();
            is_clean(&shown(&lines, &shapes).join("\n"), title);
        }
    }
}

#[test]
fn a_whole_report_of_a_telling_machine_tells_nothing() {
    let lines = |from: PartSource| {
        let plain = SECRETS.iter().chain(&TELLING).map(|line| (*line).to_owned());
        let journal = SECRETS.iter().chain(&TELLING).map(|secret| {
            json!({"MESSAGE": format!("cannot listen on {secret}: Address already in use ({secret})"), "PRIORITY": secret,
                "CODE_FILE": secret, "CODE_LINE": secret, "__MONOTONIC_TIMESTAMP": "48151623", "_HOSTNAME": secret})
            .to_string()
        });
        if from == SERVICE_LOG { journal.collect() } else { plain.collect() }
    };
    let told = reported(lines);
    is_clean(&told, "the whole");
    assert!(
        told.contains("48 - -:- cannot listen on …: Address already in use"),
        "the guide's own words stay: {told}"
    );
    assert!(told.contains("lines left out)"), "{told}");
}

#[test]
fn every_part_is_named_and_every_shape_can_be_made_ready() {
    let told = text(&[], &Config::default(), &ServiceAnswer::Nobody(String::new()), read);
    for title in PARTS.iter().map(|(title, ..)| *title).chain([
        "Sound cards",
        "Service's log",
        "Configuration",
        "What the service says",
    ]) {
        assert!(told.contains(&format!("\n== {title}\n")), "{title}");
    }
    assert!(told.contains("MemTotal:"), "{told}");
    let _ = Shapes::of(shapes::STATUS, &counted());
}

#[test]
fn descriptors_are_shown_as_far_as_they_are_known() {
    let device = [18, 1, 0, 2, 0, 0, 0, 64, 0x99, 4, 0x17, 0x16, 0, 1, 1, 2, 3, 1];
    let odd = [6, 0x41, b'a', b'n', b'n', b'a'];
    let lines = hexadecimal(&[&device[..], &odd, &[9, 4, 0, 0, 1, 1, 1, 0, 0], &[200, 0x24]].concat());
    assert_eq!(
        lines,
        ["12 01 00 02 00 00 00 40 99 04 17 16 00 01 01 02 03 01", "09 04 00 00 01 01 01 00 00", "c8 24"]
    );
    assert_eq!(hexadecimal(&[0, 0, 0]), Vec::<String>::new());
}

#[test]
fn a_star_stands_for_any_name() {
    let top = TestFolder::new("report");
    for name in ["card1/pcm0c", "card0/pcm0c", "card0/pcm0p", "cards"] {
        fs::create_dir_all(top.join(name)).unwrap();
    }
    let pattern = top.join("card*/pcm*c");
    let found = matching(&pattern);
    assert_eq!(found, [top.join("card0/pcm0c"), top.join("card1/pcm0c")]);
    assert_eq!(place(&found[1], &pattern).unwrap(), "card1 pcm0c");
    assert_eq!(matching(&top.join("none*/x")), Vec::<PathBuf>::new());
}
