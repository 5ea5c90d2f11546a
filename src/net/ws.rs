//! One listener's words: hello and goodbye, what it says and what is answered.
//!
//! The handshake ends on the thread of the pages ([`listen`]); the conversation is a task on the fan-out thread ([`converse`]),
//! where sound goes out beside it. tokio-tungstenite reads, and writes whole frames into the listener's line, which puts them
//! between the messages of sound.

use super::connection::Connection;
use super::control::{FromListener, ToListener};
use super::fan_out::{Room, Seat, Visitor};
use super::limits::{MESSAGE_BYTES_MAX, MESSAGES_PER_S_MAX};
use super::patience::Patient;
use super::refusals::Refusal;
use super::routes::Upgrade;
use super::settings::Settings;
use super::{Service, frames};
use crate::clock::mono_raw_now;
use crate::core::wire;
use crate::hub::SourceStatus;
use crate::hub::reports::{Report, Served};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

/// How soon after a listener's report the next is kept: one a second is asked for, and a page's timer may be early.
const REPORT_PAUSE: Duration = Duration::from_millis(900);
/// How long an answer may wait for room before the listener is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is looked at whether a listener may still listen: a key may have been set.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a session ends.
enum End {
    /// The listener left, or its connection did.
    Gone,
    /// We end it: code and reason.
    Close(CloseCode, String),
}

impl End {
    /// Somebody is turned away; it is counted under its name.
    fn refuse(service: &Service, refusal: Refusal, words: impl Into<String>) -> Self {
        service.refusals.count(refusal);
        Self::Close(refusal.code().into(), words.into())
    }
}

/// Hands a listener over to the fan-out thread, and waits until it has left; says no where there are too many.
pub(super) async fn listen(upgrade: Upgrade, service: Arc<Service>) {
    let Upgrade { connection, guest } = upgrade;
    let Ok(upgraded) = connection.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<Patient<Connection>>>() else {
        tracing::error!("a WebSocket came over something that is no connection of ours");
        return;
    };
    let connection = parts.io.into_inner().into_inner(); // a listener has bounds of its own
    if let Ok(listener) = service.hub.join() {
        let number = listener.number();
        let _seat = service.clients.enter(number, &guest);
        let visitor = Visitor { service: Arc::clone(&service), guest, number };
        service.door.hand_over(connection, parts.read_buf, visitor).await;
        return;
    }
    let mut socket =
        WebSocketStream::from_raw_socket(connection, Role::Server, Some(frames::limits(MESSAGE_BYTES_MAX)))
            .await;
    let reason = format!("{} people listen already, no more fit", service.hub.listening());
    service.refusals.count(Refusal::ListenersFull);
    frames::close(&mut socket, Refusal::ListenersFull.code().into(), reason).await;
}

/// Converses with a listener until it leaves or the service stops.
pub(super) async fn converse(room: &Room, seat: &Seat, said: Bytes) {
    let words = Words { room, seat };
    let mut socket = WebSocketStream::from_partially_read(
        words,
        said.into(),
        Role::Server,
        Some(frames::limits(MESSAGE_BYTES_MAX)),
    )
    .await;
    let end = Session::new(&mut socket, room, seat).run().await;
    if let End::Close(code, reason) = end {
        seat.line.borrow_mut().closing();
        frames::close(&mut socket, code, reason).await;
    }
}

/// A listener's connection as tungstenite sees it: what it writes goes between the messages of sound.
struct Words<'a> {
    room: &'a Room,
    seat: &'a Seat,
}

impl AsyncRead for Words<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut line = self.seat.line.borrow_mut();
        if line.is_broken() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        line.reader(context.waker());
        Pin::new(&mut line.connection).poll_read(context, into)
    }
}

impl AsyncWrite for Words<'_> {
    /// All or nothing: a piece of a frame must not stand between others.
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        let mut line = self.seat.line.borrow_mut();
        if line.is_broken() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if line.control(frames, context.waker(), &self.room.hub) {
            Poll::Ready(Ok(frames.len()))
        } else {
            Poll::Pending
        }
    }

    /// Goes out at once where it can; where not, the fan-out comes by.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.room.serve(self.seat);
        Poll::Ready(Ok(()))
    }

    /// The connection ends when the line does.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

