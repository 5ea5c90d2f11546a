//! The sound that listeners hear: the source's status, and the selected channels.
//!
//! In: the status from the supervisor, and the requested pair. Out: the status for all readers, and the pair for the
//! fan-out thread (`Controls`).

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
    }

    /// Selects the pair that begins with `first_channel`, counted from 1, as the configuration asks. If the source has
    /// fewer channels, its last pair is sent.
    pub fn configure_pair(&self, first_channel: u16) {
        self.controls.first_channel.store(first_channel - 1, Relaxed);
        self.status.send_modify(|now| self.name_pair(&mut now.source));
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
