//! WAV files as found in practice: written here byte by byte, written by hound, and collected (`tests/vectors/wav`).

use super::format::{TAG_EXTENSIBLE, TAGGED};
use super::*;
use crate::core::layout::RATES;
use proptest::prelude::*;
use std::io::{self, Cursor, SeekFrom};
use std::path::Path;

/// Returns a ramp of this many frames, each channel one step further.
fn ramp(channels: u16, frames: i16) -> Vec<i16> {
    let channels = i16::try_from(channels).unwrap();
    (0..frames).flat_map(|frame| (0..channels).map(move |channel| frame * 7 + channel - 100)).collect()
}

/// A format chunk's content.
#[derive(Clone, Copy)]
struct Fmt {
    tag: u16,
    channels: u16,
    rate: u32,
    block: u16,
    bits: u16,
}

const STEREO: Fmt = Fmt { tag: 1, channels: 2, rate: 44_100, block: 4, bits: 16 };

impl Fmt {
    fn of(tag: u16, channels: u16, bytes: u16, bits: u16) -> Self {
        Self { tag, channels, block: channels * bytes, bits, ..STEREO }
    }

    fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.tag.to_le_bytes());
        bytes.extend(self.channels.to_le_bytes());
        bytes.extend(self.rate.to_le_bytes());
        bytes.extend((self.rate.wrapping_mul(self.block.into())).to_le_bytes());
        bytes.extend(self.block.to_le_bytes());
        bytes.extend(self.bits.to_le_bytes());
        bytes
    }

    /// Returns the extensible format with `self.tag` inside and this many valid bits.
    fn extensible(self, valid: u16, tail: &[u8; 14]) -> Vec<u8> {
        let mut bytes = Self { tag: TAG_EXTENSIBLE, ..self }.bytes();
        bytes.extend(22_u16.to_le_bytes());
        bytes.extend(valid.to_le_bytes());
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend(self.tag.to_le_bytes());
        bytes.extend(tail);
        bytes
    }
}

