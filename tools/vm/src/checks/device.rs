//! The instrument as the kernel and the service see it.

use crate::instrument::Instrument;
use crate::patience::until;
use crate::service::Service;
use crate::tap::{Verdict, require};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The card's capture device; there is no other card.
pub const PCM: &str = "/dev/snd/pcmC0D0c";
const MIDI: &str = "/dev/snd/midiC0D0";
/// The value on Linux.
const O_NONBLOCK: i32 = 0o4000;

/// Tests a start without any card.
pub fn absent() -> Verdict {
    let service = Service::start(None)?;
    let says_so = || {
        Ok(service.status()?["source"]["notice"].as_str().unwrap_or_default().starts_with("No synth found"))
    };
    until("the service says that there is no synth", says_so)?;
    service.until_state("waiting")?;
    Ok(String::new())
}

/// Tests the same device under another vendor's id, for as long as the service needs to look twice.
pub fn another_maker() -> Verdict {
    let descriptors = montage::descriptors::MONTAGE.replace("99 04 07 17", "6d 04 07 17");
    fs::write("/other.usb", descriptors).map_err(|error| format!("/other.usb: {error}"))?;
    let mut other = Instrument::start("/montage", Some("/other.usb"))?;
    other.say("attach")?;
    until("the card is there", || Ok(Path::new(PCM).exists()))?;
    let service = Service::start(None)?;
    service.until_state("waiting")?;
    std::thread::sleep(std::time::Duration::from_secs(2));
    let streaming = other.count("streaming")?;
    let state = service.status()?["source"]["state"].clone();
    require(streaming == 0 && state == "waiting", || {
        format!("streaming {streaming}, the source is {state}")
    })?;
    drop(other);
    until("the card is gone", || Ok(!Path::new(PCM).exists()))?;
    Ok(String::new())
}

/// Connects the instrument.
pub fn is_a_card(montage: &mut Instrument) -> Verdict {
    montage.say("attach")?;
    let waited = until("the card is there", || Ok(Path::new(PCM).exists() && Path::new(MIDI).exists()))?;
    let cards = read("/proc/asound/cards")?;
    require(cards.contains("[MONTAGE "), || format!("the card has another id: {cards}"))?;
    Ok(format!("{}after {} ms\n{}", cards, waited.as_millis(), read("/proc/asound/card0/stream0")?))
}

/// The format that the service and the kernel agreed on.
pub fn negotiated() -> Verdict {
    let service = Service::playing()?;
    let status = service.status()?;
    let capture = &status["capture"];
    for (key, wanted) in [
        ("device", "hw:CARD=MONTAGE,DEV=0".into()),
        ("path", "kernel_mmap".into()),
        ("format", "S24_3LE".into()),
        ("rate_hz", 44_100.into()),
        ("channels", 8.into()),
        ("period_frames", 128.into()),
    ] {
        require(capture[key] == serde_json::Value::clone(&wanted), || {
            format!("{key} is not {wanted}: {capture}")
        })?;
    }
    require(status["source"]["name"] == "MONTAGE", || format!("another name: {status}"))?;
    let kernels = read("/proc/asound/card0/pcm0c/sub0/hw_params")?;
    for line in
        ["access: MMAP_INTERLEAVED", "format: S24_3LE", "channels: 8", "rate: 44100 ", "period_size: 128"]
    {
        require(kernels.contains(line), || format!("no '{line}' in the kernel's\n{kernels}"))?;
    }
    Ok(format!("{kernels}{capture}"))
}

/// Sends a note each way while sound is captured.
pub fn midi(montage: &mut Instrument) -> Verdict {
    let _service = Service::playing()?;
    let mut port = File::options()
        .read(true)
        .write(true)
        .custom_flags(O_NONBLOCK)
        .open(MIDI)
        .map_err(|error| format!("{MIDI}: {error}"))?;
    let mut note = [0; 3];
    // The kernel discards notes that arrive before a reader exists.
    let early = port.read(&mut note);
    require(early.is_err(), || format!("a note comes that nobody played: {note:02x?}"))?;
    montage.say("midi 90 3c 40")?;
    until("a note comes", || Ok(port.read_exact(&mut note).is_ok()))?;
    require(note == [0x90, 0x3c, 0x40], || format!("another note came: {note:02x?}"))?;
    port.write_all(&[0x90, 0x45, 0x7f]).map_err(|error| format!("no note goes: {error}"))?;
    until("the note arrives", || Ok(montage.status("midi_heard")? == "90457f"))?;
    Ok(String::new())
}

fn read(file: &str) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))
}
