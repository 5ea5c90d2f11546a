//! Evaluates a recording of the sound that was really played.
//!
//! In: samples, frame counts, times in nanoseconds. Out: numbers, and a picture as text. The library uses no
//! file, clock, socket or process; the recording program does that (`bench`). So every judgement can be
//! tested on synthetic sound, and the same code serves later benches with another browser, a bad network, or
//! a recording from another machine.
//!
//! In the order in which the sound passes them: [`signal`] the played signal, [`probe`] the service's own
//! signal · [`clock`] frame times, [`line`] the relation of two clocks · [`delay`] the delay · [`recovery`]
//! the return of the delay after outages · [`continuity`] gaps and repetitions · [`freeze`] their cause,
//! machine or product · [`exactness`] the surviving bits · [`statistics`] · [`plot`].

pub mod clock;
pub mod continuity;
pub mod delay;
pub mod exactness;
pub mod freeze;
pub mod line;
pub mod plot;
pub mod probe;
pub mod recovery;
pub mod signal;
pub mod statistics;

#[cfg(test)]
mod synthetic;

/// The only sample rate of the chain, hertz.
pub const RATE_HZ: u32 = 44_100;

/// Milliseconds that `frames` last.
pub fn frames_to_ms(frames: f64) -> f64 {
    frames * 1000.0 / f64::from(RATE_HZ)
}
