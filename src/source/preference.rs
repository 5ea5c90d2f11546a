//! Chooses from a device's offer the values to ask it for. Pure: `alsa` asks the device and sets the choice.

use crate::core::convert::SampleFormat;
use crate::core::layout::{RATES, rates_in_words};
use crate::units::{CHANNELS_MAX, Hz};

/// A PCM that offers this many channels accepts any number: no device has so many, but `plug` and sound servers claim them.
const INVENTED_CHANNELS: u32 = 1024;
/// Rates we ask a device about, so that a refusal can name those it has.
pub(super) const KNOWN_RATES: [u32; 13] =
    [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000, 176_400, 192_000, 384_000];
/// Maximum of different channel counts to try: a card offers only a few.
const TRIED_CHANNELS_MAX: usize = 8;

/// The channels a device offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Channels {
    /// The playable numbers, in rising order.
    pub(super) playable: Vec<u32>,
    /// The fewest and the most channels that the device claims.
    pub(super) least: u32,
    pub(super) most: u32,
    /// True for a kernel card, whose offer is real.
    pub(super) on_card: bool,
}

/// The numbers of channels to try, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) best: u32,
    /// Numbers to try next, if the device offers no usable rate or format with the best one.
    pub(super) others: Vec<u32>,
}

/// A device's offer once its channels are settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// The rates of [`KNOWN_RATES`] that the device offers without conversion.
    pub(super) rates: Vec<u32>,
    /// The playable formats.
    pub(super) formats: Vec<SampleFormat>,
    /// ALSA's names of all its formats.
    pub(super) format_names: Vec<String>,
}

/// The reason why a device cannot be used: the problem, and what to do. NAME stands for the device's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) what: String,
    pub(super) remedy: String,
}

impl Channels {
    /// Returns the numbers of channels to try, the best first. That is the requested number, or else all channels of a
    /// card, so that every pair can be chosen. A PCM that accepts any number is asked for two.
    pub(super) fn in_order(&self, wished: Option<u16>) -> Result<Order, Unusable> {
        if let Some(wished) = wished.map(u32::from) {
            if self.playable.contains(&wished) {
                return Ok(Order { best: wished, others: Vec::new() });
            }
            return Err(Unusable {
                what: format!("it has {}, and 'channels' asks for {wished}", self.in_words()),
                remedy: "Leave 'channels' out of the configuration, or set it to what the device has".into(),
            });
        }
        if self.playable.is_empty() {
            return Err(Unusable {
                what: format!("it has {}, and 1 to {CHANNELS_MAX} can be played", self.in_words()),
                remedy: "Set the device to fewer channels, or define a PCM of type route over some of them (asound.conf)"
                    .into(),
            });
        }
        let invented = self.most >= INVENTED_CHANNELS || (!self.on_card && self.least < self.most);
        let mut order = self.playable.clone();
        if invented {
            order.sort_by_key(|channels| (*channels != 2, *channels));
        } else {
            order.reverse();
        }
        let mut order = order.into_iter().take(TRIED_CHANNELS_MAX);
        let best = order.next().unwrap_or(2);
        Ok(Order { best, others: order.collect() })
    }

    fn in_words(&self) -> String {
        match (self.least, self.most) {
            (1, 1) => "1 channel".into(),
            (least, most) if least == most => format!("{most} channels"),
            (least, most) => format!("{least} to {most} channels"),
        }
    }
}

impl Offer {
    /// Returns the rate to play at: the first of [`RATES`] that the device offers.
    pub(super) fn rate(&self) -> Result<Hz, Unusable> {
        RATES.into_iter().find(|rate| self.rates.contains(&rate.0)).ok_or_else(|| Unusable {
            what: format!("it runs at {}, and {} can be played", self.rates_in_words(), rates_in_words()),
            remedy: "Set the device to one of them, or let ALSA convert: name 'plug:NAME' as the device"
                .into(),
        })
    }

    /// Returns the format to read: the most precise one.
    pub(super) fn format(&self) -> Result<SampleFormat, Unusable> {
        self.formats.first().copied().ok_or_else(|| {
            let names = if self.format_names.is_empty() { "none".into() } else { self.format_names.join(", ") };
            Unusable {
                what: format!(
                    "of its sample formats ({names}) none can be played: S32, S24, S16 or float, little-endian"
                ),
                remedy: "Let ALSA convert: name 'plug:NAME' as the device".into(),
            }
        })
    }

