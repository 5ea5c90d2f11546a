//! From one thread to another without either waiting: a bounded wait-free ring, and an eventfd that wakes who takes.
//!
//! What a thread that carries sound must have done elsewhere goes this way: no lock is in it, so none can be held by a thread
//! that is not scheduled. When the ring is full the giver is told at once and decides; nothing is kept beyond it.

use crate::error::{Error, Result};
use crate::sys::fds::Wake;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use rtrb::{Consumer, Producer, PushError, RingBuffer};
use std::os::fd::AsFd;
use std::sync::Arc;

/// How often who waits looks whether the other end is still there: nobody wakes it for that.
const LOOK_EVERY_MS: u16 = 500;

/// The end that gives.
#[derive(Debug)]
pub struct Giver<T> {
    ring: Producer<T>,
    wake: Arc<EventFd>,
}

/// The end that takes, not yet in a runtime.
#[derive(Debug)]
pub struct Untaken<T> {
    ring: Consumer<T>,
    wake: Arc<EventFd>,
}

/// The end that takes, on a thread that waits.
pub struct Waiter<T> {
    ring: Consumer<T>,
    wake: Arc<EventFd>,
}

/// The end that takes.
pub struct Taker<T> {
    ring: Consumer<T>,
    wake: Wake,
}

/// Both ends, with room for `most` things between them.
///
/// # Errors
/// When the kernel gives no eventfd.
pub fn handover<T>(most: usize) -> Result<(Giver<T>, Untaken<T>)> {
    let (giving, taking) = RingBuffer::new(most);
    let wake = EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)
        .map_err(|error| Error::new("cannot make the hand-over between two threads").because(error))?;
    let wake = Arc::new(wake);
    Ok((Giver { ring: giving, wake: Arc::clone(&wake) }, Untaken { ring: taking, wake }))
}

impl<T> Giver<T> {
    /// Hands it over; gives it back when there is no room.
    ///
    /// # Errors
    /// What was given.
    pub fn give(&mut self, thing: T) -> std::result::Result<(), T> {
        self.ring.push(thing).map_err(|PushError::Full(thing)| thing)?;
        let _ = self.wake.write(1); // saturated, it has woken the other end already
        Ok(())
    }
}

impl<T> Untaken<T> {
    /// Takes from now on, in the runtime this is called in.
    ///
    /// # Errors
    /// When tokio cannot watch the eventfd.
    pub fn here(self) -> Result<Taker<T>> {
        Ok(Taker { ring: self.ring, wake: Wake::watch(self.wake)? })
    }

    /// Takes from now on, on the calling thread.
    pub fn waiter(self) -> Waiter<T> {
        Waiter { ring: self.ring, wake: self.wake }
    }
}

/// The next thing, once there is one, until no more can come.
impl<T> Iterator for Waiter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            // Asked first: what was given before the other end was dropped is there by then.
            let is_last = self.ring.is_abandoned();
            if let Ok(thing) = self.ring.pop() {
                return Some(thing);
            }
            if is_last {
                return None;
            }
            let _ = poll(
                &mut [PollFd::new(self.wake.as_fd(), PollFlags::POLLIN)],
                PollTimeout::from(LOOK_EVERY_MS),
            );
            let _ = self.wake.read(); // nothing to read: it was not woken
        }
    }
}

impl<T> Taker<T> {
    /// The next thing, once there is one. May be cancelled.
    ///
    /// # Errors
    /// When the runtime is ending.
    pub async fn take(&mut self) -> Result<T> {
        loop {
            if let Ok(thing) = self.ring.pop() {
                return Ok(thing);
            }
            self.wake.woken().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_that_was_taken_in_comes_out_in_order_and_what_has_no_room_comes_back() {
        let (mut giver, untaken) = handover(3).unwrap();
        let mut taker = untaken.here().unwrap();
        assert_eq!([1, 2, 3, 4].map(|thing| giver.give(thing)), [Ok(()), Ok(()), Ok(()), Err(4)]);
        assert_eq!(taker.take().await.unwrap(), 1);
        giver.give(4).unwrap();
        for expected in 2..=4 {
            assert_eq!(taker.take().await.unwrap(), expected);
        }
        let waiting =
            std::thread::spawn(move || (5..1000).for_each(|thing| while giver.give(thing).is_err() {}));
        for expected in 5..1000 {
            assert_eq!(taker.take().await.unwrap(), expected);
        }
        waiting.join().unwrap();
    }
}
