//! The texts of a WebSocket, which travel besides the sound: tokio-tungstenite reads messages and answers pings. It writes
//! whole frames into the listener's queue, which sends them between messages of sound.

use super::connection::Connection;
use super::frames;
use super::transport::{ControlOut, Conversation, Ending, Incoming, Opening};
use crate::net::limits::MESSAGE_BYTES_MAX;
use crate::net::refusals::Refusal;
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::{SinkExt, StreamExt};
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

/// A connection in the form tungstenite needs.
struct Words {
    connection: Rc<RefCell<Connection>>,
    out: Rc<dyn ControlOut>,
}

impl AsyncRead for Words {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.out.watch(context)?;
        Pin::new(&mut *self.connection.borrow_mut()).poll_read(context, into)
    }
}

impl AsyncWrite for Words {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        self.out.write(frames, context)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.out.flush();
        Poll::Ready(Ok(()))
    }

    /// The link ends the connection, not tungstenite.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

/// The half that exchanges texts.
struct WebSocketConversation(WebSocketStream<Words>);

/// Returns the opening of a conversation on a connection from which these bytes have been read.
pub(super) fn opening(connection: Rc<RefCell<Connection>>, said: Bytes) -> Opening {
    Box::new(move |out| {
        Box::pin(async move {
            let limits = Some(frames::limits(MESSAGE_BYTES_MAX));
            let words = Words { connection, out };
            let socket = WebSocketStream::from_partially_read(words, said.into(), Role::Server, limits).await;
            Box::new(WebSocketConversation(socket)) as Box<dyn Conversation>
        })
    })
}

impl Conversation for WebSocketConversation {
    fn hear(&mut self) -> LocalBoxFuture<'_, Incoming> {
        Box::pin(async {
            match self.0.next().await {
                None => Incoming::Gone,
                Some(Err(error)) => match frames::fault(&error) {
                    Some((refusal, words)) => Incoming::Fault(refusal, words),
                    None => Incoming::Gone,
                },
                Some(Ok(Message::Close(_))) => Incoming::Goodbye,
                Some(Ok(Message::Binary(_))) => Incoming::Fault(
                    Refusal::MessageBinary,
                    "binary messages go from the service to the listener only".into(),
                ),
                Some(Ok(Message::Text(text))) => Incoming::Text(text.as_str().to_owned()),
                Some(Ok(_)) => Incoming::Nothing, // tungstenite answers WebSocket's own pings
            }
        })
    }

    fn say(&mut self, text: String) -> LocalBoxFuture<'_, io::Result<()>> {
        Box::pin(async { self.0.send(Message::text(text)).await.map_err(io::Error::other) })
    }

    fn close(&mut self, ending: Ending, words: String) -> LocalBoxFuture<'_, ()> {
        Box::pin(frames::close(&mut self.0, ending, words))
    }

    fn part(&mut self) -> LocalBoxFuture<'_, ()> {
        Box::pin(async {
            let _ = timeout(frames::CLOSE_TIMEOUT, self.0.flush()).await; // tungstenite has prepared the answer
        })
    }
}
