//! Logs: plain sentences on stderr. Under systemd they go to the journal from there.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Begins logging. `RUST_LOG` overrides the level (`info`).
pub fn begin() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal)
        .with_target(false);
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        builder.without_time().init(); // the journal has its own clock
    } else {
        builder.init();
    }
}