/// A conversation under way.
struct Session<'a, 'w> {
    socket: &'a mut WebSocketStream<Words<'w>>,
    room: &'a Room,
    seat: &'a Seat,
    /// Incoming messages of this second.
    second_began: Instant,
    heard_this_second: u32,
    /// Before then another report is not kept.
    report_due: Instant,
    last_report: Report,
    /// When it is looked at whether it may still listen.
    look_due: Instant,
}

impl<'a, 'w> Session<'a, 'w> {
    fn new(socket: &'a mut WebSocketStream<Words<'w>>, room: &'a Room, seat: &'a Seat) -> Self {
        let now = Instant::now();
        Self {
            socket,
            room,
            seat,
            second_began: now,
            heard_this_second: 0,
            report_due: now,
            last_report: Report::default(),
            look_due: now + LOOK_EVERY,
        }
    }

    async fn run(mut self) -> End {
        let mut source = self.room.source.subscribe();
        let mut stop = self.room.stop.subscribe();
        let mut stopped = std::pin::pin!(super::stopped(&mut stop));
        let rate = self.room.layout().rate();
        let hello = self.hello(&source.borrow_and_update());
        if let Err(end) = self.send(hello).await {
            return end;
        }
        if self.room.layout().rate() != rate {
            return Self::comes_anew();
        }
        self.seat.line.borrow_mut().greeted();
        self.room.serve(self.seat); // from here on, not from after the next packet: that may begin a timeline
        if self.seat.line.borrow().serving().chunk_packets > 1 {
            self.seat.chunk_changed.notify_one();
        }
        loop {
            let done = tokio::select! {
                // Stopping first; what the listener says last.
                biased;
                () = &mut stopped => {
                    Err(End::Close(CloseCode::Away, "the service is stopping; it will be back".into()))
                }
                changed = source.changed() => match changed {
                    Ok(()) => {
                        let text = ToListener::Source { source: &source.borrow_and_update().source }.to_text();
                        self.send(text).await
                    }
                    Err(_) => Err(End::Close(CloseCode::Away, "the service is stopping".into())),
                },
                () = self.seat.rate_changed.notified() => Err(Self::comes_anew()),
                () = self.seat.chunk_changed.notified() => self.tell_chunk().await,
                () = sleep_until(self.look_due) => self.look(),
                message = self.socket.next() => self.heard(message).await,
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// A stream keeps its rate for as long as it lasts.
    fn comes_anew() -> End {
        End::Close(CloseCode::Restart, "another source plays, at another rate; listen again".into())
    }

    fn hello(&self, status: &SourceStatus) -> String {
        let layout = self.room.layout();
        ToListener::Hello {
            wire_version: wire::VERSION,
            server_version: env!("CARGO_PKG_VERSION"),
            format: "s16le",
            rate_hz: layout.rate().0,
            channels: wire::CHANNELS,
            period_frames: layout.period_frames(),
            chunk_frames: self.room.chunk_frames(1),
            source: &status.source,
        }
        .to_text()
    }

    async fn tell_chunk(&mut self) -> Result<(), End> {
        let Served { chunk_frames, why, .. } = self.served();
        self.send(ToListener::Chunk { chunk_frames, why }.to_text()).await
    }

    async fn send(&mut self, text: String) -> Result<(), End> {
        let bytes = text.len() as u64;
        match timeout(WRITE_TIMEOUT, self.socket.send(Message::text(text))).await {
            Ok(Ok(())) => {
                self.room.hub.totals.messages.fetch_add(1, Relaxed);
                self.room.hub.totals.bytes.fetch_add(bytes, Relaxed);
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// Answers what the listener said.
    async fn heard(&mut self, message: Option<Result<Message, WsError>>) -> Result<(), End> {
        let service = &self.seat.visitor.service;
        let refuse = |refusal, words: &str| Err(End::refuse(service, refusal, words));
        let text = match message {
            Some(Err(error)) => {
                return Err(match frames::fault(&error) {
                    Some((refusal, words)) => End::refuse(service, refusal, words),
                    None => End::Gone,
                });
            }
            Some(Ok(Message::Close(_))) => {
                self.seat.line.borrow_mut().closing();
                let _ = timeout(frames::CLOSE_TIMEOUT, self.socket.flush()).await; // tungstenite has the answer ready
                return Err(End::Gone);
            }
            None => return Err(End::Gone),
            Some(Ok(Message::Binary(_))) => {
                return refuse(
                    Refusal::MessageBinary,
                    "binary messages go from the service to the listener only",
                );
            }
            Some(Ok(Message::Text(text))) => Some(text),
            Some(Ok(_)) => None, // WebSocket's own pings are answered by tungstenite
        };
        if !self.may_speak() {
            return refuse(Refusal::MessagesTooMany, "too many messages: 50 a second are allowed");
        }
        let Some(text) = text else { return Ok(()) };
        let received_ns = mono_raw_now().0;
        match FromListener::parse(&text) {
            Err(reason) => refuse(Refusal::MessageUnknown, &reason),
            Ok(FromListener::Ping { id }) => {
                self.send(ToListener::Pong { id, received_ns, sent_ns: mono_raw_now().0 }.to_text()).await
            }
            Ok(FromListener::SetPair { first_channel }) => match self.set_pair(first_channel) {
                Ok(()) => Ok(()),
                Err(reason) => {
                    self.send(ToListener::Refused { about: "set_pair", reason: &reason }.to_text()).await
                }
            },
            Ok(FromListener::Report(report)) => {
                self.keep(report);
                Ok(())
            }
        }
    }

    /// Checks the wish here, and has it fulfilled where a disk may be waited for.
    fn set_pair(&self, first_channel: u16) -> Result<(), String> {
        let Visitor { service, guest, .. } = &self.seat.visitor;
        if !guest.grant(&service.access).set {
            service.refusals.count(Refusal::KeyMissing);
            return Err(
                "Changing the channels needs the settings key: enter it under Listeners and access.".into()
            );
        }
        self.room.hub.check_pair(first_channel)?;
        let wish = Settings { first_channel: Some(first_channel) };
        let given = self.room.wishes.borrow_mut().give(wish);
        given.map_err(|_| "The channels are being changed too often: try again in a moment.".into())
    }

    /// Looks whether it may still listen.
    fn look(&mut self) -> Result<(), End> {
        self.look_due = Instant::now() + LOOK_EVERY;
        let Visitor { service, guest, .. } = &self.seat.visitor;
        if guest.grant(&service.access).listen {
            return Ok(());
        }
        service.refusals.count(Refusal::KeyMissing);
        Err(End::Close(CloseCode::Policy, "A key is needed to listen now: enter it on the page.".into()))
    }

    /// Keeps a report and serves by it, unless the last one is younger than may be: counts only grow, so the next tells all of
    /// it.
    fn keep(&mut self, report: Report) {
        let now = Instant::now();
        if now < self.report_due {
            return;
        }
        self.report_due = now + REPORT_PAUSE;
        let facts = report.facts(&self.last_report);
        if self.seat.line.borrow_mut().adapt(facts) {
            self.seat.chunk_changed.notify_one();
        }
        self.last_report.clone_from(&report);
        if !self.room.hub.reports.keep(self.seat.visitor.number, report, self.served()) {
            self.room.hub.fan_out.reports_skipped.fetch_add(1, Relaxed);
        }
    }

    fn served(&self) -> Served {
        let serving = self.seat.line.borrow().serving();
        let queue_frames = self.room.chunk_frames(serving.queue_packets as u32);
        Served {
            chunk_frames: self.room.chunk_frames(serving.chunk_packets),
            queue_ms: (u64::from(queue_frames) * 1000 / u64::from(self.room.layout().rate().0)) as u32,
            why: serving.why,
        }
    }

    fn may_speak(&mut self) -> bool {
        let now = Instant::now();
        if now - self.second_began >= Duration::from_secs(1) {
            self.second_began = now;
            self.heard_this_second = 0;
        }
        self.heard_this_second += 1;
        self.heard_this_second <= MESSAGES_PER_S_MAX
    }
}
