//! Lists the sound cards and recognises synths of the family. Reads sysfs, opens nothing.
//!
//! A synth is recognised by Yamaha's USB vendor ID and its product name, not by product IDs: only two of the family's are
//! published. Its card is addressed by ID (`hw:CARD=MONTAGE`), which stays valid when other cards are plugged in.

use crate::plain::Plain;
use std::fs;
use std::path::Path;

/// The folder in which the kernel lists sound devices.
pub const SYSFS_SOUND: &str = "/sys/class/sound";
/// USB vendor ID of Yamaha Corporation.
const VENDOR_YAMAHA: &str = "0499";
/// Products of the family, as prefixes of the device's own name, ignoring case.
const FAMILY: [&str; 2] = ["MONTAGE", "MODX"];

/// A sound card as sysfs shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The card's number, as in `hw:0`.
    pub number: u32,
    /// The card's ID, as in `hw:CARD=id`.
    pub id: Plain,
    /// True if the card's device 0 can capture.
    pub captures: bool,
    /// USB vendor and product ID and name; `None` for a card that is not on USB.
    pub usb: Option<Usb>,
}

/// A USB device's description of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usb {
    /// Four hexadecimal digits.
    pub vendor: Plain,
    /// Four hexadecimal digits.
    pub product: Plain,
    /// The device's name for itself.
    pub name: Plain,
    /// Megabits per second: 480 is high speed.
    pub speed_mbit_s: Plain,
}

/// The verdict on a card: usable, or the reason why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A synth of the family.
    Synth,
    /// The card only plays back.
    NoCapture,
    /// The card is not on USB.
    NotUsb,
    /// The card is from another maker.
    OtherVendor,
    /// The card is from Yamaha, but no synth we know.
    OtherProduct,
}

impl Verdict {
    /// Returns the reason in words.
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
    /// Returns the name of the PCM to open.
    pub fn pcm(&self) -> String {
        format!("hw:CARD={},DEV=0", self.id)
    }

    /// Returns the card's name for people.
    pub fn name(&self) -> &str {
        self.usb.as_ref().map_or(&self.id, |usb| &usb.name)
    }

    /// Returns whether the card is a synth, and if not, why not.
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

/// Returns the cards under `sysfs`, by number. Empty if there are none or the machine has no sound system.
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

/// Returns the synths of the family, in the order in which to try them.
pub fn synths(sysfs: &Path) -> Vec<Card> {
    cards(sysfs).into_iter().filter(|card| card.verdict() == Verdict::Synth).collect()
}

fn card(sysfs: &Path, number: u32) -> Option<Card> {
    let folder = sysfs.join(format!("card{number}"));
    let id = text(&folder.join("id"))?;
    let captures = sysfs.join(format!("pcmC{number}D0c")).exists();
    // A USB card's device is the audio interface; IDs and names belong to its parent, the USB device.
    let device = folder.join("device/..");
    let usb = text(&device.join("idVendor")).map(|vendor| Usb {
        vendor,
        product: text(&device.join("idProduct")).unwrap_or_default(),
        name: text(&device.join("product")).unwrap_or_else(|| id.clone()),
        speed_mbit_s: text(&device.join("speed")).unwrap_or_default(),
    });
    Some(Card { number, id, captures, usb })
}

/// Reads text that a device reports of itself, which can be anything.
fn text(file: &Path) -> Option<Plain> {
    Some(Plain::name(fs::read(file).ok()?))
}

#[cfg(test)]
mod tests {
    use super::Verdict::{NoCapture, NotUsb, OtherProduct, OtherVendor, Synth};
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    /// A card's ID, whether it captures, and its USB vendor and name.
    type Fake<'a> = (&'a str, bool, Option<(&'a str, &'a str)>);

    /// Creates an imitation of sysfs.
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
