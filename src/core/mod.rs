//! Arithmetic only: no I/O, no clock, no thread. Time comes in as an argument.

#![deny(clippy::disallowed_methods)]

pub mod ack_age;
pub mod adaptation;
pub mod backlog;
pub mod cause;
pub mod codec;
pub mod continuity;
pub mod convert;
pub mod histogram;
pub mod layout;
pub mod liveness;
pub mod log_buckets;
pub mod mix;
pub mod packetizer;
pub mod rounding;
pub mod send_queue;
pub mod timeline;
pub mod wire;
