//! The limits on what comes from outside; those of the TLS handshake are in `handshake`, an upload's in `update`. `docs/ref/limits.md` says the same, with what happens at each;
//! what is turned away is counted under a name (`refusals`). Connections are counted in `connection_limits`; what keys may be tried is in `access`.

use std::time::Duration;

/// Connections beyond the listeners' own: pages, scripts, status.
pub const SPARE_CONNECTIONS: usize = 256;
/// Connections from one address; several pages, each with a socket and its files, need a dozen.
pub const CONNECTIONS_PER_ADDRESS: usize = 64;
/// How long a request's head may take to arrive; also how long a connection may be idle between two.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Most header lines of a request.
pub const HEADERS_MAX: usize = 64;
/// Most bytes of a request's head.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Longest address asked for; ours have at most 60 bytes.
pub const URL_BYTES_MAX: usize = 1024;
/// Most that is written at once: a key has at most 128 bytes.
pub const BODY_BYTES_MAX: usize = 1024;
/// How long that may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// The least rate of an update on its way in, over each quarter of a MiB: a poor Wi-Fi has ten times as much, and a pause of 16 s is borne.
pub const UPDATE_BYTES_PER_S_MIN: u64 = 16 * 1024;
/// How long it may take in all: 200 MiB over a poor Wi-Fi.
pub const UPDATE_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How long an answer may stand still because its reader takes nothing.
pub const ANSWER_STALLED_MAX: Duration = Duration::from_secs(10);
/// How long it may take in all: the largest file of the page over 20 kbit/s.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// What the kernel may keep of an answer (it doubles this for its own needs); left alone, it grows to 2 MB for one who never reads.
pub const ANSWER_BUFFER_BYTES: usize = 32 * 1024;
/// Connections at once that are told why they are turned away.
pub const TURNED_AWAY_MAX: usize = 32;
/// How long such a one has to read that.
pub const TURNED_AWAY_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest message or frame of a listener: its longest known one, a full report, has 1,700 bytes.
pub const MESSAGE_BYTES_MAX: usize = 4096;
/// Messages a listener may send in one second.
pub const MESSAGES_PER_S_MAX: u32 = 50;
/// How long written data may stay unacknowledged before the kernel ends a listener's connection.
pub const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(10);
/// How long a listener's connection may be silent before the kernel asks whether it is still there.
pub const SILENT_MAX: Duration = Duration::from_secs(20);
/// How often it asks again.
pub const PROBE_EVERY: Duration = Duration::from_secs(5);
/// How often without an answer until the connection ends.
pub const PROBES: u32 = 3;
