//! WAV files as people have them: RIFF, RF64 and BW64, read from beginning to end.
//!
//! In: bytes, from anywhere. Out: [`Recording`], Int16 by the same rounding as live sound; or [`Refused`], what is wrong with the
//! file, in words. Total: any bytes give the one or the other, and no more samples than [`BYTES_MAX`] are kept, whatever the file
//! says of itself. Strict about what the samples are, generous about how the file ends: a length that was never written or is not
//! there is replaced by what is there, and that is said.

use crate::core::convert::{nearest_from_32_bits, nearest_from_float};
use crate::core::layout::{RATES, rates_in_words};
use crate::units::{CHANNELS_MAX, ChannelCount, Hz};
use std::io::{self, Read, Seek, SeekFrom};

/// Most memory a recording may take as Int16: over 12 minutes of stereo, and an eighth of the smallest Pi's.
pub const BYTES_MAX: u64 = 128 << 20;

/// Bytes of samples decoded at once: a multiple of every container.
const BLOCK_BYTES: usize = 24 * 1024;
/// Of the format chunk no more than this is looked at; the rest is passed over.
const FORMAT_BYTES_MAX: usize = 40;
/// Length of a sound that was still being written, or goes into a pipe.
const LENGTH_UNKNOWN: u32 = u32::MAX;
/// What stands in WAV files beside the sound: known so that a missing pad byte is seen, and sound of length 0 told from none.
const KNOWN_CHUNKS: [&[u8; 4]; 24] = [
    b"fmt ", b"data", b"LIST", b"fact", b"bext", b"JUNK", b"junk", b"PAD ", b"FLLR", b"cue ", b"smpl",
    b"inst", b"plst", b"iXML", b"axml", b"chna", b"PEAK", b"id3 ", b"ID3 ", b"acid", b"cart", b"umid",
    b"ds64", b"DISP",
];
/// The ends of the sub-formats that are a format tag in two bytes: Microsoft's, and ambisonic sound's.
const TAGGED: [[u8; 14]; 2] = [
    [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71],
    [0, 0, 0x21, 0x07, 0xd3, 0x11, 0x86, 0x44, 0xc8, 0xc1, 0xca, 0, 0, 0],
];
const TAG_INTEGER: u16 = 1;
const TAG_FLOAT: u16 = 3;
const TAG_EXTENSIBLE: u16 = 0xfffe;

/// A recording in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Interleaved channels.
    pub channels: ChannelCount,
    /// Frames per second.
    pub rate: Hz,
    /// Interleaved, whole frames, at least one.
    pub samples: Vec<i16>,
    /// What a person should know of the file all the same.
    pub remark: Option<&'static str>,
}

/// Why a file is not played. FILE in a remedy stands for its path.
#[derive(Debug)]
pub enum Refused {
    /// It could not be read.
    Io(io::Error),
    /// What it is, and what to do.
    Content(String, String),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn refused<T>(what: impl Into<String>, remedy: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Content(what.into(), remedy.into()))
}

/// Reads a whole WAV file.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn read(source: impl Read + Seek) -> Result<Recording, Refused> {
    let mut bytes = Bytes { source, held: None };
    let is_64_bit = is_64_bit(&mut bytes)?;
    let (mut format, mut long_bytes, mut sound_at) = (None, None, None);
    let mut after_odd = false;
    while let Some((id, length)) = bytes.chunk(after_odd)? {
        after_odd = length % 2 == 1;
        match &id {
            b"ds64" if is_64_bit => long_bytes = bytes.long_length(length)?,
            b"fmt " => format = Some(Format::parse(&bytes.some(length, FORMAT_BYTES_MAX)?)?),
            b"data" => {
                let sound = Sound::new(length, if is_64_bit { long_bytes } else { None });
                if let Some(format) = &format {
                    if let Some(recording) = sound.decoded(&mut bytes, format)? {
                        return Ok(recording);
                    }
                    after_odd = false; // nothing was there
                } else {
                    let at = bytes.position()?;
                    sound_at = sound_at.or((!sound.says_none).then_some((at, sound)));
                    bytes.skip(if sound.says_none { 0 } else { sound.bytes.unwrap_or(u64::MAX) })?;
                }
            }
            _ => bytes.skip(length.into())?,
        }
        // Written by those who put the sound first.
        if let (Some((at, sound)), Some(format)) = (sound_at, &format) {
            bytes.go_to(at)?;
            return sound.decoded(&mut bytes, format)?.map_or_else(no_sound, Ok);
        }
    }
    match format {
        None => refused("it breaks off before it says what its samples are", "Copy or record it anew"),
        Some(_) => no_sound(),
    }
}

fn no_sound<T>() -> Result<T, Refused> {
    refused("it holds no sound", "Record it anew")
}

