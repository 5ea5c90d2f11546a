//! Disconnects and reconnects the instrument many times.

use crate::checks::device::PCM;
use crate::instrument::Instrument;
use crate::listener::Listener;
use crate::patience::until;
use crate::proc::Held;
use crate::service::Service;
use crate::tap::{Verdict, require};
use std::path::Path;
use std::time::{Duration, Instant};

/// Maximum time from connecting to the first frame at a listener's socket, in the guest's time.
const BACK_TIME: Duration = Duration::from_secs(2);
/// Frames to hear between two disconnections.
const HEARD_FRAMES: u64 = 4_410;
/// Cycles before the service's resources are measured as the reference.
const SETTLED_CYCLES: u32 = 5;
/// Maximum growth of memory (an allocator's arenas), for any number of cycles.
const MEMORY_KIB: u64 = 2_048;
/// The device stays away for 0 to 480 ms: the service looks for a card every 500 ms, and the test must not
/// always meet the same moment.
const ABSENT_STEPS: u32 = 13;
const ABSENT_STEP: Duration = Duration::from_millis(40);
/// Number of times the device is disconnected too soon.
const FLUTTERS: u32 = 16;
/// Time by which each disconnection comes later than the last one.
const FLUTTER_STEP: Duration = Duration::from_millis(40);

/// `cycles` times: disconnects until the kernel has removed the card, then connects until frames arrive in
/// order again.
pub fn cycles(montage: &mut Instrument, cycles: u32) -> Verdict {
    let service = Service::playing()?;
    let listener = Listener::new(&service, 0)?;
    listener.frames_more(HEARD_FRAMES)?;
    let (mut back, mut card) = (Vec::new(), Vec::new());
    let mut held = None;
    for cycle in 0..cycles {
        montage.say("detach")?;
        until("the card is gone", || Ok(!Path::new(PCM).exists()))?;
        service.until_state("lost")?;
        std::thread::sleep(ABSENT_STEP * (cycle % ABSENT_STEPS));
        let plugged_in = Instant::now();
        montage.say("attach")?;
        card.push(until("the card is there", || Ok(Path::new(PCM).exists()))?);
        until("the sound is back", || Ok(listener.restarted_after(plugged_in).is_some()))?;
        let first = listener.restarted_after(plugged_in).unwrap_or(plugged_in);
        back.push(first - plugged_in);
        listener.frames_more(HEARD_FRAMES).map_err(|error| format!("cycle {cycle}: {error}"))?;
        if cycle == SETTLED_CYCLES {
            held = Some(Held::of(service.pid()));
        }
    }
    let order = listener.order()?;
    require(order.missing_frames == 0, || format!("frames are missing in running sound: {order:?}"))?;
    require(order.restarts == u64::from(cycles), || {
        format!("the timeline began anew {} times", order.restarts)
    })?;
    let slow = back.iter().filter(|time| **time > BACK_TIME).count();
    let told = format!(
        "from plugging in to the card: {}; to the first frame at the socket: {}\n{} frames in order",
        spread(&mut card),
        spread(&mut back),
        order.frames
    );
    require(slow == 0, || format!("{slow} times it took more than {BACK_TIME:?}: {told}"))?;
    if let Some(held) = held {
        let now = Held::of(service.pid());
        let grown = now.files > held.files
            || now.threads > held.threads
            || now.memory_kib > held.memory_kib + MEMORY_KIB;
        require(!grown, || format!("the service grows: {held:?}, then {now:?}"))?;
        return Ok(format!("{told}\n{now:?}"));
    }
    Ok(told)
}

/// Disconnects soon after the card appears, later each time: while it is found, opened and started. Then
/// leaves it connected.
pub fn flutter(montage: &mut Instrument) -> Verdict {
    let service = Service::playing()?;
    let listener = Listener::new(&service, 0)?;
    listener.frames_more(HEARD_FRAMES)?;
    for step in 0..FLUTTERS {
        montage.say("detach")?;
        until("the card is gone", || Ok(!Path::new(PCM).exists()))?;
        montage.say("attach")?;
        until("the card is there", || Ok(Path::new(PCM).exists()))?;
        std::thread::sleep(FLUTTER_STEP * step);
    }
    service.until_state("playing")?;
    let order = listener.frames_more(44_100)?;
    Ok(format!("{} frames in order, in {} timelines", order.frames, order.restarts + 1))
}

/// Minimum, median and maximum.
fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let ms = |index: usize| times.get(index).map_or(0, Duration::as_millis);
    format!(
        "{} / {} / {} ms (least, median, most)",
        ms(0),
        ms(times.len() / 2),
        ms(times.len().saturating_sub(1))
    )
}
