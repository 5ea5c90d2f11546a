//! Logs: plain sentences, whatever text they contain ([`Plain`]). They go to the journal with their fields if systemd has
//! connected stderr to it, else to stderr.
//!
//! In the journal, a field of an event is named `SYNTHWIRE_` and its name in capitals: `journalctl SYNTHWIRE_DEVICE=hw:1`
//! finds it. On stderr only the sentence is shown, which contains the same information.

use crate::plain::Plain;
use std::fmt::Debug;
use std::io::IsTerminal;
use std::os::linux::fs::MetadataExt;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt, registry};

/// The field in which tracing stores the sentence.
const SENTENCE: &str = "message";

/// Starts logging. `RUST_LOG` overrides the level (`info`).
pub fn begin() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    if stderr_is_the_journal() {
        registry().with(filter).with(Journal).init();
        return;
    }
    let sentence_alone = debug_fn(|writer, field, value| match field.name() {
        SENTENCE => write!(writer, "{}", Plain::of(format!("{value:?}"))),
        _ => Ok(()),
    });
    let to_stderr = fmt::layer()
        .fmt_fields(sentence_alone)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    registry().with(filter).with(to_stderr).init();
}

/// Returns whether stderr is the very stream that systemd made for the journal, comparing its device and inode.
fn stderr_is_the_journal() -> bool {
    let (Ok(stream), Ok(stderr)) = (std::env::var("JOURNAL_STREAM"), std::fs::metadata("/proc/self/fd/2"))
    else {
        return false;
    };
    stream == format!("{}:{}", stderr.st_dev(), stderr.st_ino())
}

/// Sends each event to the journal.
struct Journal;

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let entry = JournalEntry::of(event);
        let fields: Vec<&str> = entry.fields.iter().map(String::as_str).collect();
        if systemd::journal::send(&fields).is_err() {
            eprintln!("{}", entry.fields[0]); // the journal reads stderr, too
        }
    }
}

/// The fields of one entry, each as `NAME=value`, the sentence first.
struct JournalEntry {
    fields: Vec<String>,
}

impl JournalEntry {
    fn of(event: &Event<'_>) -> Self {
        let meta = event.metadata();
        let mut entry =
            Self { fields: vec!["MESSAGE=".to_owned(), format!("PRIORITY={}", priority(*meta.level()))] };
        entry.fields.extend(meta.file().map(|file| format!("CODE_FILE={file}")));
        entry.fields.extend(meta.line().map(|line| format!("CODE_LINE={line}")));
        event.record(&mut entry);
        entry
    }
}

impl Visit for JournalEntry {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = Plain::of(format!("{value:?}"));
        if field.name() == SENTENCE {
            self.fields[0].push_str(&value);
        } else {
            self.fields.push(format!("SYNTHWIRE_{}={value}", field.name().to_uppercase()));
        }
    }
}

/// Returns syslog's number of a level.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<Vec<String>>>>);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().unwrap().push(JournalEntry::of(event).fields);
        }
    }

    #[test]
    fn whatever_is_in_a_sentence_it_stays_one_line() {
        let kept = Kept::default();
        tracing::subscriber::with_default(registry().with(kept.clone()), || {
            for (said, expected) in crate::plain::NASTY {
                let said = String::from_utf8_lossy(said);
                tracing::warn!(device = &*said, "playing {said}");
                let entry = kept.0.lock().unwrap().pop().unwrap();
                assert_eq!(entry[0], format!("MESSAGE=playing {expected}").trim_end());
                assert_eq!(*entry.last().unwrap(), format!("SYNTHWIRE_DEVICE={expected}"));
            }
        });
    }

    #[test]
    fn an_entry_is_its_sentence_its_urgency_its_place_and_its_own_fields() {
        let kept = Kept::default();
        let subscriber = registry().with(kept.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(device = "hw:1", channels = 8, "playing {}", "MONTAGE");
        });
        let entry = kept.0.lock().unwrap().pop().unwrap();
        assert_eq!(entry[..2], ["MESSAGE=playing MONTAGE", "PRIORITY=4"]);
        assert!(entry.iter().any(|field| field == "CODE_FILE=src/sys/logging.rs"), "{entry:?}");
        for field in ["SYNTHWIRE_DEVICE=hw:1", "SYNTHWIRE_CHANNELS=8"] {
            assert!(entry.iter().any(|is| is == field), "{field} in {entry:?}");
        }
    }
}
