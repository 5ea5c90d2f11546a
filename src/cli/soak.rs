//! `synthwire soak`: watches a running service for hours, as a listener and through `/api/status`, and ends with a verdict.
//!
//! The soak starts nothing and changes nothing: it is one more listener and asks for the status every few seconds. `verdict`
//! judges what it saw.

use super::arguments::Configured;
use super::asking::{self, KEY_VARIABLE, ServiceAnswer};
use super::terminal::{is_watched, renew, say, say_lines};
use super::verdict::{Ear, Verdict, Watch, parse_span, progress};
use crate::clock::mono_raw_now;
use crate::core::layout::RATES;
use crate::error::{Error, Result};
use crate::sys::signals;
use crate::units::Hz;
use clap::Args;
use futures_util::StreamExt;
use serde_json::Value;
use std::net::Ipv6Addr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// Interval at which the soak asks the service and renews the line on a terminal.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Looks per line of output if there is no terminal: one line in ten minutes.
const LOOKS_PER_LINE: u64 = 120;
/// Maximum time for an answer, and maximum silence of the sound; anything longer counts as a fault.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause before the next attempt to listen.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What to watch, and for how long.
#[derive(Debug, Args)]
pub(super) struct SoakArguments {
    /// Duration: 24h, 90m, 1h30m, 45s
    #[arg(value_name = "TIME", value_parser = parse_span)]
    wanted_ns: u64,
    #[arg(
        long,
        value_name = "HOST:PORT",
        value_parser = parse_address,
        help = "Where the service answers over HTTP [default: where 'serve' of this configuration does]; a listening key is \
                taken from the variable SYNTHWIRE_KEY"
    )]
    address: Option<String>,
    #[command(flatten)]
    configured: Configured,
}

/// Reads a host and a port; also from a URL, as the log prints it.
fn parse_address(text: &str) -> std::result::Result<String, String> {
    let (scheme, rest) =
        text.trim().split_once("://").map_or((None, text.trim()), |(scheme, rest)| (Some(scheme), rest));
    if scheme.is_some_and(|scheme| !scheme.eq_ignore_ascii_case("http")) {
        return Err("this asks over HTTP: name the service's HTTP port, such as synthwire.local:80".into());
    }
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if place.parse::<Ipv6Addr>().is_ok() {
        return Err(format!("an IPv6 address stands in brackets, before the port: [{place}]:80"));
    }
    let is_host = |host: &str| !host.is_empty() && (!host.contains(':') || host.ends_with(']'));
    match place.rsplit_once(':').filter(|(host, _)| is_host(host)) {
        Some((_, port)) if port.parse::<u16>().is_ok_and(|port| port > 0) => Ok(place.to_owned()),
        None if is_host(place) && scheme.is_some() => Ok(format!("{place}:80")), // as every URL means it
        _ => Err("the port is missing, or is none: HOST:PORT, such as synthwire.local:80".into()),
    }
}

/// The address of the service, and the means to connect to it.
struct Way {
    address: String,
    /// The `Authorization` header, if there is a key.
    key: Option<HeaderValue>,
}

pub(super) fn run(arguments: &SoakArguments) -> Result<ExitCode> {
    let key = std::env::var(KEY_VARIABLE)
        .ok()
        .map(|key| HeaderValue::try_from(format!("Bearer {key}")))
        .transpose();
    let key = key.map_err(|error| Error::new(format!("{KEY_VARIABLE} holds no key")).because(error))?;
    let address = if let Some(address) = &arguments.address {
        address.clone()
    } else {
        let configured = &arguments.configured;
        asking::place(&configured.read()?.config, configured.is_systems()).to_string()
    };
    let way = Arc::new(Way { address, key });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new("cannot start the network runtime").because(error))?;
    let done = runtime.block_on(soak(way, arguments.wanted_ns));
    runtime.shutdown_background(); // do not wait for an answer that arrives too slowly
    done
}

