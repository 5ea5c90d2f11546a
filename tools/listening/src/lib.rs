//! What a recording says about the sound that was really played.
//!
//! In: samples, frame counts, times in nanoseconds. Out: numbers and a picture as text. No file, clock, socket or process
//! is touched here; whoever records does that (`bench`). So every judgement can be tested on sound made by hand, and the
//! same code serves any later bench: another browser, a bad network, a recording from another machine.
//!
//! In the order the sound goes: [`signal`] what is played, [`probe`] what the service plays by itself · [`clock`] which frame
//! was when, [`line`] by which clock · [`delay`] how late it came out · [`recovery`] how soon that was as before ·
//! [`continuity`] what is missing in it · [`freeze`] whose fault that was · [`exactness`] which bits survived ·
//! [`statistics`] · [`plot`].

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
