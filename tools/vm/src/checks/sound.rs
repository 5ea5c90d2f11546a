//! Checks that every frame arrives in order.

use crate::instrument::Instrument;
use crate::listener::Listener;
use crate::order::Order;
use crate::patience::until;
use crate::service::Service;
use crate::tap::{Verdict, require};
use montage::signal::CHANNELS_MAX;

/// Frames to hear of each pair: more than the longest counter, so that each counter wraps around.
const PAIR_FRAMES: u64 = 70_000;
/// The fade between two pairs lasts 10 ms.
const FADE_FRAMES: u64 = 441;
/// Frames to hear with a crystal that is off: the service needs some seconds to measure it.
const DRIFT_FRAMES: u64 = 12 * 44_100;
/// Maximum error of the service's estimate.
const DRIFT_PPM: f64 = 50.0;

/// The service reports a loss within this many frames.
const NAMED_FRAMES: u64 = 4 * 44_100;
/// Maximum error of each reported loss, in frames.
const NAMED_OFF: u64 = 6;

/// Plays all seven pairs of neighbouring channels one after the other in one connection: the distance between
/// the instrument's frames and the service's index must not change.
pub fn every_pair_of(service: &Service) -> Verdict {
    let order = pairs_of(&Listener::new(service, 0)?, service)?;
    let missing = (order.missing_frames, order.gaps.values().sum::<u64>());
    require(missing == (0, 0), || format!("frames are missing, or said to be: {order:?}"))?;
    told(&order, service)
}

/// The same in a machine that is sometimes late for its instrument, such as one emulated in real time: its
/// losses must be reported.
pub fn every_pair_or_its_losses(service: &Service) -> Verdict {
    let listener = Listener::new(service, 0)?;
    let order = pairs_of(&listener, service)?;
    let named = listener.frames_more(NAMED_FRAMES)?.gaps.values().sum::<u64>();
    let missing = order.missing_frames.saturating_sub(NAMED_OFF * order.jumps);
    require(named >= missing, || format!("{named} frames are said to be missing: {order:?}"))?;
    let told = told(&order, service)?;
    Ok(format!("{told}\n{} frames missing, {named} said to be", order.missing_frames))
}

fn told(order: &Order, service: &Service) -> Verdict {
    let stream = service.status()?["stream"].clone();
    Ok(format!("{} frames in order on 7 pairs, {} in fades\n{stream}", order.frames, order.fade_frames))
}

fn pairs_of(listener: &Listener, service: &Service) -> Result<Order, String> {
    let mut order = listener.frames_more(PAIR_FRAMES)?;
    for first_channel in 1..CHANNELS_MAX - 1 {
        let fade_before = order.fade_frames;
        listener.switch_to(service, first_channel)?;
        order = listener.frames_more(PAIR_FRAMES)?;
        let fade = order.fade_frames - fade_before;
        require(fade <= FADE_FRAMES, || {
            format!("the fade to channel {} took {fade} frames", first_channel + 1)
        })?;
    }
    Ok(order)
}

/// Tests a crystal that is off from the moment of connecting.
pub fn drift(montage: &mut Instrument, ppm: i32) -> Verdict {
    montage.say("detach")?;
    montage.say(&format!("ppm {ppm}"))?;
    montage.say("attach")?;
    let service = Service::playing()?;
    let listener = Listener::new(&service, 0)?;
    let order = listener.frames_more(DRIFT_FRAMES)?;
    let missing = (order.missing_frames, order.gaps.values().sum::<u64>());
    require(missing == (0, 0), || format!("frames are missing, or said to be: {order:?}"))?;
    // The service counts a slow device as positive, this test a fast one.
    let known = || Ok::<_, String>(service.status()?["stream"]["drift_ppm"].as_f64());
    until("the drift is known", || Ok(known()?.is_some()))?;
    let measured = known()?.unwrap_or_default();
    require((measured + f64::from(ppm)).abs() < DRIFT_PPM, || format!("measured as {measured} ppm slow"))?;
    Ok(format!("{} frames in order; measured {measured} ppm slow", order.frames))
}
