//! From the hand-off to the hub: wakes with the capture thread, drains everything, makes packets.

use super::Hub;
use crate::core::packetizer::{Gap, Packetizer};
use crate::error::Result;
use crate::rt::ring::{HandoffReader, What};
use crate::sys::fds::Wake;
use std::sync::Arc;

/// Moves packets until its descriptor fails, which it never does; end it by dropping the future.
///
/// # Errors
/// When tokio cannot watch the hand-off's descriptor.
pub async fn pump(mut handoff: HandoffReader, hub: Arc<Hub>) -> Result<()> {
    let wake = Wake::watch(handoff.descriptor())?;
    let mut packetizer = Packetizer::new(hub.sizes().chunk_frames);
    loop {
        wake.woken().await?;
        while take_one(&mut handoff, &mut packetizer, &hub) {}
    }
}

fn take_one(handoff: &mut HandoffReader, packetizer: &mut Packetizer, hub: &Hub) -> bool {
    let mut emit = |packet| hub.publish(&packet);
    handoff.next(&mut |mark, samples| match mark.what {
        What::Audio => packetizer.audio(mark.span, mark.ready, samples, &mut emit),
        What::Gap { cause, past } => {
            packetizer.gap(&Gap { span: mark.span, cause, past, found: mark.ready }, &mut emit);
        }
        What::Restart => packetizer.restart(&mut emit),
        What::End => packetizer.flush(&mut emit),
    })
}