/// Returns a chunk with its pad byte.
fn chunk(id: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut bytes = chunk_of_length(id, content.len() as u32, content);
    if content.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

/// Returns a chunk that claims this length, without a pad byte.
fn chunk_of_length(id: [u8; 4], length: u32, content: &[u8]) -> Vec<u8> {
    [&id[..], &length.to_le_bytes(), content].concat()
}

fn file(id: [u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    let content = chunks.concat();
    [&id[..], &(content.len() as u32 + 4).to_le_bytes(), b"WAVE", &content].concat()
}

fn little(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// Returns samples at the upper end of this many bytes; the bytes below are `fill`.
fn upper_in(samples: &[i16], bytes: usize, fill: u8) -> Vec<u8> {
    let stored = |sample: &i16| [vec![fill; bytes - 2], sample.to_le_bytes().to_vec()].concat();
    samples.iter().flat_map(stored).collect()
}

/// Returns 24-bit samples in the lower three of four bytes, as ALSA's tools write them, with a lowest byte that is never 0.
fn lower_24_in_32(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| (i32::from(*sample) << 8 | 1).to_le_bytes()).collect()
}

/// Returns playable files: a description, the bytes, and the remark on them.
#[rustfmt::skip]
fn playable() -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
    let sound = ramp(2, 100);
    let data = chunk(*b"data", &little(&sound));
    let fmt = chunk(*b"fmt ", &STEREO.bytes());
    let riff = |chunks: &[Vec<u8>]| file(*b"RIFF", chunks);
    let plain = |format: Fmt, data: &[u8]| file(*b"RIFF", &[chunk(*b"fmt ", &format.bytes()), chunk(*b"data", data)]);
    let extensible = |format: Fmt, valid: u16, data: &[u8]| {
        file(*b"RIFF", &[chunk(*b"fmt ", &format.extensible(valid, &TAGGED[0])), chunk(*b"data", data)])
    };
    let long = |bytes: u64| [&0_u64.to_le_bytes()[..], &bytes.to_le_bytes(), &[0; 12]].concat();
    let cut = Some("The recording is cut short: what is there is played.");
    let unfinished = Some("The recording was never finished, its length is missing: what is there is played.");
    let odd = [1, 2, 3];
    let floats = |to_bytes: &dyn Fn(f64) -> Vec<u8>| sound.iter().flat_map(|s| to_bytes(f64::from(*s) / 32_768.0)).collect::<Vec<u8>>();
    vec![
        ("16 bits", plain(STEREO, &little(&sound)), None),
        ("24 bits", plain(Fmt::of(1, 2, 3, 24), &upper_in(&sound, 3, 0)), None),
        ("32 bits", plain(Fmt::of(1, 2, 4, 32), &upper_in(&sound, 4, 0)), None),
        ("32-bit floats", plain(Fmt::of(3, 2, 4, 32), &floats(&|s| (s as f32).to_le_bytes().to_vec())), None),
        ("64-bit floats", plain(Fmt::of(3, 2, 8, 64), &floats(&|s| s.to_le_bytes().to_vec())), None),
        ("24 in 32, extensible", extensible(Fmt::of(1, 2, 4, 32), 24, &upper_in(&sound, 4, 0)), None),
        ("24 in 32, plain, at the upper end", plain(Fmt::of(1, 2, 4, 24), &upper_in(&sound, 4, 0)), None),
        ("24 in 32, plain, at the lower end", plain(Fmt::of(1, 2, 4, 24), &lower_24_in_32(&sound)), None),
        ("20 in 24", extensible(Fmt::of(1, 2, 3, 24), 20, &upper_in(&sound, 3, 0)), None),
        ("16 in 32", extensible(Fmt::of(1, 2, 4, 32), 16, &upper_in(&sound, 4, 0)), None),
        ("20 bits, plain", plain(Fmt::of(1, 2, 3, 20), &upper_in(&sound, 3, 0)), None),
        ("12 in 16", extensible(STEREO, 12, &little(&sound)), None),
        ("floats, extensible", extensible(Fmt::of(3, 2, 4, 32), 32, &floats(&|s| (s as f32).to_le_bytes().to_vec())), None),
        ("ambisonic", file(*b"RIFF", &[chunk(*b"fmt ", &STEREO.extensible(16, &TAGGED[1])), data.clone()]), None),
        ("extensible without its extension", riff(&[chunk(*b"fmt ", &Fmt { tag: TAG_EXTENSIBLE, ..STEREO }.bytes()), data.clone()]), None),
        ("a block size of 0", plain(Fmt { block: 0, ..STEREO }, &little(&sound)), None),
        ("a format chunk of 14 bytes", riff(&[chunk(*b"fmt ", &STEREO.bytes()[..14]), data.clone()]), None),
        ("a format chunk with more", riff(&[chunk(*b"fmt ", &[STEREO.bytes(), vec![9; 51]].concat()), data.clone()]), None),
        ("chunks before the format", riff(&[chunk(*b"JUNK", &[0; 28]), chunk(*b"bext", &[7; 602]), fmt.clone(), data.clone()]), None),
        ("chunks before the sound", riff(&[fmt.clone(), chunk(*b"LIST", b"INFOISFT"), chunk(*b"abcd", &[1; 99]), data.clone()]), None),
        ("an odd chunk, padded", riff(&[fmt.clone(), chunk(*b"LIST", &odd), data.clone()]), None),
        ("an odd chunk, not padded", riff(&[fmt.clone(), chunk_of_length(*b"LIST", 3, &odd), data.clone()]), None),
        ("an odd chunk, padded with rubbish", riff(&[fmt.clone(), chunk_of_length(*b"bext", 3, b"abcX"), data.clone()]), None),
        ("two odd chunks, one padded", riff(&[chunk(*b"zzzz", &odd), fmt.clone(), chunk_of_length(*b"yyyy", 3, &odd), data.clone()]), None),
        ("the sound before the format", riff(&[data.clone(), chunk(*b"LIST", &odd), fmt.clone()]), None),
        ("an empty sound first", riff(&[fmt.clone(), chunk(*b"data", &[]), data.clone()]), None),
        ("rubbish behind", [riff(&[fmt.clone(), data.clone()]), vec![0xaa; 5]].concat(), None),
        ("a wrong length of the whole", { let mut f = riff(&[fmt.clone(), data.clone()]); f[4..8].fill(0); f }, None),
        ("length FFFFFFFF", riff(&[fmt.clone(), chunk_of_length(*b"data", u32::MAX, &little(&sound))]), None),
        ("length 0", riff(&[fmt.clone(), chunk_of_length(*b"data", 0, &little(&sound))]), unfinished),
        ("length beyond the end", riff(&[fmt.clone(), chunk_of_length(*b"data", 0x7fff_f000, &little(&sound))]), cut),
        ("a partial last frame", riff(&[fmt.clone(), chunk_of_length(*b"data", u32::MAX, &[little(&sound), vec![1, 2, 3]].concat())]), None),
        ("a partial last frame, counted", riff(&[fmt.clone(), chunk(*b"data", &[little(&sound), vec![1]].concat())]), None),
        ("RF64", file(*b"RF64", &[chunk(*b"ds64", &long(400)), fmt.clone(), chunk_of_length(*b"data", u32::MAX, &[little(&sound), chunk(*b"LIST", &[1; 8])].concat())]), None),
        ("BW64", file(*b"BW64", &[chunk(*b"ds64", &long(400)), fmt.clone(), chunk_of_length(*b"data", u32::MAX, &little(&sound))]), None),
        ("RF64 with a length of 32 bits", file(*b"RF64", &[chunk(*b"ds64", &long(0)), fmt.clone(), data.clone()]), None),
        ("RF64 without lengths", file(*b"RF64", &[fmt.clone(), chunk_of_length(*b"data", u32::MAX, &little(&sound))]), None),
        ("RF64, killed", file(*b"RF64", &[chunk(*b"ds64", &long(0)), fmt.clone(), chunk_of_length(*b"data", u32::MAX, &little(&sound))]), unfinished),
    ]
}

#[test]
fn every_file_that_holds_sound_is_played_as_it_was_meant() {
    let sound = ramp(2, 100);
    for (name, bytes, remark) in playable() {
        let recording = read(Cursor::new(&bytes)).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!((recording.rate, recording.channels.get()), (Hz(44_100), 2), "{name}");
        assert_eq!(recording.samples, sound, "{name}");
        assert_eq!(recording.remark, remark, "{name}");
    }
}

#[test]
fn every_number_of_channels_and_every_rate_of_the_stream_is_played() {
    for channels in [1, 2, 3, 5, 8, 34, 64, 128] {
        for rate in RATES {
            let format = Fmt { rate: rate.0, ..Fmt::of(1, channels, 2, 16) };
            let sound = ramp(channels, 30);
            let bytes = file(*b"RIFF", &[chunk(*b"fmt ", &format.bytes()), chunk(*b"data", &little(&sound))]);
            let recording = read(Cursor::new(&bytes)).unwrap();
            assert_eq!(
                (recording.channels.get(), recording.rate, recording.samples),
                (channels, rate, sound)
            );
        }
    }
}

#[test]
fn eight_bits_are_unsigned() {
    let bytes = file(
        *b"RIFF",
        &[chunk(*b"fmt ", &Fmt::of(1, 1, 1, 8).bytes()), chunk(*b"data", &[0, 64, 128, 192, 255])],
    );
    assert_eq!(read(Cursor::new(&bytes)).unwrap().samples, [-32_768, -16_384, 0, 16_384, 32_512]);
}

#[test]
fn sound_is_found_at_the_upper_and_at_the_lower_end() {
    // Long silence first, then sound so quiet that the top byte holds only the sign.
    let sound: Vec<i16> = std::iter::repeat_n(0, 30_000).chain((0..2000).map(|n| n % 120 - 60)).collect();
    let of_16_bits: Vec<u8> =
        sound.iter().flat_map(|sample| (i32::from(*sample) << 8).to_le_bytes()).collect();
    let both = [upper_in(&sound, 4, 0), lower_24_in_32(&sound[30_000..]), of_16_bits];
    for (valid, data) in both.map(|data| (24, data)) {
        let format = Fmt::of(1, 2, 4, 32).extensible(valid, &TAGGED[0]);
        let bytes = file(*b"RIFF", &[chunk(*b"fmt ", &format), chunk(*b"data", &data)]);
        let read = read(Cursor::new(&bytes)).unwrap().samples;
        assert_eq!(read[read.len() - 2000..], sound[30_000..]);
    }
}

/// Returns files that must be refused: a description, the bytes, the message, and the remedy.
#[rustfmt::skip]
fn unplayable() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let data = chunk(*b"data", &[1; 400]);
    let fmt = chunk(*b"fmt ", &STEREO.bytes());
    let of = |format: Fmt| file(*b"RIFF", &[chunk(*b"fmt ", &format.bytes()), data.clone()]);
    vec![
        ("an empty file", vec![], "the file is empty", "anew"),
        ("one byte", b"R".to_vec(), "no WAV", "sox and ffmpeg"),
        ("a name alone", b"RIFF".to_vec(), "breaks off", "anew"),
        ("a broken name", b"RIFF\x10\0\0\0WA".to_vec(), "breaks off", "anew"),
        ("no chunk", file(*b"RIFF", &[]), "breaks off before", "anew"),
        ("half a format", file(*b"RIFF", &[chunk_of_length(*b"fmt ", 16, &STEREO.bytes()[..9])]), "breaks off before", "anew"),
        ("no sound chunk", file(*b"RIFF", std::slice::from_ref(&fmt)), "holds no sound", "anew"),
        ("an empty sound chunk", file(*b"RIFF", &[fmt.clone(), chunk(*b"data", &[]), chunk(*b"LIST", b"INFO")]), "holds no sound", "anew"),
        ("less than a frame", file(*b"RIFF", &[fmt.clone(), chunk(*b"data", &[1, 2, 3])]), "holds no sound", "anew"),
        ("sound without a format", file(*b"RIFF", std::slice::from_ref(&data)), "before it says what", "anew"),
        ("an AVI", b"RIFF\x10\0\0\0AVI LIST".to_vec(), "no wave sound", "ffmpeg -i 'FILE'"),
        ("big-endian", file(*b"RIFX", &[]), "big-endian (RIFX)", "ffmpeg -i 'FILE'"),
        ("an MP3 with tags", b"ID3\x04\0\0\0\0\0\0\0\0\0".to_vec(), "MP3", "ffmpeg"),
        ("an MP3 without", vec![0xff, 0xfb, 0x90, 0x64, 0, 0, 0, 0, 0, 0, 0, 0], "MP3", "ffmpeg"),
        ("FLAC", b"fLaC\0\0\0\x22abcd".to_vec(), "FLAC", "ffmpeg"),
        ("Ogg", b"OggS\0\x02abcdefgh".to_vec(), "Ogg", "ffmpeg"),
        ("AIFF", b"FORM\0\0\0\0AIFF".to_vec(), "AIFF", "ffmpeg"),
        ("MP4", b"\0\0\0\x20ftypM4A ".to_vec(), "MP4", "ffmpeg"),
        ("Wave64", b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb".to_vec(), "Wave64", "ffmpeg"),
        ("a text", b"hello, world, this is text".to_vec(), "no WAV", "sox and ffmpeg"),
        ("8 kHz", of(Fmt { rate: 8000, ..STEREO }), "8000 frames a second, and 44100, 48000, 88200 or 96000 Hz are played", "-r 44100"),
        ("192 kHz", of(Fmt { rate: 192_000, ..STEREO }), "192000 frames", "-r 44100"),
        ("no rate", of(Fmt { rate: 0, ..STEREO }), "0 frames", "-r 44100"),
        ("no channels", of(Fmt { channels: 0, ..STEREO }), "0 channels, and 1 to 128", "-c 2"),
        ("129 channels", of(Fmt::of(1, 129, 2, 16)), "129 channels", "-c 2"),
        ("no bits", of(Fmt { block: 0, bits: 0, ..STEREO }), "0-bit integers", "-b 16"),
        ("64-bit integers", of(Fmt::of(1, 2, 8, 64)), "64-bit integers", "-b 16"),
        ("16-bit floats", of(Fmt::of(3, 2, 2, 16)), "16-bit floats", "-b 16"),
        ("A-law", of(Fmt::of(6, 2, 1, 8)), "A-law", "-b 16"),
        ("ADPCM", of(Fmt { tag: 0x11, block: 1024, bits: 4, ..STEREO }), "ADPCM", "-b 16"),
        ("MP3 within", of(Fmt { tag: 0x55, block: 1, bits: 0, ..STEREO }), "MP3", "-b 16"),
        ("an unknown sub-format", file(*b"RIFF", &[chunk(*b"fmt ", &STEREO.extensible(16, &[9; 14])), data.clone()]), "an unknown encoding", "-b 16"),
    ]
}

#[test]
fn every_other_file_is_refused_with_a_remedy() {
    for (name, bytes, what, remedy) in unplayable() {
        match read(Cursor::new(&bytes)) {
            Err(Refused::Content(said, todo)) => {
                assert!(said.contains(what) && todo.contains(remedy), "{name}: {said}. {todo}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// Endless silence after a head.
struct Endless(Cursor<Vec<u8>>);

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.0.read(into)? {
            0 => Ok(into.len()),
            some => Ok(some),
        }
    }
}

impl Seek for Endless {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn no_more_is_kept_than_may_be() {
    let head = file(*b"RIFF", &[chunk(*b"fmt ", &STEREO.bytes()), chunk_of_length(*b"data", u32::MAX, &[])]);
    let Err(Refused::Content(what, remedy)) = read(Endless(Cursor::new(head))) else {
        panic!("it never ends")
    };
    assert!(what.contains("128 MiB") && remedy.contains("trim 0 760"), "{what}. {remedy}");
}

#[test]
fn what_hound_writes_is_read_as_it_was_written() {
    for (bits_per_sample, sample_format) in [
        (16, hound::SampleFormat::Int),
        (24, hound::SampleFormat::Int),
        (32, hound::SampleFormat::Int),
        (32, hound::SampleFormat::Float),
    ] {
        let spec = hound::WavSpec { channels: 5, sample_rate: 48_000, bits_per_sample, sample_format };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        for sample in ramp(5, 50) {
            match sample_format {
                hound::SampleFormat::Float => writer.write_sample(f32::from(sample) / 32_768.0).unwrap(),
                hound::SampleFormat::Int => {
                    writer.write_sample(i32::from(sample) << (bits_per_sample - 16)).unwrap();
                }
            }
        }
        writer.finalize().unwrap();
        let recording = read(Cursor::new(bytes.into_inner())).unwrap();
        assert_eq!(
            (recording.samples, recording.rate),
            (ramp(5, 50), Hz(48_000)),
            "{bits_per_sample} {sample_format:?}"
        );
    }
}

#[test]
fn the_files_that_people_had_are_played() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/wav");
    let mut played = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let recording = read(std::fs::File::open(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        let loudest = recording.samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        let expected = if path.ends_with("ramp_24_in_32_extensible.wav") { 1000 } else { 16_383 };
        assert!(loudest <= expected && recording.samples.len() > 800, "{}: {loudest}", path.display());
        let steps = recording.samples.chunks(2).zip(recording.samples.chunks(2).skip(1));
        let widest = steps.map(|(a, b)| a[0].abs_diff(b[0])).filter(|step| *step < 1900).max().unwrap();
        assert!(widest <= 400, "{}: it is a ramp, not noise", path.display());
        played += 1;
    }
    assert_eq!(played, 4);
}

proptest! {
    #[test]
    fn any_bytes_give_a_recording_or_a_refusal(
        which in 0_usize..70, at in 0_usize..600, byte: u8, cut in 0_usize..700, noise in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut files: Vec<Vec<u8>> = playable().into_iter().map(|(_, bytes, _)| bytes).collect();
        files.extend(unplayable().into_iter().map(|(_, bytes, _, _)| bytes));
        let mut bytes = files.swap_remove(which % files.len());
        if let Some(there) = bytes.get_mut(at) {
            *there = byte;
        }
        bytes.truncate(cut);
        bytes.extend(noise);
        if let Ok(recording) = read(Cursor::new(&bytes)) {
            let channels = usize::from(recording.channels.get());
            prop_assert!(!recording.samples.is_empty() && recording.samples.len().is_multiple_of(channels));
        }
    }
}