/// Whether lengths of 64 bits may follow; refuses what is no WAV file, by its name where that is known.
fn is_64_bit(bytes: &mut Bytes<impl Read>) -> Result<bool, Refused> {
    let head = bytes.up_to(12)?;
    let convert = "Convert it: ffmpeg -i 'FILE' converted.wav";
    let (id, kind) = (head.get(..4).unwrap_or(&head), head.get(8..12));
    match id {
        [] => refused("the file is empty", "Record it anew"),
        b"RIFF" | b"RF64" | b"BW64" => match kind {
            Some(b"WAVE") => Ok(id != b"RIFF"),
            Some(_) => refused("it is a RIFF file, but holds no wave sound", convert),
            None => refused("it breaks off in its first bytes", "Copy or record it anew"),
        },
        b"RIFX" => refused("its numbers are big-endian (RIFX)", convert),
        b"riff" => refused("it is a Wave64 file", convert),
        b"fLaC" => refused("it is a FLAC file", convert),
        b"OggS" => refused("it is an Ogg file", convert),
        b"FORM" => refused("it is an AIFF file", convert),
        b"caff" => refused("it is a CAF file", convert),
        [b'I', b'D', b'3', ..] => refused("it is an MP3 file", convert),
        [0xff, second, ..] if second & 0xe0 == 0xe0 => refused("it is an MP3 or AAC file", convert),
        _ if kind == Some(b"M4A ") || head.get(4..8) == Some(b"ftyp") => {
            refused("it is an MP4 file", convert)
        }
        _ => refused(
            "it is no WAV file",
            "It has to be an uncompressed WAV file; sox and ffmpeg make one of anything",
        ),
    }
}

/// What the samples are, as far as they can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Format {
    channels: ChannelCount,
    rate: Hz,
    samples: Samples,
    /// Bytes of one sample.
    container: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Samples {
    /// 8 bits, 128 is silence.
    Unsigned,
    /// As many bits as its container has; fewer stand at the upper end, as the format asks.
    Integers,
    /// 24 bits in four bytes: at the upper end as the format asks, or at the lower, as ALSA's tools write them.
    Integers24In32,
    Floats,
}

impl Format {
    fn parse(bytes: &[u8]) -> Result<Self, Refused> {
        let short = |at: usize| bytes.get(at..at + 2).map(|two| u16::from_le_bytes([two[0], two[1]]));
        let (Some(tag), Some(channels), Some(low), Some(high), Some(frame_bytes)) =
            (short(0), short(2), short(4), short(6), short(12))
        else {
            return refused("it breaks off before it says what its samples are", "Copy or record it anew");
        };
        let rate_hz = u32::from(high) << 16 | u32::from(low);
        let Some(channels) = ChannelCount::new(channels.into()) else {
            return refused(
                format!("it has {channels} channels, and 1 to {CHANNELS_MAX} can be played"),
                "Make it stereo: sox 'FILE' -c 2 converted.wav",
            );
        };
        let Some(rate) = RATES.into_iter().find(|rate| rate.0 == rate_hz) else {
            return refused(
                format!("it has {rate_hz} frames a second, and {} are played", rates_in_words()),
                format!("Convert it: sox 'FILE' -r {} converted.wav", RATES[0].0),
            );
        };
        let per_sample = usize::from(frame_bytes) / usize::from(channels.get());
        let bits = short(14).map_or(per_sample * 8, usize::from);
        let is_even = per_sample * usize::from(channels.get()) == usize::from(frame_bytes);
        let container = if is_even && per_sample * 8 >= bits { per_sample } else { bits.div_ceil(8) };
        let valid = short(18).map(usize::from).filter(|valid| tag == TAG_EXTENSIBLE && *valid > 0);
        let samples = match (encoding(tag, bytes)?, container) {
            (TAG_FLOAT, 4 | 8) => Samples::Floats,
            (TAG_INTEGER, 1) => Samples::Unsigned,
            (TAG_INTEGER, 4) if valid.unwrap_or(bits) == 24 => Samples::Integers24In32,
            (TAG_INTEGER, 2..=4) => Samples::Integers,
            (tag, _) => return refused(format!("its samples are {}", named(tag, bits)), AS_INTEGERS),
        };
        Ok(Self { channels, rate, samples, container })
    }

    fn frame_bytes(&self) -> usize {
        usize::from(self.channels.get()) * self.container
    }
}

const AS_INTEGERS: &str = "Make them 16-bit integers: sox 'FILE' -b 16 -e signed converted.wav";

/// The format tag, or the one within the extensible format.
fn encoding(tag: u16, bytes: &[u8]) -> Result<u16, Refused> {
    if tag != TAG_EXTENSIBLE {
        return Ok(tag);
    }
    match bytes.get(24..40) {
        None => Ok(TAG_INTEGER), // its writer left out what this format is for
        Some([low, high, end @ ..]) if TAGGED.iter().any(|tagged| tagged == end) => {
            Ok(u16::from_le_bytes([*low, *high]))
        }
        Some(_) => refused("its samples are in an encoding that nobody knows", AS_INTEGERS),
    }
}

