//! Every limit on what comes from outside, in one place. `docs/guide/limits.md` says the same, with what happens at each;
//! what is turned away is counted under a name (`refusals`). Connections are counted in `door`.

use std::time::Duration;

/// Connections beyond the listeners' own: pages, scripts, status.
pub const SPARE_CONNECTIONS: usize = 256;
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
