//! One listener's session: sound out, a few words in.
//!
//! Three bounds make "drop oldest" real: the listener's own queue, the kernel's unsent bytes (looked at before every
//! write, see `socket`), and tungstenite's write buffer (which holds one message). What does not fit waits in the queue,
//! where it can still be forgotten.

use super::control::{FromListener, ToListener};
use super::guest::Guest;
use super::limits::{MESSAGE_BYTES_MAX, MESSAGES_PER_S_MAX};
use super::refusals::Refusal;
use super::routes::Upgrade;
use super::settings::Settings;
use super::{Service, frames, socket};
use crate::clock::mono_raw_now;
use crate::core::cause::Cause;
use crate::core::packetizer::Packet;
use crate::core::wire::{self, ListenerNote};
use crate::hub::client_queue::Next;
use crate::hub::reports::Report;
use crate::hub::{Listener, RATE, SourceStatus};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

/// How soon after a listener's report the next is kept: one a second is asked for, and a page's timer may be early.
const REPORT_PAUSE: Duration = Duration::from_millis(900);
/// How long one write may take before the listener is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a listener is told its queue's age.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// How soon a full kernel buffer is looked at again: about one period.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// Messages of usual size the kernel may hold unsent.
const UNSENT_MESSAGES_MAX: usize = 2;

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

/// Plays to a listener until it leaves or the service stops.
pub(super) async fn listen(upgrade: Upgrade, service: Arc<Service>) {
    let Upgrade { connection, guest } = upgrade;
    let Ok(upgraded) = connection.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
        tracing::error!("a WebSocket came over something that is no TCP connection");
        return;
    };
    let stream = parts.io.into_inner();
    if let Err(error) = socket::prepare(&stream) {
        tracing::warn!(
            "cannot set a listener's socket options ({error}): its delay may grow when its network stalls"
        );
    }
    let mut socket = WebSocketStream::from_partially_read(
        stream,
        parts.read_buf.into(),
        Role::Server,
        Some(frames::limits(MESSAGE_BYTES_MAX)),
    )
    .await;
    let end = if let Ok(listener) = service.hub.join() {
        let _seat = service.clients.enter(listener.number(), &guest);
        Session::new(&mut socket, &service, listener, guest).run().await
    } else {
        let words = format!("{} people listen already, no more fit", service.hub.listening());
        End::refuse(&service, Refusal::ListenersFull, words)
    };
    if let End::Close(code, reason) = end {
        frames::close(&mut socket, code, reason).await;
    }
}

/// A listener being played to.
struct Session<'a> {
    socket: &'a mut WebSocketStream<TcpStream>,
    service: &'a Arc<Service>,
    listener: Listener,
    guest: Guest,
    /// Until when a full kernel buffer is left alone.
    pause: Option<Instant>,
    unsent_bytes_max: usize,
    note_due: Instant,
    /// Incoming messages of this second.
    second_began: Instant,
    heard_this_second: u32,
    /// Before then another report is not kept.
    report_due: Instant,
}

impl<'a> Session<'a> {
    fn new(
        socket: &'a mut WebSocketStream<TcpStream>,
        service: &'a Arc<Service>,
        listener: Listener,
        guest: Guest,
    ) -> Self {
        let now = Instant::now();
        let message_bytes = wire::HEAD_BYTES + service.hub.sizes().chunk_frames as usize * wire::FRAME_BYTES;
        Self {
            socket,
            service,
            listener,
            guest,
            pause: None,
            unsent_bytes_max: UNSENT_MESSAGES_MAX * message_bytes,
            note_due: now,
            second_began: now,
            heard_this_second: 0,
            report_due: now,
        }
    }

