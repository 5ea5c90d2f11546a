//! From the hand-off to packets: drains what the capture thread has left, and says when there is more.

use crate::core::layout::Layout;
use crate::core::packetizer::{Gap, Packet, Packetizer};
use crate::error::Result;
use crate::hub::Sizes;
use crate::rt::ring::What;
pub use crate::rt::ring::{HandoffReader, RING_MARKS};
use crate::sys::fds::Wake;

/// The reader's end of the hand-off, on the thread that sends.
pub struct Pump {
    handoff: HandoffReader,
    packetizer: Packetizer,
    sizes: Sizes,
    /// That of the newest source.
    layout: Layout,
    wake: Wake,
}

impl Pump {
    /// In the runtime this is called in; packets of the sizes that are wished for.
    ///
    /// # Errors
    /// When tokio cannot watch the hand-off's descriptor.
    pub fn new(handoff: HandoffReader, sizes: Sizes) -> Result<Self> {
        let wake = Wake::watch(handoff.descriptor())?;
        let layout = sizes.expected;
        let packetizer = Packetizer::new(sizes.stream(&layout).packet_frames);
        Ok(Self { handoff, packetizer, sizes, layout, wake })
    }

    /// How the source is laid out whose frames were taken last.
    pub fn layout(&self) -> &Layout {
        &self.layout
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
        let Self { handoff, packetizer, sizes, layout, .. } = self;
        handoff.next(&mut |mark, samples| match mark.what {
            What::Audio => packetizer.audio(mark.span, mark.ready, samples, emit),
            What::Gap { cause, past } => {
                packetizer.gap(&Gap { span: mark.span, cause, past, found: mark.ready }, emit);
            }
            What::Restart(new) => {
                *layout = new;
                packetizer.restart(sizes.stream(&new).packet_frames, emit);
            }
            What::End => packetizer.flush(emit),
        })
    }
}
