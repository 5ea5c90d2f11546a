//! Echoes WebSocket messages for conformance tests: `cargo run --features hostile --example websocket_echo -- ADDR:PORT`.

use synthwire::net::hostile;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".into());
    let listener = TcpListener::bind(&address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    hostile::echo(listener).await;
}
