//! What the service's certificates are worth, judged by a verifier that is not ours (webpki, the one rustls clients use),
//! and what becomes of them when time, addresses or files change.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

mod judged;
mod renewal;
mod signing;
mod supplied;
