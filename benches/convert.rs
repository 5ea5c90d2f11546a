//! Measures the cost of conversion, mixing, rounding and the demo, and the effect of rounding on a sound. Prints tables for
//! decisions 0001, 0002 and 0017.
//!
//! Run `cargo bench --bench convert`; for the scalar column of decision 0001, run it again with `RUSTFLAGS="-C
//! no-vectorize-loops -C no-vectorize-slp"`. Times are the fastest of many short batches, so that a busy machine disturbs
//! them little.

use std::hint::black_box;
use std::time::Instant;
use synthwire::core::convert::SampleFormat;
use synthwire::core::layout::{DeviceAnswer, Layout};
use synthwire::core::mix::PairMix;
use synthwire::core::rounding::{nearest_from_32_bits, nearest_from_float};
use synthwire::core::timeline::Span;
use synthwire::rt::ring::{Mark, What, handoff};
use synthwire::source::demo::{Demo, ROUND_FRAMES};
use synthwire::source::paced::Generator;
use synthwire::units::{FrameIndex, MonoNs};

const PERIOD_FRAMES: usize = 128;
const RATE_HZ: usize = 44_100;

fn main() {
    capture();
    mixing();
    wire_formats();
    rounding();
    demo();
}

/// Returns the nanoseconds of one call: the fastest of 400 batches of 50.
fn fastest_ns(mut call: impl FnMut()) -> f64 {
    let batch_ns = |call: &mut dyn FnMut()| {
        let begin = Instant::now();
        (0..50).for_each(|_| call());
        begin.elapsed().as_nanos() as f64 / 50.0
    };
    (0..400).map(|_| batch_ns(&mut call)).fold(f64::INFINITY, f64::min)
}

/// Returns the share of one core, in percent, if this is done for every period of a stream.
fn core_percent(ns_per_period: f64) -> f64 {
    ns_per_period / (PERIOD_FRAMES as f64 / RATE_HZ as f64 * 1e9) * 100.0
}

/// Numbers of channels: a stereo instrument, a MONTAGE's eight, a mixer's 34, the maximum.
const CHANNELS: [u32; 4] = [2, 8, 34, 128];

fn layout(format: SampleFormat, channels: u32) -> Layout {
    let period_frames = PERIOD_FRAMES as u64;
    Layout::new(DeviceAnswer {
        rate_hz: RATE_HZ as u32,
        channels,
        format,
        period_frames,
        buffer_frames: 8192,
    })
    .expect("a source may be laid out so")
}

fn span() -> Span {
    Span { first: FrameIndex(0), frames: PERIOD_FRAMES as u32, capture: MonoNs(0) }
}

/// Returns a period of a device's bytes, no two samples alike.
fn device_bytes(layout: &Layout) -> Vec<u8> {
    let mut bytes = vec![0_u8; PERIOD_FRAMES * layout.frame_bytes()];
    for (sample, bytes) in (0_i16..).cycle().zip(bytes.chunks_exact_mut(layout.format().bytes_per_sample())) {
        layout.format().store(sample.wrapping_mul(257), bytes);
    }
    bytes
}

/// Measures the capture thread's work per period: all channels into a ring, and for comparison a pair as Int16, as before
/// decision 0017.
fn capture() {
    println!("From a device's bytes into a ring, ns for {PERIOD_FRAMES} frames; before: a pair, rounded");
    for format in SampleFormat::ALL {
        for channels in CHANNELS {
            let layout = layout(format, channels);
            let bytes = device_bytes(&layout);
            let before = match format {
                SampleFormat::S32Le => before(&layout, &bytes, i32::from_le_bytes, nearest_from_32_bits),
                SampleFormat::S24Le3 => before(
                    &layout,
                    &bytes,
                    |[low, middle, high]| i32::from_le_bytes([0, low, middle, high]),
                    nearest_from_32_bits,
                ),
                SampleFormat::S24Le => {
                    before(&layout, &bytes, |bytes| i32::from_le_bytes(bytes) << 8, nearest_from_32_bits)
                }
                SampleFormat::S16Le => before(&layout, &bytes, i16::from_le_bytes, |sample| sample),
                SampleFormat::F32Le => before(&layout, &bytes, f32::from_le_bytes, nearest_from_float),
            };
            let samples = PERIOD_FRAMES * channels as usize;
            let now = through_a_ring(samples, |out| _ = format.convert(black_box(&bytes), out));
            println!(
                "  {:<9}{channels:>4} ch {before:>9.1} before {now:>9.1} now {:>7.2} times {:>8.3} % of a core",
                format.name(),
                now / before,
                core_percent(now),
            );
        }
    }
    let layout = layout(SampleFormat::S32Le, 2);
    let ns = whole_hand_off(&layout, &device_bytes(&layout));
    println!("  the whole hand-off, with its marks, of S32_LE in stereo: {ns:.1} ns");
}

