//! A WebSocket over TCP or TLS, as the fan-out thread uses it: messages of sound go straight to the socket.
//!
//! The sound's bytes bypass tokio and tungstenite; tungstenite handles the texts (`words`).

use super::connection::Connection;
use super::frames;
use super::message::Message;
use super::messages::SharedMessages;
use super::transport::{Arrival, Ending, Link, Opening, Shared};
use super::ws_head::{HEAD_BYTES_MAX, PAYLOAD_BYTES_MAX, WsHead};
use super::{socket, words};
use crate::core::send_queue::{MessageLimits, Sent};
use crate::net::limits::MESSAGE_BYTES_MAX;
use crate::net::patience::Patient;
use crate::net::refusals::Refusal;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::rc::Rc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

/// The sending half.
pub(super) struct WebSocketLink {
    connection: Rc<RefCell<Connection>>,
    messages: SharedMessages,
    /// The rest of a message that was begun.
    rest: VecDeque<Bytes>,
}

impl WebSocketLink {
    pub(super) fn new(connection: Rc<RefCell<Connection>>, messages: SharedMessages) -> Self {
        Self { connection, messages, rest: VecDeque::new() }
    }

    /// Keeps what is left of these parts after `taken` bytes.
    fn keep_rest<const N: usize>(&mut self, parts: [Bytes; N], taken: usize) -> Sent {
        let mut skipped = taken;
        for mut part in parts {
            let of_this = skipped.min(part.len());
            part.advance(of_this);
            skipped -= of_this;
            if !part.is_empty() {
                self.rest.push_back(part);
            }
        }
        Sent { bytes: taken, is_whole: self.rest.is_empty() }
    }
}

impl Link for WebSocketLink {
    fn limits(&self) -> MessageLimits {
        MessageLimits { head_bytes_max: HEAD_BYTES_MAX, payload_bytes_max: PAYLOAD_BYTES_MAX }
    }

    fn unsent_bytes(&mut self) -> io::Result<Option<usize>> {
        let mut connection = self.connection.borrow_mut();
        Ok(connection.is_passed_on()?.then(|| socket::unsent_bytes(connection.tcp())))
    }

    fn unacknowledged_bytes(&self) -> usize {
        socket::unacknowledged_bytes(self.connection.borrow().tcp())
    }

    fn send(&mut self, message: &Message<'_>) -> io::Result<Sent> {
        let mut messages = self.messages.borrow_mut();
        let whole = messages.of(message);
        let Some(note) = message.note else {
            let bytes = self.connection.borrow_mut().send(&[IoSlice::new(whole)])?;
            let is_whole = bytes == whole.len();
            if !is_whole {
                self.rest.push_back(whole.slice(bytes..));
            }
            return Ok(Sent { bytes, is_whole });
        };
        let head = WsHead::binary(note.len() + message.bytes);
        let own = Bytes::from([head.as_bytes(), &note].concat());
        let records = whole.slice(whole.len() - message.bytes..);
        drop(messages);
        let taken = self.connection.borrow_mut().send(&[IoSlice::new(&own), IoSlice::new(&records)])?;
        Ok(self.keep_rest([own, records], taken))
    }

    fn send_control(&mut self, frames: &mut BytesMut) -> io::Result<Sent> {
        let taken = self.connection.borrow_mut().send(&[IoSlice::new(frames)])?;
        if taken == frames.len() {
            frames.clear();
            return Ok(Sent { bytes: taken, is_whole: true });
        }
        let frames = frames.split().freeze();
        Ok(self.keep_rest([frames], taken))
    }

    fn finish(&mut self) -> io::Result<Sent> {
        let mut bytes = 0;
        while let Some(part) = self.rest.front_mut() {
            match self.connection.borrow_mut().send(&[IoSlice::new(part)]) {
                Ok(taken) => {
                    bytes += taken;
                    part.advance(taken);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && bytes > 0 => break,
                Err(error) => return Err(error),
            }
            if !part.is_empty() {
                break;
            }
            self.rest.pop_front();
        }
        Ok(Sent { bytes, is_whole: self.rest.is_empty() })
    }
}

/// A connection that has become a WebSocket.
pub(in crate::net) struct WebSocketArrival {
    connection: Connection,
    /// Bytes already read from the connection.
    said: Bytes,
}

impl WebSocketArrival {
    /// Waits until the answer to the request has been sent; `None` if the connection broke before.
    pub(in crate::net) async fn after(upgrade: OnUpgrade) -> Option<Self> {
        let Ok(parts) = upgrade.await.ok()?.downcast::<TokioIo<Patient<Connection>>>() else {
            tracing::error!("a WebSocket came over something that is no connection of ours");
            return None;
        };
        let connection = parts.io.into_inner().into_inner(); // a listener has its own limits
        Some(Self::over(connection, parts.read_buf))
    }

    /// Wraps a connection from which these bytes have been read.
    pub(in crate::net) fn over(connection: Connection, said: Bytes) -> Self {
        Self { connection, said }
    }
}

impl Arrival for WebSocketArrival {
    fn settle(self: Box<Self>, shared: &Shared, dscp: Option<u8>) -> io::Result<(Box<dyn Link>, Opening)> {
        let Self { mut connection, said } = *self;
        connection.move_here()?;
        // Ignore a failure: it costs only these options, and this thread must not log.
        let _ = socket::prepare(connection.tcp(), dscp);
        let connection = Rc::new(RefCell::new(connection));
        let link = WebSocketLink::new(Rc::clone(&connection), Rc::clone(&shared.web_socket));
        Ok((Box::new(link), words::opening(connection, said)))
    }

    fn turn_away(self: Box<Self>, refusal: Refusal, words: String) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let limits = Some(frames::limits(MESSAGE_BYTES_MAX));
            let mut socket = WebSocketStream::from_raw_socket(self.connection, Role::Server, limits).await;
            frames::close(&mut socket, Ending::Refused(refusal), words).await;
        })
    }
}
