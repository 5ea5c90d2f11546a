//! Checks the service's certificates with an independent verifier (webpki, as rustls clients use it), and
//! checks what happens to them when time passes and when addresses or files change.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

mod judged;
mod renewal;
mod signing;
mod supplied;