async fn soak(way: Arc<Way>, wanted_ns: u64) -> Result<ExitCode> {
    // Report at once, not after a day, if the soak is pointless.
    let first = way.status().await?;
    if first["source"]["state"] != "playing" {
        let notice = first["source"]["notice"].as_str().unwrap_or_default();
        return Err(Error::new(format!("nothing plays there: {notice}")).try_this("Start again when it does"));
    }
    let rate = Hz(first["stream"]["rate_hz"]
        .as_u64()
        .and_then(|hz| u32::try_from(hz).ok())
        .unwrap_or(RATES[0].0)
        .max(1));
    let mut watch = Watch::default();
    watch.look(Some(&first));
    let began = mono_raw_now();
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look.tick().await; // the first tick comes at once
    // No code from here to the loop may wait: an interrupt must work as soon as the listener is visible.
    let ear: Arc<Mutex<Ear>> = Arc::default();
    let listening = tokio::spawn(listen(Arc::clone(&way), Arc::clone(&ear)));
    let mut stop = std::pin::pin!(signals::asked_to_stop());
    let mut looks = 0;
    let whole = loop {
        let left = wanted_ns.saturating_sub(mono_raw_now().since(began));
        tokio::select! {
            signal = &mut stop => { signal?; break false }
            () = sleep(Duration::from_nanos(left)) => break true,
            _ = look.tick() => {
                watch.look(way.status().await.ok().as_ref());
                looks += 1;
                show(&progress(&locked(&ear), &watch, (mono_raw_now().since(began), wanted_ns)), looks);
            }
        }
    };
    listening.abort();
    watch.look(way.status().await.ok().as_ref());
    // The timer uses another clock than ours, so let the timer decide whether the time is complete.
    let elapsed_ns = mono_raw_now().since(began).max(if whole { wanted_ns } else { 0 });
    let ear = locked(&ear).clone();
    let verdict = Verdict::of(&ear, &watch, rate, elapsed_ns);
    if is_watched() {
        say("");
    }
    say(progress(&ear, &watch, (elapsed_ns, wanted_ns)));
    say_lines(&verdict.words(elapsed_ns, wanted_ns));
    Ok(if verdict.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Shows the progress: in place on a terminal, from time to time in a log.
fn show(line: &str, looks: u64) {
    if is_watched() {
        renew(line);
    } else if looks % LOOKS_PER_LINE == 1 {
        say(line);
    }
}

fn locked(ear: &Mutex<Ear>) -> MutexGuard<'_, Ear> {
    ear.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens forever: counts each connection that ends, and makes a new one.
async fn listen(way: Arc<Way>, ear: Arc<Mutex<Ear>>) {
    loop {
        // The service's log tells why the connection ended; here only the count matters.
        let _ = hear(&way, &ear).await;
        locked(&ear).lose_connection();
        sleep(AGAIN_AFTER).await;
    }
}

/// Listens until the connection ends, or nothing has come for too long.
async fn hear(way: &Way, ear: &Mutex<Ear>) -> Option<()> {
    let mut request = format!("ws://{}/ws", way.address).into_client_request().ok()?;
    if let Some(key) = &way.key {
        request.headers_mut().insert("authorization", key.clone());
    }
    let stream = timeout(PATIENCE, TcpStream::connect(&way.address)).await.ok()?.ok()?;
    let (mut socket, _) = timeout(PATIENCE, client_async(request, stream)).await.ok()?.ok()?;
    loop {
        match timeout(PATIENCE, socket.next()).await.ok()?? {
            Ok(Message::Binary(bytes)) => locked(ear).hear(&bytes, mono_raw_now()),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

impl Way {
    /// Fetches `/api/status`.
    async fn status(&self) -> Result<Value> {
        let address = self.address.clone();
        let asked = spawn_blocking(move || asking::status_at(&address));
        let answer = match timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => ServiceAnswer::Nobody(error.to_string()),
            Err(_) => ServiceAnswer::Nobody("no answer came in time".into()),
        };
        answer.status(&self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::parse_address;

    #[test]
    fn an_address_is_taken_as_the_log_prints_it_and_without_a_port_is_refused_in_words() {
        for (typed, place) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("HTTP://[::1]:8080/", "[::1]:8080"),
            (" http://synthwire.local/#listen", "synthwire.local:80"),
            ("http://[::1]", "[::1]:80"),
            ("[fe80::1%eth0]:80", "[fe80::1%eth0]:80"),
        ] {
            assert_eq!(parse_address(typed), Ok(place.to_owned()), "{typed}");
        }
        for (typed, said) in [
            ("127.0.0.1", "the port is missing"),
            ("synthwire.local", "the port is missing"),
            ("synthwire.local:http", "the port is missing, or is none"),
            ("synthwire.local:0", "the port is missing, or is none"),
            (":8080", "the port is missing"),
            ("http://", "the port is missing"),
            ("[::1]", "the port is missing"),
            ("::1", "in brackets, before the port: [::1]:80"),
            ("https://synthwire.local", "this asks over HTTP"),
        ] {
            assert!(parse_address(typed).unwrap_err().contains(said), "{typed}");
        }
    }
}
