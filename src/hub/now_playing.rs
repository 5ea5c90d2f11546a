//! What is heard: the source's status, and which of its channels.
//!
//! In: the status from the supervisor, the pair that is wished for. Out: the status as everybody sees it, and the pair for the capture
//! thread (`Controls`).

use crate::rt::counters::Controls;
use crate::rt::status::{SourceStatus, SourceView};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use tokio::sync::watch;

/// The source and the pair of channels that everybody hears.
#[derive(Debug)]
pub struct NowPlaying {
    /// Channels of the source, for threads that must not wait for a lock; 0 when unknown.
    channels: AtomicU16,
    status: watch::Sender<SourceStatus>,
    /// Wishes to the threads that carry sound.
    pub controls: Arc<Controls>,
}

impl NowPlaying {
    /// Nothing yet; the pair is the one that `controls` names.
    pub fn new(controls: Arc<Controls>) -> Self {
        let first_channel = controls.first_channel.load(Relaxed) + 1;
        let status = watch::Sender::new(SourceStatus::unknown(first_channel));
        Self { channels: AtomicU16::new(0), status, controls }
    }

    /// The source's status, now and whenever it changes.
    pub fn status(&self) -> watch::Receiver<SourceStatus> {
        self.status.subscribe()
    }

    /// Tells everybody of a change of the source.
    pub fn announce(&self, status: SourceStatus) {
        self.channels.store(status.source.channels, Relaxed);
        self.status.send_modify(|now| {
            *now = status;
            // The pair may have been changed since the status was put together.
            self.name_pair(&mut now.source);
        });
    }

    /// Lets everybody hear the pair that begins with `first_channel`, counted from 1, or the last one of a source that has
    /// fewer channels: what the configuration asks for.
    pub fn configure_pair(&self, first_channel: u16) {
        self.controls.first_channel.store(first_channel - 1, Relaxed);
        self.status.send_modify(|now| self.name_pair(&mut now.source));
    }

    fn name_pair(&self, source: &mut SourceView) {
        let wanted = self.controls.first_channel.load(Relaxed);
        source.name_pair(wanted);
    }

    /// Whether the source has the pair whose first channel is `first_channel`, counted from 1. Waits for nobody.
    ///
    /// # Errors
    /// Why there is no such pair, in plain words.
    pub fn check_pair(&self, first_channel: u16) -> Result<(), String> {
        let channels = self.channels.load(Relaxed);
        // One channel alone is heard on both sides: that is the one choice there is.
        let is_only = channels == 1 && first_channel == 1;
        if !is_only && (first_channel == 0 || first_channel >= channels) {
            return Err(format!(
                "There is no pair of channels {first_channel} and {}: the source has {channels}.",
                u32::from(first_channel) + 1
            ));
        }
        Ok(())
    }

    /// Lets everybody hear the pair whose first channel is `first_channel`, counted from 1.
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
