//! From the hand-off to packets: drains what the capture thread has left into every rendition, and says when there is more.

use super::rendition::{self, Rendition};
use crate::core::layout::Layout;
use crate::core::mix::MixSettings;
use crate::core::packetizer::Packet;
use crate::error::Result;
use crate::hub::{Controls, Sizes};
use crate::rt::ring::What;
pub use crate::rt::ring::{HandoffReader, RING_MARKS};
use crate::sys::fds::Wake;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// The reader's end of the hand-off, on the thread that sends.
pub struct Pump {
    handoff: HandoffReader,
    controls: Arc<Controls>,
    renditions: Vec<Rendition>,
    /// That of the newest source.
    layout: Layout,
    wake: Wake,
}

impl Pump {
    /// In the runtime this is called in; packets of the sizes and channels that are asked for.
    ///
    /// # Errors
    /// When tokio cannot watch the hand-off's descriptor.
    pub fn new(handoff: HandoffReader, sizes: &Sizes, controls: Arc<Controls>) -> Result<Self> {
        let wake = Wake::watch(handoff.descriptor())?;
        Ok(Self { handoff, controls, renditions: rendition::all(sizes), layout: sizes.expected, wake })
    }

    /// How the source is laid out whose frames were taken last.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What can be heard, by number: always the same.
    pub fn renditions(&self) -> &[Rendition] {
        &self.renditions
    }

    /// Waits until the capture thread has left something. May be cancelled.
    ///
    /// # Errors
    /// When the runtime is ending.
    pub async fn woken(&self) -> Result<()> {
        self.wake.woken().await
    }

    /// Takes the next thing that was left, which may complete packets; false when there is nothing.
    pub fn take(&mut self, emit: &mut impl FnMut(Packet)) -> bool {
        let Self { handoff, controls, renditions, layout, .. } = self;
        let settings = MixSettings { first_channel: controls.first_channel.load(Relaxed) };
        handoff.next(&mut |mark, frames| {
            if let What::Restart(new) = mark.what {
                *layout = new;
            }
            for rendition in renditions.iter_mut() {
                rendition.take(mark, frames, settings, emit);
            }
        })
    }
}
