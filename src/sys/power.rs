//! Reports whether there is enough power, and whether the board is cool enough. A Raspberry Pi's firmware
//! knows both; the module `synthwire_power` of the card's system asks it (image/tryboot/), because Debian's
//! kernel has no driver for that. The judgement is pure.

/// The file in which the module reports the state: up to eight hexadecimal digits.
pub const THROTTLED_FILE: &str = "/sys/module/synthwire_power/parameters/throttled";

/// Bits of the firmware's answer (tag 0x00030046): present state; the same bits, shifted up by 16, mean since the start.
const UNDERVOLTAGE: u32 = 1 << 0;
const CAPPED: u32 = 1 << 1;
const SLOWED: u32 = 1 << 2;
const HOT: u32 = 1 << 3;
const SINCE_START: u32 = 16;

/// The firmware's report on power and heat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled(pub u32);

/// Returns the present report; `None` if there is no such module.
pub fn here() -> Option<Throttled> {
    parse(&std::fs::read_to_string(THROTTLED_FILE).ok()?)
}

fn parse(text: &str) -> Option<Throttled> {
    u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok().map(Throttled)
}

impl Throttled {
    fn is(self, bits: u32) -> bool {
        self.0 & bits != 0
    }

    fn was(self, bits: u32) -> bool {
        self.0 & (bits << SINCE_START) != 0
    }

    /// Returns a calm notice that says what to do; `None` while all is well.
    pub fn notice(self) -> Option<&'static str> {
        if self.is(UNDERVOLTAGE) {
            Some(
                "The power supply is too weak at this moment: sound may be lost. Use the Raspberry Pi's own supply, with its own cable.",
            )
        } else if self.was(UNDERVOLTAGE) {
            Some(
                "The power supply was too weak at times since the device was switched on. Use the Raspberry Pi's own supply, with its \
                 own cable.",
            )
        } else if self.is(HOT | SLOWED | CAPPED) {
            Some("The device is too warm and works more slowly. Give it air.")
        } else if self.was(HOT | SLOWED | CAPPED) {
            Some("The device was too warm at times since it was switched on. Give it air.")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_has_its_words() {
        for (bits, said) in [
            (0, None),
            (0x1, Some("too weak at this moment")),
            (0x5_0005, Some("too weak at this moment")),
            (0x1_0000, Some("too weak at times")),
            (0x5_0000, Some("too weak at times")),
            (0x2, Some("too warm and works")),
            (0x4, Some("too warm and works")),
            (0x8, Some("too warm and works")),
            (0x8_0008, Some("too warm and works")),
            (0x2_0000, Some("too warm at times")),
            (0x4_0000, Some("too warm at times")),
            (0x8_0000, Some("too warm at times")),
            (0xfff0_fff0, None), // bits that have no meaning yet
        ] {
            let notice = Throttled(bits).notice();
            assert_eq!(notice.is_some(), said.is_some(), "{bits:#x}: {notice:?}");
            assert!(notice.unwrap_or_default().contains(said.unwrap_or_default()), "{bits:#x}: {notice:?}");
        }
    }

    #[test]
    fn the_modules_text_is_read_and_no_other() {
        for (text, bits) in [
            ("0x0\n", Some(0)),
            ("0x50005\n", Some(0x5_0005)),
            ("", None),
            ("50005", None),
            ("0x", None),
            ("0x123456789", None),
        ] {
            assert_eq!(parse(text), bits.map(Throttled), "{text:?}");
        }
    }
}
