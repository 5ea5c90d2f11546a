//! Passes values from one thread to another without blocking either: a bounded wait-free ring, and an eventfd that wakes
//! the taker.
//!
//! Threads that carry sound delegate work this way. No lock is involved, so a thread that is not scheduled cannot hold one.
//! When the ring is full, the giver is told at once and decides what to do.

use crate::error::{Error, Result};
use crate::sys::fds::Wake;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use rtrb::{Consumer, Producer, PushError, RingBuffer};
use std::os::fd::AsFd;
use std::sync::Arc;

/// Interval, ms, at which a waiting taker checks that the giver still exists: nothing wakes the taker when the giver ends.
const LOOK_EVERY_MS: u16 = 500;

/// The giving end.
#[derive(Debug)]
pub struct Giver<T> {
    ring: Producer<T>,
    wake: Arc<EventFd>,
}

/// The taking end, before it is bound to a runtime or thread.
#[derive(Debug)]
pub struct Untaken<T> {
    ring: Consumer<T>,
    wake: Arc<EventFd>,
}

/// The taking end on a thread that blocks.
pub struct Waiter<T> {
    ring: Consumer<T>,
    wake: Arc<EventFd>,
}

/// The taking end in a tokio runtime.
pub struct Taker<T> {
    ring: Consumer<T>,
    wake: Wake,
}

/// Creates both ends, with room for `most` values between them.
///
/// # Errors
/// If the kernel provides no eventfd.
pub fn handover<T>(most: usize) -> Result<(Giver<T>, Untaken<T>)> {
    let (giving, taking) = RingBuffer::new(most);
    let wake = EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)
        .map_err(|error| Error::new("cannot make the hand-over between two threads").because(error))?;
    let wake = Arc::new(wake);
    Ok((Giver { ring: giving, wake: Arc::clone(&wake) }, Untaken { ring: taking, wake }))
}

impl<T> Giver<T> {
    /// Gives `thing` to the taker.
    ///
    /// # Errors
    /// `thing` itself if there is no room.
    pub fn give(&mut self, thing: T) -> std::result::Result<(), T> {
        self.ring.push(thing).map_err(|PushError::Full(thing)| thing)?;
        let _ = self.wake.write(1); // saturated, so the taker has already been woken
        Ok(())
    }
}

impl<T> Untaken<T> {
    /// Binds the taking end to the runtime this is called in.
    ///
    /// # Errors
    /// If tokio cannot watch the eventfd.
    pub fn here(self) -> Result<Taker<T>> {
        Ok(Taker { ring: self.ring, wake: Wake::watch(self.wake)? })
    }

    /// Binds the taking end to the calling thread.
    pub fn waiter(self) -> Waiter<T> {
        Waiter { ring: self.ring, wake: self.wake }
    }
}

/// Waits for the next value; ends when no more can come.
impl<T> Iterator for Waiter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            // Ask first: everything given before the giver was dropped is in the ring by then.
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
    /// Waits for the next value. May be cancelled.
    ///
    /// # Errors
    /// If the runtime is ending.
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
