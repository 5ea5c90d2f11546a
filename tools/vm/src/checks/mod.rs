//! The checks, by subject. Each check restarts the service. From `device::is_a_card` on, each check
//! leaves the instrument connected and on time, playing its counters.

pub mod device;
pub mod faults;
pub mod real_time;
pub mod replug;
pub mod sound;
