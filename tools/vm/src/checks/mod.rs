//! The checks, by what they are about. Each starts the service anew and leaves the instrument plugged in (from
//! `device::is_a_card` on), in time, playing its counters.

pub mod device;
pub mod faults;
pub mod real_time;
pub mod replug;
pub mod sound;
