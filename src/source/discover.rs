//! Which sound cards there are, and which of them is a synth we know. Reads sysfs, opens nothing.
//!
//! A synth is known by Yamaha's USB vendor id and its product name, not by product ids: of the family only two are published. Its card is addressed by id (`hw:CARD=MONTAGE`), which survives another card's coming.

use crate::plain::Plain;
use std::fs;
use std::path::Path;

/// Where the kernel lists sound devices.
pub const SYSFS_SOUND: &str = "/sys/class/sound";
/// Yamaha Corporation.
const VENDOR_YAMAHA: &str = "0499";
/// Products of the family, as the start of what the device calls itself, without regard to case.
const FAMILY: [&str; 2] = ["MONTAGE", "MODX"];

/// One sound card as sysfs shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its number, as in `hw:0`.
    pub number: u32,
    /// Its id, as in `hw:CARD=id`.
    pub id: Plain,
    /// Whether its device 0 can capture.
    pub captures: bool,
    /// USB vendor and product id and name; `None` for a card that is not on USB.
    pub usb: Option<Usb>,
}

/// What a USB device says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usb {
    /// Four hexadecimal digits.
    pub vendor: Plain,
    /// Four hexadecimal digits.
    pub product: Plain,
    /// Its own name.
    pub name: Plain,
    /// Megabits per second: 480 is high speed.
    pub speed_mbit_s: Plain,
}

/// Why a card is taken or left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A synth of the family.
    Synth,
    /// It only plays.
    NoCapture,
    /// It is not on USB.
    NotUsb,
    /// Another maker.
    OtherVendor,
    /// Yamaha, but no synth we know.
    OtherProduct,
}

impl Verdict {
    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Synth => "a synth of the MONTAGE/MODX family",
            Self::NoCapture => "cannot capture",
            Self::NotUsb => "is not a USB device",
            Self::OtherVendor => "is not made by Yamaha; name it with --device to use it",
            Self::OtherProduct => "is Yamaha, but no MONTAGE or MODX; name it with --device to use it",
        }
    }
}

impl Card {
    /// The PCM to open.
    pub fn pcm(&self) -> String {
        format!("hw:CARD={},DEV=0", self.id)
    }

    /// What a person calls it.
    pub fn name(&self) -> &str {
        self.usb.as_ref().map_or(&self.id, |usb| &usb.name)
    }

    /// Whether it is the synth, and if not, why not.
    pub fn verdict(&self) -> Verdict {
        let Some(usb) = &self.usb else {
            return if self.captures { Verdict::NotUsb } else { Verdict::NoCapture };
        };
        let name = usb.name.to_uppercase();
        match () {
            () if !self.captures => Verdict::NoCapture,
            () if *usb.vendor != *VENDOR_YAMAHA => Verdict::OtherVendor,
            () if FAMILY.iter().any(|family| name.starts_with(family)) => Verdict::Synth,
            () => Verdict::OtherProduct,
        }
    }
}

/// The cards under `sysfs`, by number. Empty when there are none, or no sound at all.
pub fn cards(sysfs: &Path) -> Vec<Card> {
    let Ok(entries) = fs::read_dir(sysfs) else { return Vec::new() };
    let mut cards: Vec<Card> = entries
        .filter_map(|entry| {
            let number = entry.ok()?.file_name().to_str()?.strip_prefix("card")?.parse().ok()?;
            card(sysfs, number)
        })
        .collect();
    cards.sort_by_key(|card| card.number);
    cards
}

/// The synths of the family, in the order in which they are tried.
pub fn synths(sysfs: &Path) -> Vec<Card> {
    cards(sysfs).into_iter().filter(|card| card.verdict() == Verdict::Synth).collect()
}

fn card(sysfs: &Path, number: u32) -> Option<Card> {
    let folder = sysfs.join(format!("card{number}"));
    let id = text(&folder.join("id"))?;
    let captures = sysfs.join(format!("pcmC{number}D0c")).exists();
    // A USB card's device is the audio interface; ids and names are its parent's, the USB device.
    let device = folder.join("device/..");
    let usb = text(&device.join("idVendor")).map(|vendor| Usb {
        vendor,
        product: text(&device.join("idProduct")).unwrap_or_default(),
        name: text(&device.join("product")).unwrap_or_else(|| id.clone()),
        speed_mbit_s: text(&device.join("speed")).unwrap_or_default(),
    });
    Some(Card { number, id, captures, usb })
}

/// What a device says of itself can be anything.
fn text(file: &Path) -> Option<Plain> {
    Some(Plain::name(fs::read(file).ok()?))
}

#[cfg(test)]
mod tests {
    use super::Verdict::{NoCapture, NotUsb, OtherProduct, OtherVendor, Synth};
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    /// A card's id, whether it captures, and its USB vendor and name.
    type Fake<'a> = (&'a str, bool, Option<(&'a str, &'a str)>);

    /// A sysfs of our own.
    fn sysfs(cards: &[Fake<'_>]) -> PathBuf {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let unique = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("synthwire-sysfs-{}-{unique}", std::process::id()));
        for (number, (id, captures, usb)) in cards.iter().enumerate() {
            let card = root.join(format!("card{number}"));
            let device = root.join(format!("usb{number}/interface"));
            fs::create_dir_all(&card).unwrap();
            fs::create_dir_all(&device).unwrap();
            fs::write(card.join("id"), format!("{id}\n")).unwrap();
            symlink(&device, card.join("device")).unwrap();
            if *captures {
                fs::create_dir(root.join(format!("pcmC{number}D0c"))).unwrap();
            }
            if let Some((vendor, name)) = usb {
                fs::write(root.join(format!("usb{number}/idVendor")), format!("{vendor}\n")).unwrap();
                fs::write(root.join(format!("usb{number}/product")), format!("{name}\n")).unwrap();
            }
        }
        root
    }

    #[test]
    fn the_synth_is_found_by_vendor_and_name_among_others() {
        let root = sysfs(&[
            ("PCH", true, None),
            ("Mic", true, Some(("046d", "MONTAGE of a webcam"))),
            ("P125", true, Some(("0499", "Digital Piano"))),
            ("MODX", false, Some(("0499", "MODX6"))),
            ("MONTAGE", true, Some(("0499", "Montage M7"))),
        ]);
        let verdicts: Vec<Verdict> = cards(&root).iter().map(Card::verdict).collect();
        assert_eq!(verdicts, [NotUsb, OtherVendor, OtherProduct, NoCapture, Synth]);
        let [synth] = &synths(&root)[..] else { panic!("one synth") };
        assert_eq!((synth.pcm().as_str(), synth.name()), ("hw:CARD=MONTAGE,DEV=0", "Montage M7"));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn whatever_a_card_calls_itself_can_be_shown() {
        let root = sysfs(&[("Odd", true, Some(("0499", "")))]);
        for (said, expected) in crate::plain::NASTY {
            for file in ["product", "idProduct", "speed"] {
                fs::write(root.join("usb0").join(file), said).unwrap();
            }
            let card = &cards(&root)[0];
            let usb = card.usb.as_ref().unwrap();
            assert_eq!([&usb.name, &usb.product, &usb.speed_mbit_s], [expected; 3]);
            assert_eq!(card.name(), expected);
        }
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_machine_without_sound_has_no_cards() {
        assert_eq!(cards(Path::new("/nonexistent")), []);
    }
}