/// Converts as the old converter did: gathers blocks of pairs, then rounds them.
fn before<const BYTES: usize, T: Copy + Default>(
    layout: &Layout,
    bytes: &[u8],
    fetch: impl Fn([u8; BYTES]) -> T,
    round: impl Fn(T) -> i16,
) -> f64 {
    const BLOCK_FRAMES: usize = 64;
    let channels = usize::from(layout.channels().get());
    through_a_ring(PERIOD_FRAMES * 2, |out| {
        let (samples, _) = black_box(bytes).as_chunks::<BYTES>();
        if channels == 2 {
            for (sample, out) in samples.iter().zip(out) {
                *out = round(fetch(*sample));
            }
            return;
        }
        let mut block = [T::default(); BLOCK_FRAMES * 2];
        let blocks = samples.chunks(BLOCK_FRAMES * channels);
        for (samples, out) in blocks.zip(out.chunks_mut(BLOCK_FRAMES * 2)) {
            for (frame, pair) in samples.chunks_exact(channels).zip(block.chunks_exact_mut(2)) {
                for (sample, pair) in frame.iter().zip(pair) {
                    *pair = fetch(*sample);
                }
            }
            for (out, sample) in out.iter_mut().zip(&block) {
                *out = round(*sample);
            }
        }
    })
}

/// Measures writing this many samples into a ring that holds 16 Ki frames of them, and taking them out again.
fn through_a_ring<T: Copy + Default>(samples: usize, mut fill: impl FnMut(&mut [T])) -> f64 {
    let (mut giver, mut taker) = rtrb::RingBuffer::new(16 * 1024 / PERIOD_FRAMES * samples);
    fastest_ns(|| {
        let mut chunk = giver.write_chunk(samples).expect("there is room");
        fill(chunk.as_mut_slices().0); // it never wraps: the ring holds whole periods
        chunk.commit_all();
        taker.read_chunk(samples).expect("they were just written").commit_all();
    })
}

fn whole_hand_off(layout: &Layout, bytes: &[u8]) -> f64 {
    let (mut writer, mut reader) = handoff().expect("the kernel gives an eventfd");
    writer.lay_out(layout);
    writer.mark(Mark { span: span(), ready: MonoNs(0), what: What::Restart(*layout) });
    fastest_ns(|| {
        let mut slot = writer.period(PERIOD_FRAMES as u32).expect("there is room");
        slot.fill(PERIOD_FRAMES as u32, |part| _ = layout.format().convert(black_box(bytes), part));
        slot.commit(span(), MonoNs(0));
        while reader.next(&mut |_, _| ()) {}
    })
}

/// Measures the fan-out thread's work: rounding a pair to Int16.
fn mixing() {
    println!("\nA pair out of the hand-off, ns for {PERIOD_FRAMES} frames");
    for channels in CHANNELS {
        let layout = layout(SampleFormat::S32Le, channels);
        let mut mix = PairMix::new(layout.channels(), 0, layout.rate());
        let frames: Vec<i32> =
            (0_i32..).map(|n| n.wrapping_mul(16_777_259)).take(PERIOD_FRAMES * channels as usize).collect();
        let mut out = vec![0_i16; PERIOD_FRAMES * 2];
        let ns = fastest_ns(|| _ = mix.pick(black_box(&frames), black_box(&mut out)));
        println!("  {channels:>4} ch {ns:>9.1} ns {:>8.4} % of a core", core_percent(ns));
    }
}