fn named(tag: u16, bits: usize) -> String {
    match tag {
        TAG_INTEGER => format!("{bits}-bit integers"),
        TAG_FLOAT => format!("{bits}-bit floats"),
        2 | 0x11 => "ADPCM".into(),
        6 => "A-law".into(),
        7 => "mu-law".into(),
        0x31 => "GSM".into(),
        0x50 | 0x55 => "MP3".into(),
        other => format!("compressed (format {other})"),
    }
}

/// The sound of a file, as far as its length is known.
#[derive(Clone, Copy)]
struct Sound {
    /// `None`: to the end of the file.
    bytes: Option<u64>,
    /// Nobody came to write the length: what follows may be sound, or the next chunk.
    says_none: bool,
}

impl Sound {
    fn new(length: u32, long_bytes: Option<u64>) -> Self {
        let bytes = match (length, long_bytes) {
            (LENGTH_UNKNOWN, long_bytes) => long_bytes.filter(|bytes| *bytes != u64::MAX),
            (length, _) => Some(length.into()),
        };
        Self { bytes: bytes.filter(|bytes| *bytes > 0), says_none: bytes == Some(0) }
    }

    /// Decodes it; `None` when there is none, and other chunks may follow.
    fn decoded(self, bytes: &mut Bytes<impl Read>, format: &Format) -> Result<Option<Recording>, Refused> {
        if self.says_none && bytes.comes_known_chunk()? {
            return Ok(None);
        }
        let frame_bytes = format.frame_bytes();
        let mut decoder = Decoder { format, samples: Vec::new(), is_low: None };
        let (mut left, mut block) =
            (self.bytes.unwrap_or(u64::MAX), vec![0; BLOCK_BYTES / frame_bytes * frame_bytes]);
        while left > 0 {
            let wanted = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let got = bytes.fill(&mut block[..wanted])?;
            decoder.add(&block[..got - got % frame_bytes])?;
            left -= got as u64;
            if got < wanted {
                break;
            }
        }
        decoder.samples.shrink_to_fit();
        if decoder.samples.is_empty() {
            return if self.says_none { Ok(None) } else { no_sound() };
        }
        let remark = match self.bytes {
            Some(_) if left > 0 => Some("The recording is cut short: what is there is played."),
            None if self.says_none => {
                Some("The recording was never finished, its length is missing: what is there is played.")
            }
            _ => None,
        };
        Ok(Some(Recording { channels: format.channels, rate: format.rate, samples: decoder.samples, remark }))
    }
}

/// Makes Int16 of samples.
struct Decoder<'a> {
    format: &'a Format,
    samples: Vec<i16>,
    /// Of 24 bits in four bytes, once a sample has shown it: whether they stand at the lower end.
    is_low: Option<bool>,
}

impl Decoder<'_> {
    /// `bytes`: whole frames.
    fn add(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let Format { channels, rate, samples, container } = *self.format;
        if (self.samples.len() + bytes.len() / container) as u64 * 2 > BYTES_MAX {
            let seconds_max = BYTES_MAX / u64::from(channels.get()) / 2 / u64::from(rate.0);
            return refused(
                format!("it would take more than the {} MiB of memory that are allowed", BYTES_MAX >> 20),
                format!("Cut it: sox 'FILE' shorter.wav trim 0 {seconds_max}"),
            );
        }
        let whole = bytes.chunks_exact(container);
        match samples {
            Samples::Unsigned => {
                self.samples.extend(whole.map(|bytes| (i16::from(bytes[0]) - 128) << 8));
            }
            Samples::Floats if container == 8 => self.samples.extend(whole.map(|bytes| {
                nearest_from_float(bytes.first_chunk().map_or(0.0, |bytes| f64::from_le_bytes(*bytes)) as f32)
            })),
            Samples::Floats => self.samples.extend(whole.map(|bytes| {
                nearest_from_float(bytes.first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes)))
            })),
            Samples::Integers => self.samples.extend(whole.map(|bytes| nearest_from_32_bits(upper(bytes)))),
            Samples::Integers24In32 => {
                self.is_low = self.is_low.or_else(|| stand_low(bytes));
                let shift = if self.is_low == Some(true) { 8 } else { 0 };
                self.samples.extend(whole.map(|bytes| nearest_from_32_bits(upper(bytes) << shift)));
            }
        }
        Ok(())
    }
}

/// The bytes, two to four, at the upper end of 32 bits.
fn upper(bytes: &[u8]) -> i32 {
    let mut wide = [0; 4];
    for (wide, byte) in wide.iter_mut().rev().zip(bytes.iter().rev()) {
        *wide = *byte;
    }
    i32::from_le_bytes(wide)
}

