//! Arithmetic only: no I/O, no clock, no thread. Time comes in as an argument.

#![deny(clippy::disallowed_methods)]

pub mod cause;
pub mod continuity;
pub mod convert;
pub mod drop_oldest;
pub mod histogram;
pub mod packetizer;
pub mod timeline;
pub mod wire;