/// Measures the cost of other formats on the wire, from `S32_LE` in stereo.
fn wire_formats() {
    let source: Vec<i32> = (0_i32..).map(|n| n.wrapping_mul(16_777_259)).take(PERIOD_FRAMES * 2).collect();
    let mut bytes = vec![0_u8; source.len() * 4];
    println!(
        "\nOn the wire, ns for {PERIOD_FRAMES} frames from S32_LE, and bytes with the 40 of a record's header"
    );
    let int16 = fastest_ns(|| {
        for (out, &sample) in black_box(&mut bytes).chunks_exact_mut(2).zip(black_box(&source)) {
            out.copy_from_slice(&nearest_from_32_bits(sample).to_le_bytes());
        }
    });
    let int24 = fastest_ns(|| {
        for (out, &sample) in black_box(&mut bytes).chunks_exact_mut(3).zip(black_box(&source)) {
            let [_, low, middle, high] = sample.saturating_add(128).to_le_bytes();
            out.copy_from_slice(&[low, middle, high]);
        }
    });
    let float = fastest_ns(|| {
        for (out, &sample) in black_box(&mut bytes).chunks_exact_mut(4).zip(black_box(&source)) {
            out.copy_from_slice(&(sample as f32 / 2_147_483_648.0).to_le_bytes());
        }
    });
    for (name, ns, size) in [("Int16", int16, 2), ("Int24", int24, 3), ("Float32", float, 4)] {
        let message_bytes = 40 + PERIOD_FRAMES * 2 * size;
        let kbit_s = message_bytes as f64 * 8.0 * RATE_HZ as f64 / PERIOD_FRAMES as f64 / 1e3;
        println!("  {name:<8}{ns:>8.1} ns{message_bytes:>7} bytes{kbit_s:>8.0} kbit/s");
    }
}

/// Ways to round a fine sample (in steps of Int16) to Int16.
#[derive(Clone, Copy)]
enum Way {
    Plain,
    /// Triangular dither, two steps wide, on every sample.
    Dithered,
    /// The same dither, except on samples that are whole steps already (silence, 16-bit material).
    DitheredUnlessWhole,
}

/// Returns the sum of two uniform numbers from a hash of the sample's number. It has no state, so that it can vectorise.
fn triangular(number: u32) -> f32 {
    let x = number.wrapping_mul(0x9E37_79B9);
    let x = (x ^ x >> 16).wrapping_mul(0x7FEB_352D);
    let x = (x ^ x >> 15).wrapping_mul(0x846C_A68B);
    let x = x ^ x >> 16;
    ((x & 0xFFFF) as f32 - (x >> 16) as f32) / 65_536.0
}

fn rounded(way: Way, number: u32, steps: f32) -> f32 {
    let dithered = (steps + triangular(number)).round_ties_even();
    match way {
        Way::Plain => steps.round_ties_even(),
        Way::Dithered => dithered,
        Way::DitheredUnlessWhole => {
            if steps.fract() == 0.0 {
                steps
            } else {
                dithered
            }
        }
    }
}

fn dbfs(power: f64) -> f64 {
    10.0 * (power / (32_768.0_f64.powi(2) / 2.0)).max(1e-30).log10()
}

/// Returns the power at `hz` in one second of sound (a whole number of waves, so no window is needed).
fn power_at(sound: &[f32], hz: usize) -> f64 {
    let (mut cosine, mut sine) = (0.0, 0.0);
    for (n, &sample) in sound.iter().enumerate() {
        let angle = std::f64::consts::TAU * ((n * hz) % RATE_HZ) as f64 / RATE_HZ as f64;
        cosine += f64::from(sample) * angle.cos();
        sine += f64::from(sample) * angle.sin();
    }
    2.0 * (cosine.powi(2) + sine.powi(2)) / (sound.len() as f64).powi(2)
}

