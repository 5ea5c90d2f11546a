//! The device's description of itself, read from a text (`montage.usb`): descriptors as bytes, strings as
//! words.
//!
//! In: the text. Out: a [`Description`], which contains the bytes for the host and their meaning (streams,
//! MIDI endpoints, clock sources). The meaning is found by walking the descriptors, so another device's
//! descriptors need no change of code.

use std::collections::BTreeMap;

/// The default device.
pub const MONTAGE: &str = include_str!("../montage.usb");

const DEVICE_BYTES: usize = 18;
const CONFIGURATION: u8 = 2;
const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;
const CS_INTERFACE: u8 = 0x24;
const AUDIO: u8 = 1;
const AUDIO_CONTROL: u8 = 1;
const AUDIO_STREAMING: u8 = 2;
const MIDI_STREAMING: u8 = 3;
const MICROFRAME_NS: u64 = 125_000;

/// The description of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The device descriptor.
    pub device: Vec<u8>,
    /// Every complete configuration.
    pub configurations: Vec<Vec<u8>>,
    /// Strings by index.
    pub strings: BTreeMap<u8, String>,
    /// Audio streams of the first configuration.
    pub streams: Vec<Stream>,
    /// Ids of the instrument's clock sources.
    pub clock_sources: Vec<u8>,
    /// Bulk endpoints of the MIDI interface, with their direction bit.
    pub midi_endpoints: Vec<u8>,
}

/// An alternate setting that carries sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// Interface.
    pub interface: u8,
    /// Alternate setting.
    pub alternate: u8,
    /// Endpoint with its direction bit.
    pub endpoint: u8,
    /// Samples per frame.
    pub channels: usize,
    /// Bytes per sample.
    pub sample_bytes: usize,
    /// Maximum size of a packet, bytes.
    pub packet_bytes_max: usize,
    /// Time between two packets.
    pub interval_ns: u64,
}

impl Description {
    /// Parses the text.
    ///
    /// # Errors
    /// A sentence that says what is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut description = Self::default();
        let mut bytes = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some(string) = line.strip_prefix("string ") {
                let (index, words) = string.split_once(' ').unwrap_or((string, ""));
                let index =
                    index.parse().map_err(|_| format!("line {}: a string has a number", number + 1))?;
                description.strings.insert(index, words.trim().to_owned());
                continue;
            }
            let digits: String = line.split_whitespace().collect();
            for pair in digits.as_bytes().chunks(2) {
                let byte = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2);
                let byte = byte.and_then(|pair| u8::from_str_radix(pair, 16).ok());
                bytes.push(byte.ok_or_else(|| format!("line {}: not hexadecimal", number + 1))?);
            }
        }
        description.split(&bytes)?;
        description.walk();
        Ok(description)
    }

    /// Splits bytes into the device descriptor and the configurations, by the length that each of these
    /// contains.
    fn split(&mut self, bytes: &[u8]) -> Result<(), String> {
        let (device, mut rest) = bytes.split_at_checked(DEVICE_BYTES).ok_or("no whole device descriptor")?;
        device.clone_into(&mut self.device);
        while !rest.is_empty() {
            let length = match rest {
                [_, CONFIGURATION, low, high, ..] => usize::from(u16::from_le_bytes([*low, *high])),
                _ => {
                    return Err(format!(
                        "no configuration where one should begin, {} bytes before the end",
                        rest.len()
                    ));
                }
            };
            let (configuration, after) = rest.split_at_checked(length).ok_or_else(|| {
                format!("a configuration says it has {length} bytes, {} are there", rest.len())
            })?;
            self.configurations.push(configuration.to_owned());
            rest = after;
        }
        if self.configurations.is_empty() { Err("no configuration".into()) } else { Ok(()) }
    }

    fn walk(&mut self) {
        let (mut subclass, mut stream) = (0, Stream::default());
        for part in parts(&self.configurations[0]) {
            match *part {
                [_, INTERFACE, interface, alternate, _, class, sub, ..] => {
                    subclass = if class == AUDIO { sub } else { 0 };
                    stream = Stream { interface, alternate, ..Stream::default() };
                }
                [_, CS_INTERFACE, 0x0a, id, ..] if subclass == AUDIO_CONTROL => {
                    self.clock_sources.push(id);
                }
                [16, CS_INTERFACE, 1, _, _, _, _, _, _, _, channels, ..] if subclass == AUDIO_STREAMING => {
                    stream.channels = usize::from(channels);
                }
                [_, CS_INTERFACE, 2, _, bytes, ..] if subclass == AUDIO_STREAMING => {
                    stream.sample_bytes = usize::from(bytes);
                }
                // An isochronous endpoint that does not only carry feedback.
                [_, ENDPOINT, endpoint, attributes, low, high, interval, ..]
                    if subclass == AUDIO_STREAMING && attributes & 3 == 1 && attributes & 0x30 != 0x10 =>
                {
                    let size = u16::from_le_bytes([low, high]);
                    let a_microframe = usize::from((size >> 11) & 3) + 1;
                    self.streams.push(Stream {
                        endpoint,
                        packet_bytes_max: usize::from(size & 0x7ff) * a_microframe,
                        interval_ns: MICROFRAME_NS << (interval.clamp(1, 16) - 1),
                        ..stream
                    });
                }
                [_, ENDPOINT, endpoint, ..] if subclass == MIDI_STREAMING => {
                    self.midi_endpoints.push(endpoint);
                }
                _ => {}
            }
        }
    }

    /// The answer to a request for a descriptor; `None` if it does not exist.
    pub fn descriptor(&self, kind: u8, index: u8) -> Option<Vec<u8>> {
        const DEVICE: u8 = 1;
        const STRING: u8 = 3;
        const ENGLISH: [u8; 4] = [4, STRING, 0x09, 0x04];
        match (kind, index) {
            (DEVICE, 0) => Some(self.device.clone()),
            (CONFIGURATION, _) => self.configurations.get(usize::from(index)).cloned(),
            (STRING, 0) => Some(ENGLISH.to_vec()),
            (STRING, _) => self.strings.get(&index).map(|words| {
                let letters: Vec<u8> = words.encode_utf16().take(126).flat_map(u16::to_le_bytes).collect();
                [&[letters.len() as u8 + 2, STRING], &letters[..]].concat()
            }),
            _ => None,
        }
    }
}

