//! `vm` runs in the guest of `make test-vm`, as root, beside the service, the virtual MONTAGE and strace. It
//! prints its results as TAP on standard output. docs/develop/vm.md says what they prove and what they cannot
//! prove.
//!
//! `vm CYCLES`: the number of times that the instrument is disconnected and reconnected.
//! `vm listen HOST:PORT` runs on the host of `make test-image`: checks that every frame of every pair arrives
//! from there in order.
//!
//! In the order of a check: [`instrument`] and [`service`] start · [`listener`] receives, [`records`] parses,
//! [`order`] keeps the ledger · [`proc`] and [`strace`] observe the service from outside · [`checks`] judge ·
//! [`tap`] reports.

mod checks;
mod instrument;
mod listener;
mod order;
mod patience;
mod proc;
mod records;
mod service;
mod strace;
mod tap;

use checks::{device, faults, real_time, replug, sound};
use instrument::Instrument;
use service::Service;
use tap::Tap;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut tap = Tap::default();
    let cycles = match words.as_slice() {
        [verb, address] if verb == "listen" => {
            let service = Service::at(address);
            tap.check("every frame of every pair comes in order, and losses are named", || {
                sound::every_pair_or_its_losses(&service)
            });
            return tap.end();
        }
        [number, ..] => number.parse().unwrap_or(100),
        [] => 100,
    };
    let mut montage = match Instrument::start("/montage", None) {
        Ok(montage) => montage,
        Err(why) => {
            tap.check("the virtual MONTAGE starts", || Err(why));
            return tap.end();
        }
    };
    let it = &mut montage;
    tap.check("without an instrument the service says so and waits", device::absent);
    tap.check("a card of another maker is left alone", device::another_maker);
    tap.check("the kernel takes it for a sound card and a MIDI port", || device::is_a_card(it));
    tap.check(
        "8 channels S24_3LE at 44.1 kHz are negotiated, through the card's own mmap",
        device::negotiated,
    );
    tap.check("notes go both ways through the MIDI port", || device::midi(it));
    tap.check("every frame of every pair comes in order", || {
        Service::playing().and_then(|service| sound::every_pair_of(&service))
    });
    tap.check("a device 300 ppm fast loses nothing, and is measured", || sound::drift(it, 300));
    tap.check("a device 300 ppm slow loses nothing, and is measured", || sound::drift(it, -300));
    tap.check("a device in time loses nothing, and is measured", || sound::drift(it, 0));
    tap.check("the capture thread holds SCHED_FIFO 70 and locked memory", real_time::priority);
    tap.check("the capture thread makes the system calls it may and no others", real_time::system_calls);
    tap.check("lost packets are found and every frame of them counted", || faults::lost_packets(it));
    tap.check("a device that stands still is told from one that plays", || faults::stall(it));
    tap.check("a device that is busy is waited for", faults::busy);
    tap.check(&format!("{cycles} of {cycles} times unplugged, the sound comes back"), || {
        replug::cycles(it, cycles)
    });
    tap.check("a device pulled out while it is opened is no trouble", || replug::flutter(it));
    tap.end();
}