    async fn run(mut self) -> End {
        let mut source = self.service.hub.source();
        let mut stop = self.service.stop.clone();
        // Made once, not once a packet.
        let mut stopped = std::pin::pin!(super::stopped(&mut stop));
        let hello = self.hello(&source.borrow_and_update());
        if let Err(end) = self.send(Message::text(hello)).await {
            return end;
        }
        loop {
            let done = tokio::select! {
                // Stopping first; then sound, which nothing a listener says may delay; its words last.
                biased;
                () = &mut stopped => {
                    Err(End::Close(CloseCode::Away, "the service is stopping; it will be back".into()))
                }
                () = packet_waits(&self.listener, self.pause) => self.play_if_room().await,
                changed = source.changed() => match changed {
                    Ok(()) => {
                        let text = ToListener::Source { source: &source.borrow_and_update().source }.to_text();
                        self.send(Message::text(text)).await
                    }
                    Err(_) => Err(End::Close(CloseCode::Away, "the service is stopping".into())),
                },
                message = self.socket.next() => self.heard(message).await,
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    fn hello(&self, status: &SourceStatus) -> String {
        let sizes = self.service.hub.sizes();
        // A device may have settled on another period than was wished.
        let period_frames =
            status.capture.as_ref().map_or(sizes.period_frames, |capture| capture.period_frames);
        ToListener::Hello {
            wire_version: wire::VERSION,
            server_version: env!("CARGO_PKG_VERSION"),
            format: "s16le",
            rate_hz: RATE.0,
            channels: wire::CHANNELS,
            period_frames,
            chunk_frames: sizes.chunk_frames,
            source: &status.source,
        }
        .to_text()
    }

    /// Plays unless the kernel still holds unsent what it was given; then it is looked at again soon, and what waits
    /// meanwhile can still be forgotten.
    async fn play_if_room(&mut self) -> Result<(), End> {
        if socket::unsent_bytes(self.socket.get_ref()) > self.unsent_bytes_max {
            self.pause = Some(Instant::now() + LOOK_AGAIN);
            return Ok(());
        }
        self.pause = None;
        self.play().await
    }

    /// Writes the oldest packet that is left, with a note before it when one is due.
    async fn play(&mut self) -> Result<(), End> {
        let mut note = None;
        while let Some(next) = self.listener.queue.next() {
            match next {
                Next::Lost(lost) => {
                    note = Some(ListenerNote {
                        cause: Cause::QueueDrop.code(),
                        lost_packets: lost.packets,
                        lost_frames: lost.frames,
                        frame_index: lost.frame_index,
                        ..ListenerNote::default()
                    });
                }
                Next::Packet(packet) => {
                    let totals = &self.service.hub.totals;
                    totals.queue_age.add(mono_raw_now().since(packet.ready));
                    totals.queue_packets.add(self.listener.queue.len() as u64);
                    if note.is_some() || Instant::now() >= self.note_due {
                        self.tell(note.take().unwrap_or_default(), &packet).await?;
                    }
                    return self.send(Message::Binary(packet.bytes)).await;
                }
            }
        }
        Ok(())
    }

    /// Tells the listener how long the packet behind has waited, and what was lost before it.
    async fn tell(&mut self, note: ListenerNote, packet: &Packet) -> Result<(), End> {
        self.note_due = Instant::now() + NOTE_EVERY;
        if !self.guest.grant(&self.service.access).listen {
            return Err(End::Close(
                CloseCode::Policy,
                "A key is needed to listen now: enter it on the page.".into(),
            ));
        }
        let now = mono_raw_now();
        let frame_index = if note.lost_packets > 0 { note.frame_index } else { packet.frame_index };
        let note =
            ListenerNote { frame_index, queue_age_ns: now.since(packet.ready), sent_ns: now.0, ..note };
        self.send(Message::Binary(Bytes::copy_from_slice(&wire::listener(&note)))).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        let bytes = message.len() as u64;
        match timeout(WRITE_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => {
                let totals = &self.service.hub.totals;
                totals.messages.fetch_add(1, Relaxed);
                totals.bytes.fetch_add(bytes, Relaxed);
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// Answers what the listener said.
    async fn heard(&mut self, message: Option<Result<Message, WsError>>) -> Result<(), End> {
        let refuse = |refusal, words: &str| Err(End::refuse(self.service, refusal, words));
        let text = match message {
            Some(Err(error)) => {
                return Err(match frames::fault(&error) {
                    Some((refusal, words)) => End::refuse(self.service, refusal, words),
                    None => End::Gone,
                });
            }
            None | Some(Ok(Message::Close(_))) => return Err(End::Gone),
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
                let pong = ToListener::Pong { id, received_ns, sent_ns: mono_raw_now().0 };
                self.send(Message::text(pong.to_text())).await
            }
            Ok(FromListener::SetPair { first_channel }) => match self.set_pair(first_channel) {
                Ok(()) => Ok(()),
                Err(reason) => {
                    let refused = ToListener::Refused { about: "set_pair", reason: &reason };
                    self.send(Message::text(refused.to_text())).await
                }
            },
            Ok(FromListener::Report(report)) => {
                self.keep(report);
                Ok(())
            }
        }
    }

    fn set_pair(&self, first_channel: u16) -> Result<(), String> {
        if !self.guest.grant(&self.service.access).set {
            self.service.refusals.count(Refusal::KeyMissing);
            return Err("Changing the channels needs the settings key: enter it under Access.".into());
        }
        self.service.change_settings(&Settings { first_channel: Some(first_channel) })
    }

    /// Keeps a report, unless the last one is younger than may be: counts only grow, so the next tells all of it.
    fn keep(&mut self, report: Report) {
        let now = Instant::now();
        if now >= self.report_due {
            self.report_due = now + REPORT_PAUSE;
            self.listener.report(report);
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

/// Waits until `pause` is over and a packet is there. Takes nothing: it may be cancelled.
async fn packet_waits(listener: &Listener, pause: Option<Instant>) {
    if let Some(end) = pause {
        sleep_until(end).await;
    }
    listener.queue.filled().await;
}
