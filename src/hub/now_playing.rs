//! The sound that listeners hear: the source's status, and the selected channels.
//!
//! In: the status from the supervisor, and the requested pair. Out: the status for all readers, and the pair for the
//! fan-out thread (`Controls`).

use crate::plain::Plain;
use crate::rt::counters::Controls;
use crate::rt::status::{SourceStatus, SourceView};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use tokio::sync::watch;

/// The source and the pair of channels that all listeners hear.
#[derive(Debug)]
pub struct NowPlaying {
    /// Channels of the source, for threads that must not wait for a lock; 0 if unknown.
    channels: AtomicU16,
    status: watch::Sender<SourceStatus>,
    /// Requests to the threads that carry sound.
    pub controls: Arc<Controls>,
}

impl NowPlaying {
    /// Starts without a source; takes the pair from `controls`.
    pub fn new(controls: Arc<Controls>) -> Self {
        let first_channel = controls.first_channel.load(Relaxed) + 1;
        let status = watch::Sender::new(SourceStatus::unknown(first_channel));
        Self { channels: AtomicU16::new(0), status, controls }
    }

    /// Returns a receiver of the source's status, which shows every change.
    pub fn status(&self) -> watch::Receiver<SourceStatus> {
        self.status.subscribe()
    }

    /// Publishes a change of the source.
    pub fn announce(&self, status: SourceStatus) {
        self.channels.store(status.source.channels, Relaxed);
        self.status.send_modify(|now| {
            *now = status;
            // The pair may have changed since the status was made.
            self.name_pair(&mut now.source);
        });
        self.log_absent_pair();
    }

    /// Selects the pair that begins with `first_channel`, counted from 1, as the configuration asks. If the source has
    /// fewer channels, its last pair is sent.
    pub fn configure_pair(&self, first_channel: u16) {
        self.controls.first_channel.store(first_channel - 1, Relaxed);
        self.status.send_modify(|now| self.name_pair(&mut now.source));
        self.log_absent_pair();
    }

    /// Returns a sentence if the source lacks the pair that was asked for, so that its last one is heard.
    pub fn absent_pair(&self) -> Option<Plain> {
        let now = self.status.borrow();
        let wanted = u32::from(self.controls.first_channel.load(Relaxed)) + 1;
        let SourceView { channels, first_channel, name, .. } = &now.source;
        // The channels of a source that has gone are still known, but nobody hears them.
        (now.capture.is_some() && wanted > u32::from(*first_channel)).then(|| {
            let pair = match channels {
                1 => "its only channel is".to_owned(),
                _ => format!("channels {first_channel} and {} are", first_channel + 1),
            };
            Plain::of(format!(
                "There is no pair of channels {wanted} and {}: {name} has {channels}, and {pair} heard. Choose another pair \
                 on the page, or correct first_channel in the configuration.",
                wanted + 1
            ))
        })
    }

    fn log_absent_pair(&self) {
        if let Some(notice) = self.absent_pair() {
            tracing::warn!("{notice}");
        }
    }

    fn name_pair(&self, source: &mut SourceView) {
        let wanted = self.controls.first_channel.load(Relaxed);
        source.name_pair(wanted);
    }

    /// Checks whether the source has a pair that begins with `first_channel`, counted from 1. Never blocks.
    ///
    /// # Errors
    /// Why there is no such pair, in plain words.
    pub fn check_pair(&self, first_channel: u16) -> Result<(), String> {
        let channels = self.channels.load(Relaxed);
        // A single channel goes to both sides; then channel 1 is the only choice.
        let is_only = channels == 1 && first_channel == 1;
        if !is_only && (first_channel == 0 || first_channel >= channels) {
            return Err(format!(
                "There is no pair of channels {first_channel} and {}: the source has {channels}.",
                u32::from(first_channel) + 1
            ));
        }
        Ok(())
    }

    /// Selects the pair that begins with `first_channel`, counted from 1, for all listeners.
    ///
    /// # Errors
    /// As [`Self::check_pair`].
    pub fn set_pair(&self, first_channel: u16) -> Result<(), String> {
        self.check_pair(first_channel)?;
        if self.controls.first_channel.swap(first_channel - 1, Relaxed) == first_channel - 1 {
            return Ok(());
        }
        self.status.send_modify(|status| status.source.first_channel = first_channel);
        tracing::debug!("listeners now hear channels {first_channel} and {}", first_channel + 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::status::Capture;
    use crate::rt::thread::RtState;
    use crate::units::Hz;

    /// Returns what is said of a source with this many channels, if the configuration names this first channel.
    fn said(channels: u16, first_channel: u16) -> (NowPlaying, Option<Plain>) {
        let now_playing = NowPlaying::new(Arc::new(Controls::default()));
        let mut status = SourceStatus::unknown(1);
        status.source.name = "MODX".into();
        status.source.channels = channels;
        status.capture = Some(Capture {
            device: "hw:1".into(),
            path: "kernel_mmap",
            format: "S24_3LE",
            rate_hz: Hz(44_100),
            channels,
            period_frames: 128,
            real_time: RtState::default(),
        });
        now_playing.configure_pair(first_channel);
        now_playing.announce(status);
        let said = now_playing.absent_pair();
        (now_playing, said)
    }

    #[test]
    fn a_pair_that_the_source_lacks_is_told_until_another_is_chosen_or_the_source_goes() {
        for (channels, first_channel, expected) in [
            (1, 1, None),
            (2, 1, None),
            (8, 7, None),
            (1, 2, Some("There is no pair of channels 2 and 3: MODX has 1, and its only channel is heard.")),
            (2, 2, Some("There is no pair of channels 2 and 3: MODX has 2, and channels 1 and 2 are heard.")),
            (
                8,
                127,
                Some("There is no pair of channels 127 and 128: MODX has 8, and channels 7 and 8 are heard."),
            ),
        ] {
            let (now_playing, said) = said(channels, first_channel);
            match (&said, expected) {
                (Some(said), Some(expected)) => assert!(said.starts_with(expected), "{said}"),
                (said, expected) => assert_eq!(said.as_deref(), expected),
            }
            if channels > 1 {
                now_playing.set_pair(1).unwrap();
                assert_eq!(now_playing.absent_pair(), None);
            }
            now_playing.configure_pair(127);
            assert!(now_playing.absent_pair().is_some());
            now_playing.announce(SourceStatus::unknown(1));
            assert_eq!(now_playing.absent_pair(), None, "nothing plays");
        }
    }
}
