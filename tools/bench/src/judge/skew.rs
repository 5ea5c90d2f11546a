//! The delay when the service plays its own exact source, at another rate than the sound system's clock.
//!
//! The recording shows which frame is heard at which place: correlation finds its noise, even if it was
//! resampled. The service's stamps give the time when that frame was captured. The recorder's own stamps give
//! the time when a frame of the recording was played. Three lines join them: from frame number to
//! `CLOCK_MONOTONIC_RAW` (its stamps err both ways, so least squares); from there to `CLOCK_MONOTONIC`; and
//! from frame of the recording to `CLOCK_MONOTONIC` (blocks come late but never early, so the line below
//! them, bent where the sound system's clock changes its rate). The results contain the errors of these
//! lines.

use listening::delay::{self, Reading};
use listening::frames_to_ms;
use listening::line::{BentLine, Line};
use listening::probe;

use super::{LONGEST_FRAMES, Span};
use crate::evidence::{ChainEvidence, Evidence};
use crate::results::{ChainResults, MethodError, SkewResults};
use crate::skew::SkewEvidence;

/// The search begins this many frames (100 ms) before the expected place of the sound, plus the distance by
/// which the clocks diverge.
const EARLY_FRAMES: f64 = 4410.0;
/// Distance of the knots of the recorder's line, frames (10 s): long enough for one of 3400 blocks to arrive
/// without delay.
const KNOT_FRAMES: u64 = 441_000;
/// Stamps are used from this long before the span on, ns: with fewer players the sound system's clock runs
/// slightly differently.
const BEFORE_NS: u64 = 3_000_000_000;

/// The lines that convert between the clocks.
pub struct Pace {
    asked_ppm: i32,
    told_ppm: i32,
    /// Converts a frame number to `CLOCK_MONOTONIC_RAW`.
    captured: Line,
    /// Converts `CLOCK_MONOTONIC_RAW` to `CLOCK_MONOTONIC`.
    clocks: Line,
    /// Converts a frame of the recording to `CLOCK_MONOTONIC`.
    recorded: BentLine,
    error: MethodError,
}

impl Pace {
    /// Fits the lines to the evidence.
    pub fn of(skew: &SkewEvidence, evidence: &Evidence) -> Result<Self, String> {
        if skew.restarts > 0 {
            return Err("the service began its sound anew: its frame numbers no longer tell the sound".into());
        }
        let counts = evidence.span_ns.0.saturating_sub(BEFORE_NS)..evidence.span_ns.1;
        let within = evidence.recording.stamps.iter().filter(|stamp| counts.contains(&stamp.received_ns));
        let stamps: Vec<(u64, u64)> = within.map(|s| (s.frames, s.received_ns)).collect();
        let few = "too few stamps to tell the clocks apart";
        let captured = Line::through(&skew.captured).ok_or(few)?;
        let clocks = Line::through(&skew.clocks).ok_or(few)?;
        let recorded = BentLine::below(&stamps, KNOT_FRAMES).ok_or(few)?;
        let error = MethodError {
            // A null sink takes a block before it is due; the recorder gets it afterwards.
            constant_ms: frames_to_ms(f64::from(evidence.clock_block_frames)),
            capture_rms_ms: captured.rms(&skew.captured) / 1e6,
            clocks_rms_ms: clocks.rms(&skew.clocks) / 1e6,
        };
        Ok(Self { asked_ppm: skew.asked_ppm, told_ppm: skew.told_ppm, captured, clocks, recorded, error })
    }

    /// The frame of the recording at the time when frame `index` was captured.
    fn captured_at(&self, index: f64) -> f64 {
        self.recorded.reverse(self.clocks.at(self.captured.at(index)))
    }

    /// Returns the excess of captured over played frames, parts per million.
    fn measured_ppm(&self) -> f64 {
        (self.recorded.slope() / (self.captured.slope() * self.clocks.slope()) - 1.0) * 1e6
    }

    fn clock_wander_ppm(&self) -> f64 {
        let slopes = self.recorded.slopes();
        let low = slopes.iter().copied().fold(f64::INFINITY, f64::min);
        let high = slopes.iter().copied().fold(0.0, f64::max);
        (high / low - 1.0) * 1e6
    }

    /// Readings of the sound played within the span and slightly beyond it.
    pub(crate) fn readings_around(
        &self,
        evidence: &Evidence,
        chain: &ChainEvidence,
        span: &Span,
    ) -> Vec<Reading> {
        let [played, _] = evidence.recording.pair(chain.place);
        let apart = self.measured_ppm().abs() * 1e-6 * span.frames().len() as f64;
        let early = (EARLY_FRAMES + 1.2 * apart) as usize;
        let from = span.first.saturating_sub(LONGEST_FRAMES).max(early);
        let to = (span.end + listening::RATE_HZ as usize).min(played.len());
        let index = self.captured.reverse(self.clocks.reverse(self.recorded.at(from as f64)));
        let first_index = index.max(0.0) as u64;
        let injected = probe::noise(first_index, to.saturating_sub(from));
        delay::track(&injected, &played[from - early..to], LONGEST_FRAMES + 2 * early)
            .into_iter()
            .map(|reading| {
                let heard = first_index as f64 + reading.played_frame - reading.delay_frames;
                let played_frame = reading.played_frame + (from - early) as f64;
                Reading { played_frame, delay_frames: played_frame - self.captured_at(heard), ..reading }
            })
            .collect()
    }