/// The single descriptors; ends at a length that makes no sense.
fn parts(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = usize::from(*bytes.first()?);
        let (part, rest) = bytes.split_at_checked(length.max(2))?;
        bytes = rest;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_montage_has_what_is_promised() {
        let montage = Description::parse(MONTAGE).unwrap();
        let stream = |interface, endpoint| Stream {
            interface,
            alternate: 1,
            endpoint,
            channels: 8,
            sample_bytes: 3,
            packet_bytes_max: 168,
            interval_ns: 125_000,
        };
        assert_eq!(montage.streams, [stream(1, 0x05), stream(2, 0x86)]);
        assert_eq!((montage.clock_sources, montage.midi_endpoints), (vec![1], vec![0x03, 0x84]));
        assert_eq!(montage.device[8..12], [0x99, 0x04, 0x07, 0x17]);
        assert_eq!(montage.strings[&2], "MONTAGE");
    }

    #[test]
    fn every_length_in_the_montage_is_right() {
        let montage = Description::parse(MONTAGE).unwrap();
        let configuration = &montage.configurations[0];
        assert_eq!(parts(configuration).map(<[u8]>::len).sum::<usize>(), configuration.len());
        // A class-specific header contains the length of all descriptors up to the next interface or similar.
        let all: Vec<&[u8]> = parts(configuration).collect();
        let control =
            all.iter().position(|part| part[1] == CS_INTERFACE && part.len() == 9 && part[2] == 1).unwrap();
        let length: usize =
            all[control..].iter().take_while(|part| part[1] == CS_INTERFACE).map(|part| part.len()).sum();
        assert_eq!(length, usize::from(all[control][6]));
        let midi = all.iter().position(|part| part[..3] == [7, CS_INTERFACE, 1]).unwrap();
        assert_eq!(all[midi..].iter().map(|part| part.len()).sum::<usize>(), usize::from(all[midi][5]));
    }

    #[test]
    fn strings_and_descriptors_are_handed_out() {
        let montage = Description::parse(MONTAGE).unwrap();
        assert_eq!(montage.descriptor(3, 2).unwrap()[..6], [16, 3, b'M', 0, b'O', 0]);
        assert_eq!(montage.descriptor(1, 0).unwrap().len(), 18);
        assert_eq!(montage.descriptor(2, 0).unwrap().len(), 285);
        for (kind, index) in [(2, 1), (3, 9), (6, 0)] {
            assert_eq!(montage.descriptor(kind, index), None);
        }
    }

    #[test]
    fn what_is_no_device_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "device descriptor"),
            ("1201zz", "line 1: not hexadecimal"),
            ("\n120", "line 2: not hexadecimal"),
            ("string two x", "line 1: a string"),
            (&format!("{} 00", "11 ".repeat(18)), "no configuration where one"),
            (&format!("{} 09 02 20 00", "11 ".repeat(18)), "says it has 32 bytes, 4 are"),
        ] {
            let refused = Description::parse(text).unwrap_err();
            assert!(refused.contains(reason), "{text:?}: {refused}");
        }
    }
}