/// Measures rounding of a 24-bit sine of 997 Hz at falling levels, as in a fading note.
fn rounding() {
    const SINE_HZ: usize = 997;
    println!("\nRounding a 24-bit sine of {SINE_HZ} Hz to Int16; dBFS, full-scale sine = 0");
    println!(
        "  {:>7}  {:<26}{:>12}{:>12}{:>18}{:>12}",
        "level", "way", "fundamental", "all error", "loudest overtone", "overtones"
    );
    for level in [-20.0, -60.0, -80.0, -90.0, -95.0, -100.0] {
        for (way, name) in ways() {
            let fine: Vec<f32> = (0..RATE_HZ)
                .map(|n| {
                    let turns = ((n * SINE_HZ) % RATE_HZ) as f64 / RATE_HZ as f64;
                    let sine = (std::f64::consts::TAU * turns).sin() * 10_f64.powf(level / 20.0) * 32_768.0;
                    ((sine * 256.0).round() / 256.0) as f32
                })
                .collect();
            let coarse: Vec<f32> = (0..).zip(&fine).map(|(n, &steps)| rounded(way, n, steps)).collect();
            let error: f64 =
                fine.iter().zip(&coarse).map(|(fine, coarse)| f64::from(fine - coarse).powi(2)).sum();
            let overtones: Vec<f64> = (2..=21).map(|n| power_at(&coarse, n * SINE_HZ)).collect();
            println!(
                "  {level:>7}  {name:<26}{:>12.1}{:>12.1}{:>18.1}{:>12.1}",
                dbfs(power_at(&coarse, SINE_HZ)),
                dbfs(error / RATE_HZ as f64),
                dbfs(overtones.iter().copied().fold(0.0, f64::max)),
                dbfs(overtones.iter().sum()),
            );
        }
    }
    rounding_cost();
}

fn ways() -> [(Way, &'static str); 3] {
    [(Way::Plain, "plain"), (Way::Dithered, "TPDF"), (Way::DitheredUnlessWhole, "TPDF unless whole")]
}

fn rounding_cost() {
    let source: Vec<i32> = (0_i32..).map(|n| n.wrapping_mul(16_777_259)).take(PERIOD_FRAMES * 2).collect();
    let mut out = vec![0_i16; source.len()];
    println!("  cost of {PERIOD_FRAMES} frames from S32_LE:");
    let plain = fastest_ns(|| {
        for (out, &sample) in black_box(&mut out).iter_mut().zip(black_box(&source)) {
            *out = nearest_from_32_bits(sample);
        }
    });
    let dithered = fastest_ns(|| {
        for ((number, out), &sample) in (0_u32..).zip(black_box(&mut out).iter_mut()).zip(black_box(&source))
        {
            let dither = (triangular(black_box(0) + number) * 65_536.0) as i32;
            *out = nearest_from_32_bits(sample.saturating_add(dither));
        }
    });
    for (name, ns) in [("plain", plain), ("TPDF", dithered)] {
        println!("    {name:<8}{ns:>8.1} ns{:>10.4} % of a core", core_percent(ns));
    }
}

/// Measures the demo's cost over one loop.
fn demo() {
    let mut demo = Demo::new();
    let mut out = [0_i16; PERIOD_FRAMES * 2];
    let periods = ROUND_FRAMES as usize / PERIOD_FRAMES;
    let mut times: Vec<f64> = (0..periods)
        .map(|_| {
            let begin = Instant::now();
            demo.render(0, black_box(&mut out));
            begin.elapsed().as_nanos() as f64 / PERIOD_FRAMES as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let (median, most) = (times[periods / 2], times[periods * 9 / 10]);
    let share = core_percent(median * PERIOD_FRAMES as f64);
    println!("\nDemo: {median:.1} ns a frame (median; 90 % below {most:.1}), {share:.2} % of a core");
}