    fn rates_in_words(&self) -> String {
        match &self.rates[..] {
            [] => "rates nobody knows".into(),
            rates => {
                let rates: Vec<String> = rates.iter().map(u32::to_string).collect();
                format!("{} Hz", rates.join(", "))
            }
        }
    }
}

/// Returns whether the user named a PCM that converts.
pub(super) fn names_plug(pcm: &str) -> bool {
    pcm.starts_with("plug:") || pcm.starts_with("plughw") || pcm == "plug" || pcm.starts_with("sysdefault")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels(least: u32, most: u32, on_card: bool) -> Channels {
        Channels { playable: (least.max(1)..=most.min(128)).collect(), least, most, on_card }
    }

    #[test]
    fn the_channels_of_every_kind_of_device_are_tried_in_order() {
        let cases: [(&str, Channels, Option<u16>, &[u32]); 14] = [
            ("mono stick", channels(1, 1, true), None, &[1]),
            ("stick of one or two", channels(1, 2, true), None, &[2, 1]),
            ("synth", channels(8, 8, true), None, &[8]),
            ("mixer of 34", channels(34, 34, true), None, &[34]),
            ("console of 64", channels(64, 64, true), None, &[64]),
            ("128 channels", channels(128, 128, true), None, &[128]),
            ("card of 1 to 256", channels(1, 256, true), None, &[128, 127, 126, 125, 124, 123, 122, 121]),
            (
                "gaps",
                Channels { playable: vec![2, 10, 18], least: 2, most: 18, on_card: true },
                None,
                &[18, 10, 2],
            ),
            ("plug", channels(1, 10_000, true), None, &[2, 1, 3, 4, 5, 6, 7, 8]),
            ("server", channels(1, 32, false), None, &[2, 1, 3, 4, 5, 6, 7, 8]),
            ("server of 4 or more", channels(4, 64, false), None, &[4, 5, 6, 7, 8, 9, 10, 11]),
            ("server of one", channels(1, 1, false), None, &[1]),
            ("wished of many", channels(1, 10_000, true), Some(34), &[34]),
            ("one wished", channels(1, 2, true), Some(1), &[1]),
        ];
        for (who, channels, wished, order) in cases {
            let tried = channels.in_order(wished).unwrap();
            assert_eq!([&[tried.best], &tried.others[..]].concat(), order, "{who}");
        }
    }

    #[test]
    fn what_cannot_be_played_is_refused_with_what_the_device_has() {
        let refused = |channels: Channels, wished| channels.in_order(wished).unwrap_err();
        let wide = refused(channels(130, 130, true), None);
        assert!(wide.what.contains("130 channels, and 1 to 128") && !wide.remedy.is_empty(), "{wide:?}");
        let wish = refused(channels(1, 1, true), Some(2));
        assert!(wish.what.contains("it has 1 channel, and 'channels' asks for 2"), "{wish:?}");
        let offer =
            Offer { rates: vec![32_000, 192_000], formats: vec![], format_names: vec!["S16BE".into()] };
        let rate = offer.rate().unwrap_err();
        assert!(
            rate.what.contains("32000, 192000 Hz") && rate.what.contains("44100, 48000, 88200 or 96000 Hz")
        );
        assert!(rate.remedy.contains("plug:NAME"));
        assert!(offer.format().unwrap_err().what.contains("S16BE"));
        assert!(Offer { rates: vec![], ..offer }.rate().unwrap_err().what.contains("nobody knows"));
    }

    #[test]
    fn the_instruments_own_rate_comes_first_and_the_most_precise_format() {
        for (rates, rate) in [
            (vec![8000, 44_100, 48_000, 96_000], 44_100),
            (vec![48_000], 48_000),
            (vec![32_000, 48_000, 96_000], 48_000),
            (vec![88_200, 96_000], 88_200),
            (vec![96_000, 192_000], 96_000),
        ] {
            let formats = vec![SampleFormat::S24Le3, SampleFormat::S16Le];
            let offer = Offer { rates, formats, format_names: Vec::new() };
            assert_eq!((offer.rate(), offer.format()), (Ok(Hz(rate)), Ok(SampleFormat::S24Le3)));
        }
    }

    #[test]
    fn only_a_pcm_that_was_named_so_may_convert() {
        for (pcm, converts) in [
            ("plug:hw:1", true),
            ("plughw:CARD=X", true),
            ("hw:1", false),
            ("card", false),
            ("default", false),
        ] {
            assert_eq!(names_plug(pcm), converts, "{pcm}");
        }
    }
}
