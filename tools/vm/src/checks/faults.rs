//! The faults of a connected device, and how the service handles them.

use crate::checks::device::PCM;
use crate::instrument::Instrument;
use crate::listener::Listener;
use crate::patience::until;
use crate::service::Service;
use crate::tap::{Verdict, require};
use std::fmt::Write;
use std::fs::File;
use std::time::Duration;

/// The cause code for frames that the device never delivered.
const USB_LOSS: u16 = 2;
/// Packets lost at once: 0.125 to 100 ms.
const LOSSES: [u64; 12] = [1, 1, 2, 1, 3, 1, 8, 1, 80, 1, 800, 1];
/// Frames to hear before the first loss, so that the service knows the device's clock.
const CALM_FRAMES: u64 = 8 * 44_100;
/// Frames to hear after each loss; the service finds a loss within two and a half seconds.
const AFTER_FRAMES: u64 = 4 * 44_100;

/// Losses of different sizes: the device, the listener's counters and the service's ledger must agree.
pub fn lost_packets(montage: &mut Instrument) -> Verdict {
    let service = Service::playing()?;
    let listener = Listener::new(&service, 0)?;
    listener.frames_more(CALM_FRAMES)?;
    let mut told = String::new();
    for packets in LOSSES {
        let dropped_before = montage.count("dropped_frames")?;
        let (missing_before, said_before) = (listener.order()?.missing_frames, said_lost(&listener)?);
        montage.say(&format!("drop {packets}"))?;
        let order = listener.frames_more(AFTER_FRAMES)?;
        let dropped = montage.count("dropped_frames")? - dropped_before;
        let missing = order.missing_frames - missing_before;
        let said = said_lost(&listener)? - said_before;
        let _ = writeln!(
            told,
            "{packets} packets: {dropped} frames lost by the device, {missing} missing, {said} counted"
        );
        require(missing == dropped, || format!("more is missing than was lost: {told}"))?;
        require(said == dropped, || format!("the service counts wrongly: {told}"))?;
    }
    let status = service.status()?;
    let (losses, said) = (&status["losses"]["usb_loss"], said_lost(&listener)?);
    require(losses["frames"] == said, || {
        format!("the status says otherwise: {losses}, to listeners {said}")
    })?;
    let others = listener.order()?.gaps.keys().any(|cause| *cause != USB_LOSS);
    require(!others, || format!("other causes are blamed, too: {:?}", listener.order()))?;
    Ok(told)
}

fn said_lost(listener: &Listener) -> Result<u64, String> {
    Ok(listener.order()?.gaps.get(&USB_LOSS).copied().unwrap_or(0))
}

/// The device stalls twice for two seconds: the second stall shows whether the service recovered from the
/// first.
pub fn stall(montage: &mut Instrument) -> Verdict {
    let service = Service::playing()?;
    let listener = Listener::new(&service, 0)?;
    listener.frames_more(44_100)?;
    for _ in 0..2 {
        montage.say("stall")?;
        service.until_state("stalled")?;
        std::thread::sleep(Duration::from_secs(2));
        service.until_state("stalled")?;
        montage.say("resume")?;
        service.until_state("playing")?;
        listener.frames_more(44_100)?;
    }
    let order = listener.order()?;
    require(order.restarts == 2, || format!("the timeline began anew {} times, not 2", order.restarts))?;
    Ok(format!("{} frames in order", order.frames))
}

/// Tests a start of the service while another program has the device open.
pub fn busy() -> Verdict {
    until("the card is there", || Ok(std::path::Path::new(PCM).exists()))?;
    let other = File::open(PCM).map_err(|error| format!("{PCM}: {error}"))?;
    let service = Service::start(None)?;
    service.until_state("waiting")?;
    let notice =
        || Ok::<_, String>(service.status()?["source"]["notice"].as_str().unwrap_or_default().to_owned());
    until("it says that the device is busy", || Ok(notice()?.contains("Another program")))?;
    let notice = notice()?;
    drop(other);
    service.until_state("playing")?;
    let order = Listener::new(&service, 0)?.frames_more(44_100)?;
    Ok(format!("{notice}\n{} frames in order", order.frames))
}
