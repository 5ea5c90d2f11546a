//! The checks, by subject. Each check restarts the service and leaves the instrument connected (from
//! `device::is_a_card` on), on time, playing its counters.

pub mod device;
pub mod faults;
pub mod real_time;
pub mod replug;
pub mod sound;
