//! Turns the hand-off into packets: feeds everything the capture thread has left to every rendition, and waits for more.

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

/// The reader's end of the hand-off, on the fan-out thread.
pub struct Pump {
    handoff: HandoffReader,
    controls: Arc<Controls>,
    renditions: Vec<Rendition>,
    /// The newest source's layout.
    layout: Layout,
    wake: Wake,
}

impl Pump {
    /// Creates a pump in the current runtime. `sizes` and `controls` choose the size and channels of the packets.
    ///
    /// # Errors
    /// If tokio cannot watch the hand-off's descriptor.
    pub fn new(handoff: HandoffReader, sizes: &Sizes, controls: Arc<Controls>) -> Result<Self> {
        let wake = Wake::watch(handoff.descriptor())?;
        Ok(Self { handoff, controls, renditions: rendition::all(sizes), layout: sizes.expected, wake })
    }

    /// Returns the layout of the source whose frames were taken last.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns all renditions by number; the list never changes.
    pub fn renditions(&self) -> &[Rendition] {
        &self.renditions
    }

    /// Waits until the capture thread has left something. May be cancelled.
    ///
    /// # Errors
    /// If the runtime is ending.
    pub async fn woken(&self) -> Result<()> {
        self.wake.woken().await
    }

    /// Takes the next mark from the hand-off, which may complete packets; returns false if there is none.
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
