//! Limits on everything that comes from outside, except those of the TLS handshake (`handshake`), uploads (`update`), and
//! tries of keys (`access`). `docs/ref/limits.md` lists them with their effect. `connection_limits` counts connections;
//! each refusal is counted under a name (`refusals`).

use std::time::Duration;

/// Connections beyond those of the listeners: pages, scripts, status.
pub const SPARE_CONNECTIONS: usize = 256;
/// Maximum number of connections from one address; several pages, each with a socket and its files, need a dozen.
pub const CONNECTIONS_PER_ADDRESS: usize = 64;
/// Maximum time for a request's head to arrive, and for a connection to be idle between two requests.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum number of header lines in a request.
pub const HEADERS_MAX: usize = 64;
/// Maximum bytes of a request's head.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Longest URL of a request; ours have at most 60 bytes.
pub const URL_BYTES_MAX: usize = 1024;
/// Longest body of a request: a key has at most 128 bytes.
pub const BODY_BYTES_MAX: usize = 1024;
/// Maximum time for such a body to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// Slowest accepted upload of an update, measured over each quarter of a MiB: a poor Wi-Fi is ten times as fast, and a
/// pause of 16 s is tolerated.
pub const UPDATE_BYTES_PER_S_MIN: u64 = 16 * 1024;
/// Maximum time for a whole upload: 200 MiB over a poor Wi-Fi.
pub const UPDATE_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// Maximum time for which an answer may stall because its reader takes nothing.
pub const ANSWER_STALLED_MAX: Duration = Duration::from_secs(10);
/// Maximum time for a whole answer: the largest file of the page at 20 kbit/s.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Size of the kernel's buffer for an answer (the kernel doubles this for its own needs). By default it grows to 2 MB for a
/// client that never reads.
pub const ANSWER_BUFFER_BYTES: usize = 32 * 1024;
/// Maximum number of refused connections that are told the reason at the same time.
pub const TURNED_AWAY_MAX: usize = 32;
/// Maximum time for a connection that is turned away to read the reason.
pub const TURNED_AWAY_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest message or frame of a listener: the longest valid one, a full report, has 1,700 bytes.
pub const MESSAGE_BYTES_MAX: usize = 4096;
/// Maximum number of messages of a listener in one second.
pub const MESSAGES_PER_S_MAX: u32 = 50;
/// Time for which written data may stay unacknowledged before the kernel ends a listener's connection.
pub const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(10);
/// Time for which a listener's connection may be silent before the kernel probes it.
pub const SILENT_MAX: Duration = Duration::from_secs(20);
/// Interval between probes.
pub const PROBE_EVERY: Duration = Duration::from_secs(5);
/// Unanswered probes after which the connection ends.
pub const PROBES: u32 = 3;