    /// The results under skew.
    pub fn results(&self, product: Option<&ChainResults>) -> SkewResults {
        SkewResults {
            asked_ppm: self.asked_ppm,
            told_ppm: self.told_ppm,
            measured_ppm: self.measured_ppm(),
            clock_wander_ppm: self.clock_wander_ppm(),
            delay_range_ms: product.and_then(|c| c.delay_ms).map(|delay| delay.max - delay.min),
            slope_ppm: product.and_then(|c| c.drift).map(|drift| drift.slope_ppm),
            rate_ppm: product.and_then(|c| c.playout.rate_ppm),
            rate_sd_ppm: product.and_then(|c| c.playout.rate_sd_ppm),
            error: self.error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use listening::clock::Stamp;
    use listening::statistics::summarise;

    use super::*;
    use crate::rig::pulse::SPEAKERS;
    use crate::rig::sound::Recording;

    const START_NS: u64 = 1_000_000_000_000;
    const SECONDS: usize = 40;

    /// A player that resamples linearly by `ratio` stream frames per played frame, 50 ms after capture.
    fn evidence(skew_ppm: f64, ratio: f64) -> Evidence {
        let frames = SECONDS * 44_100;
        let rate_hz = 44_100.0 * (1.0 + skew_ppm * 1e-6);
        let first_index = 1000.0; // captured when the recording started
        let at = |n: usize| first_index + (n as f64 - 2205.0) * ratio;
        let sample = |n: usize| {
            let (whole, part) = (at(n).max(0.0).floor(), at(n).max(0.0).fract());
            let value = |index: f64| f64::from(probe::left(index as u64)) / 32_768.0;
            (value(whole) * (1.0 - part) + value(whole + 1.0) * part) as f32
        };
        let played: Vec<f32> = (0..frames).map(sample).collect();
        let silence = vec![0.0; frames];
        let captured_ns = |index: f64| START_NS as f64 + (index - first_index) / rate_hz * 1e9;
        let stamps = (1..frames / 220).map(|k| Stamp {
            frames: k as u64 * 220,
            received_ns: START_NS + (k as f64 * 220.0 / 44_100.0 * 1e9) as u64 + (k as u64 % 7) * 300_000,
        });
        let skew = SkewEvidence {
            asked_ppm: skew_ppm as i32,
            told_ppm: skew_ppm as i32,
            captured: (0..SECONDS as u64 * 340)
                .map(|k| (1000 + k * 128, captured_ns((1000 + k * 128) as f64) as u64))
                .collect(),
            clocks: (0..SECONDS as u64)
                .map(|k| (START_NS + k * 1_000_000_000, START_NS + k * 1_000_000_000))
                .collect(),
            restarts: 0,
        };
        Evidence {
            recording: Recording {
                channels: vec![silence.clone(), silence.clone(), played, silence],
                stamps: stamps.collect(),
            },
            freezes: vec![],
            watchdog_real_time: true,
            span_ns: (START_NS + 5_000_000_000, START_NS + (SECONDS as u64 - 2) * 1_000_000_000),
            chains: vec![],
            silent_page_cpu: None,
            clock_block_frames: 128,
            network: None,
            skew: Some(skew),
        }
    }

    fn chain() -> ChainEvidence {
        ChainEvidence {
            name: "synthwire".into(),
            place: SPEAKERS,
            browser: String::new(),
            clicked_ns: None,
            polls: vec![],
            page_cpu_s: 0.0,
            thread_cpu_s: BTreeMap::new(),
            heaps_kib: None,
            page_rss_mib: 0.0,
            service: None,
        }
    }

    fn delays(skew_ppm: f64, ratio: f64) -> (Pace, Vec<Reading>) {
        let evidence = evidence(skew_ppm, ratio);
        let pace = Pace::of(evidence.skew.as_ref().unwrap(), &evidence).unwrap();
        let span = Span { first: 5 * 44_100, end: (SECONDS - 2) * 44_100 };
        let readings = pace.readings_around(&evidence, &chain(), &span);
        (pace, readings)
    }

    #[test]
    fn a_player_that_follows_the_skew_has_a_level_delay() {
        for ppm in [300.0, -300.0] {
            let (pace, readings) = delays(ppm, 1.0 + ppm * 1e-6);
            let delays: Vec<f64> = readings.iter().map(Reading::delay_ms).collect();
            let summary = summarise(&delays).unwrap();
            assert!(summary.count > 600, "{ppm} ppm: {summary:?}");
            assert!((summary.median - 50.0).abs() < 0.02, "{ppm} ppm: {summary:?}");
            assert!(summary.max - summary.min < 0.02, "{ppm} ppm: {summary:?}");
            assert!((pace.measured_ppm() - ppm).abs() < 0.5, "{}", pace.measured_ppm());
            assert!(delay::drift(&readings).unwrap().slope_ppm.abs() < 0.5);
            assert!(pace.clock_wander_ppm() < 1.0 && pace.error.capture_rms_ms < 0.01, "{:?}", pace.error);
        }
    }

    #[test]
    fn a_player_that_does_not_follow_drifts_by_the_skew() {
        for ppm in [300.0, -300.0] {
            let slope = delay::drift(&delays(ppm, 1.0).1).unwrap().slope_ppm;
            assert!((slope - ppm).abs() < 1.0, "{ppm} ppm: {slope}");
        }
    }

    #[test]
    fn a_sound_begun_anew_is_refused() {
        let evidence = evidence(0.0, 1.0);
        let skew = SkewEvidence { restarts: 1, ..evidence.skew.clone().unwrap() };
        assert!(Pace::of(&skew, &evidence).is_err());
    }
}
