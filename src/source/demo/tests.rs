//! Checks the demo's properties on one loop and the beginning of the next.

use super::*;
use std::sync::LazyLock;

/// One loop and six seconds: the seam and the notes that ring across it.
static SOUND: LazyLock<Vec<[i16; 2]>> = LazyLock::new(|| {
    let mut demo = Demo::new();
    let mut samples = vec![0; (ROUND_FRAMES as usize + 6 * 44_100) * 2];
    demo.render(0, &mut samples);
    assert_eq!(
        (demo.keys.unplayed, demo.pad.unplayed, demo.bass.unplayed),
        (0, 0, 0),
        "notes without a voice"
    );
    samples.chunks_exact(2).map(|frame| [frame[0], frame[1]]).collect()
});

fn side(number: usize) -> impl Iterator<Item = f64> {
    SOUND.iter().map(move |frame| f64::from(frame[number]))
}

fn rms_dbfs(frames: &[[i16; 2]]) -> f64 {
    let power: f64 = frames.iter().flatten().map(|&sample| (f64::from(sample) / 32_768.0).powi(2)).sum();
    10.0 * (power / (frames.len() * 2) as f64).log10()
}

#[test]
fn it_is_the_same_sound_everywhere() {
    let checksum = SOUND[..10 * 44_100]
        .iter()
        .flatten()
        .fold(0_u32, |sum, &sample| sum.wrapping_mul(16_777_619) ^ u32::from(sample as u16));
    assert_eq!(checksum, 1_121_706_081, "pin the new one when the sound was changed on purpose");
}

#[test]
fn it_does_not_depend_on_how_it_is_cut() {
    let mut demo = Demo::new();
    let mut at = 0;
    for frames in [1, 31, 32, 33, 128, 1_024, 7, 480].iter().cycle().take(400) {
        let mut samples = vec![0; frames * 2];
        demo.render(0, &mut samples);
        assert_eq!(samples, SOUND[at..at + frames].concat(), "{frames} frames at {at}");
        at += frames;
    }
}

#[test]
fn it_never_clips_and_is_as_loud_as_music() {
    let peak = SOUND.iter().flatten().map(|sample| sample.unsigned_abs()).max().unwrap();
    assert!((15_000..23_000).contains(&peak), "the peak is {peak}, below -3 dBFS and not timid");
    let loudness = rms_dbfs(&SOUND);
    assert!((-23.0..-19.0).contains(&loudness), "{loudness} dBFS");
    for (bar, frames) in SOUND.chunks_exact(4 * 34_816).enumerate() {
        assert!(rms_dbfs(frames) > -28.0, "bar {bar} is as good as silent");
    }
}

#[test]
fn it_has_no_offset() {
    for number in 0..2 {
        let mean = side(number).sum::<f64>() / SOUND.len() as f64;
        assert!(mean.abs() < 1.0, "side {number}: {mean}");
    }
}

/// Returns how far the sharpest corner (third difference) stands out from the 4 ms around it. Bright sound has corners
/// everywhere; a click is a single one.
fn loneliest_corner(samples: &[f64]) -> f64 {
    let corners: Vec<f64> =
        samples.windows(4).map(|at| (at[3] - 3.0 * at[2] + 3.0 * at[1] - at[0]).powi(2)).collect();
    let mut around: f64 = corners[..193].iter().sum();
    let mut loneliest = 0.0_f64;
    for middle in 96..corners.len() - 97 {
        let own: f64 = corners[middle - 3..=middle + 3].iter().sum();
        // 20: corners of the lowest few bits are no clicks.
        let usual = ((around - own).max(0.0) / 186.0).sqrt() + 20.0;
        loneliest = loneliest.max(corners[middle].sqrt() / usual);
        around += corners[middle + 97] - corners[middle - 96];
    }
    loneliest
}

#[test]
fn it_has_no_clicks() {
    for number in 0..2 {
        let mut samples: Vec<f64> = side(number).collect();
        let steepest = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f64::max);
        assert!(steepest < 3_000.0, "side {number}: {steepest}");
        let loneliest = loneliest_corner(&samples);
        assert!(loneliest < 4.0, "side {number}: {loneliest}");
        for sample in &mut samples[300_000..] {
            *sample += 200.0;
        }
        assert!(loneliest_corner(&samples) > 4.0, "a step of -44 dBFS would be found");
    }
}

#[test]
fn the_end_rings_over_into_the_beginning() {
    let seam = ROUND_FRAMES as usize;
    let first_time = rms_dbfs(&SOUND[..2_205]);
    let second_time = rms_dbfs(&SOUND[seam..seam + 2_205]);
    assert!(second_time > first_time, "the second round begins in the first one's sound");
    let around: Vec<f64> = SOUND[seam - 441..seam + 441].chunks(21).map(rms_dbfs).collect();
    assert!(around.iter().all(|&level| level > -50.0), "no hole at the seam: {around:?}");
}

#[test]
fn left_and_right_differ_but_belong_together() {
    let (mut both, mut left, mut right) = (0.0, 0.0, 0.0);
    for (one, other) in side(0).zip(side(1)) {
        both += one * other;
        left += one * one;
        right += other * other;
    }
    let correlation = both / (left * right).sqrt();
    assert!((0.3..0.97).contains(&correlation), "{correlation}");
}