/// Whether samples of 24 bits stand in the lower three of their four bytes: then the fourth holds no more than their sign, and the
/// first holds sound. `None` while all are silence.
fn stand_low(bytes: &[u8]) -> Option<bool> {
    let samples = || bytes.chunks_exact(4).map(upper);
    if samples().all(|sample| sample == 0) {
        return None;
    }
    let only_sign = samples().all(|sample| sample << 8 >> 8 == sample || sample >> 24 == 0);
    Some(only_sign && samples().any(|sample| sample & 0xff != 0))
}

/// Bytes in order, of which one may have been looked at.
struct Bytes<R> {
    source: R,
    /// Read, and given back.
    held: Option<Vec<u8>>,
}

impl<R: Read> Bytes<R> {
    /// Fills `into` as far as there are bytes; how many.
    fn fill(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut got = 0;
        if let Some(held) = self.held.take() {
            got = held.len().min(into.len());
            into[..got].copy_from_slice(&held[..got]);
            self.held = held.get(got..).filter(|rest| !rest.is_empty()).map(<[u8]>::to_vec);
        }
        while got < into.len() {
            match self.source.read(&mut into[got..]) {
                Ok(0) => break,
                Ok(more) => got += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(got)
    }

    /// The next bytes, fewer at the end.
    fn up_to(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; most];
        let got = self.fill(&mut bytes)?;
        bytes.truncate(got);
        Ok(bytes)
    }

    /// The first bytes of a chunk of this length, `most` at most; the rest is passed over.
    fn some(&mut self, length: u32, most: usize) -> io::Result<Vec<u8>> {
        let bytes = self.up_to(most.min(length as usize))?;
        self.skip(u64::from(length) - bytes.len() as u64)?;
        Ok(bytes)
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let held = self.held.take().unwrap_or_default();
        let from_held = usize::try_from(bytes).unwrap_or(usize::MAX).min(held.len());
        self.held = held.get(from_held..).filter(|rest| !rest.is_empty()).map(<[u8]>::to_vec);
        io::copy(&mut self.source.by_ref().take(bytes - from_held as u64), &mut io::sink())?;
        Ok(())
    }

    /// The next chunk's name and length; `None` at the end. After one of odd length stands a byte without meaning, which some
    /// writers leave out.
    fn chunk(&mut self, after_odd: bool) -> io::Result<Option<([u8; 4], u32)>> {
        let mut head = self.up_to(8 + usize::from(after_odd))?;
        if after_odd && is_padded(&head) {
            head.drain(..1.min(head.len()));
        } else if let Some(byte) = head.get(8).copied() {
            self.hold(&[byte]);
        }
        let id = head.get(..4).and_then(|id| id.first_chunk().copied());
        let length = head.get(4..8).and_then(|length| length.first_chunk().copied());
        Ok(id.zip(length.map(u32::from_le_bytes)))
    }

    /// Whether what comes next is a chunk that is known, not sound. Nothing is taken.
    fn comes_known_chunk(&mut self) -> io::Result<bool> {
        let next = self.up_to(4)?;
        self.hold(&next);
        Ok(KNOWN_CHUNKS.iter().any(|known| known[..] == next[..]))
    }

    /// Gives back bytes that were taken last.
    fn hold(&mut self, bytes: &[u8]) {
        let rest = self.held.take().unwrap_or_default();
        self.held = Some([bytes, &rest[..]].concat()).filter(|held| !held.is_empty());
    }

    /// The length of the sound in the chunk of 64-bit lengths.
    fn long_length(&mut self, length: u32) -> io::Result<Option<u64>> {
        let lengths = self.some(length, 16)?;
        Ok(lengths.get(8..16).and_then(|bytes| bytes.first_chunk().copied()).map(u64::from_le_bytes))
    }
}

impl<R: Read + Seek> Bytes<R> {
    fn position(&mut self) -> io::Result<u64> {
        let held = self.held.as_ref().map_or(0, Vec::len) as u64;
        Ok(self.source.stream_position()?.saturating_sub(held))
    }

    fn go_to(&mut self, position: u64) -> io::Result<()> {
        self.held = None;
        self.source.seek(SeekFrom::Start(position)).map(|_| ())
    }
}

/// Whether the chunk's name begins at the second of these bytes rather than at the first.
fn is_padded(bytes: &[u8]) -> bool {
    let known =
        |at: usize| bytes.get(at..at + 4).is_some_and(|id| KNOWN_CHUNKS.iter().any(|known| known[..] == *id));
    let is_name = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    match (known(0), known(1)) {
        (true, _) => false,
        (false, true) => true,
        (false, false) => !bytes.get(..4).is_some_and(|id| id.iter().all(is_name)),
    }
}

#[cfg(test)]
mod tests;
