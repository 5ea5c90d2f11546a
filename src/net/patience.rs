//! A connection whose other side has limited time to take the answer. A client that never reads is
//! disconnected within seconds, however much data waits for it.
//!
//! [`Taking`] computes the limits and is pure; [`Patient`] applies them to a stream.

use super::limits::{ANSWER_STALLED_MAX, ANSWER_TIMEOUT};
use std::future::Future as _;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Progress of an answer.
#[derive(Clone, Copy, Debug, Default)]
struct Taking(Option<Since>);

/// The moments at which the waiting began and the other side last took something.
#[derive(Clone, Copy, Debug)]
struct Since {
    began: Instant,
    moved: Instant,
}

impl Taking {
    /// Records that the other side took some bytes, or that there are new bytes to take.
    fn moved(&mut self, now: Instant) {
        let began = self.0.map_or(now, |since| since.began);
        self.0 = Some(Since { began, moved: now });
    }

    /// Records that the other side took all bytes.
    fn done(&mut self) {
        self.0 = None;
    }

    /// Returns the time by which the other side must take more.
    fn until(&mut self, bounds: Bounds, now: Instant) -> Instant {
        let since = *self.0.get_or_insert(Since { began: now, moved: now });
        (since.moved + bounds.stalled).min(since.began + bounds.whole)
    }
}

/// Time limits of an answer.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The limit for taking at least one byte.
    stalled: Duration,
    /// The limit for the whole answer.
    whole: Duration,
}

const BOUNDS: Bounds = Bounds { stalled: ANSWER_STALLED_MAX, whole: ANSWER_TIMEOUT };

/// A stream that ends if its other side takes too long.
pub(super) struct Patient<T> {
    stream: T,
    bounds: Bounds,
    taking: Taking,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<T> Patient<T> {
    pub(super) fn new(stream: T) -> Self {
        Self::within(stream, BOUNDS)
    }

    fn within(stream: T, bounds: Bounds) -> Self {
        Self { stream, bounds, taking: Taking::default(), alarm: None }
    }

    /// Returns the stream, for a user with limits of its own.
    pub(super) fn into_inner(self) -> T {
        self.stream
    }

    /// Returns the result of a write or a flush, or an error once its time is up.
    fn in_time<R>(&mut self, context: &mut Context<'_>, tried: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        let now = Instant::now();
        let until = self.taking.until(self.bounds, now);
        if tried.is_ready() && now < until {
            return tried;
        }
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if alarm.deadline() != until {
            alarm.as_mut().reset(until);
        }
        ready!(alarm.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the other side does not take its answer")))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Patient<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, into)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Patient<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let patient = self.get_mut();
        let tried = Pin::new(&mut patient.stream).poll_write(context, bytes);
        if matches!(tried, Poll::Ready(Ok(_))) {
            patient.taking.moved(Instant::now());
        }
        patient.in_time(context, tried)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let patient = self.get_mut();
        let tried = Pin::new(&mut patient.stream).poll_flush(context);
        if matches!(tried, Poll::Ready(Ok(()))) {
            patient.taking.done();
            return tried;
        }
        patient.in_time(context, tried)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let patient = self.get_mut();
        let tried = Pin::new(&mut patient.stream).poll_shutdown(context);
        patient.in_time(context, tried)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[test]
    fn an_answer_must_move_and_must_end() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut taking = Taking::default();
        taking.moved(at(0));
        assert_eq!(taking.until(BOUNDS, at(3)), at(10), "it stands still");
        for s in 1..=55 {
            taking.moved(at(s));
        }
        assert_eq!(taking.until(BOUNDS, at(56)), at(60), "it trickles");
        taking.done();
        assert_eq!(taking.until(BOUNDS, at(200)), at(210), "the next one");
    }

    #[tokio::test]
    async fn who_never_reads_and_who_trickles_is_gone_and_who_reads_is_served() {
        const SOON: Duration = Duration::from_millis(50);
        let (near, _silent) = duplex(64);
        let mut patient = Patient::within(near, Bounds { stalled: SOON, whole: Duration::MAX / 4 });
        let error = patient.write_all(&[7; 4096]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "it never reads");

        let (near, mut slow) = duplex(8);
        let mut patient = Patient::within(near, Bounds { stalled: Duration::from_secs(60), whole: SOON });
        let trickling = tokio::spawn(async move {
            while slow.read_u8().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let error = patient.write_all(&vec![7; 1 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "it trickles");
        drop(patient);
        trickling.await.unwrap();

        let (near, mut far) = duplex(64);
        let mut patient = Patient::new(near);
        let mut heard = Vec::new();
        let (written, read) = tokio::join!(
            async {
                let written = patient.write_all(&[7; 4096]).await;
                patient.shutdown().await.unwrap();
                written
            },
            far.read_to_end(&mut heard)
        );
        assert_eq!((written.unwrap(), read.unwrap()), ((), 4096));
    }
}
