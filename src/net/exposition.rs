//! The Prometheus text format, version 0.0.4. Pure: names and numbers in, text out. `metrics` chooses what to show.

use crate::core::histogram::Cumulative;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The type of a metric, as Prometheus defines types.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A number that only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// The text that is being written.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// Writes one number.
    pub(super) fn one(&mut self, name: &str, kind: Kind, help: &str, value: f64) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    /// Writes counters, each with its name and help.
    pub(super) fn counters<const N: usize>(&mut self, all: [(&str, &str, &AtomicU64); N]) {
        for (name, help, count) in all {
            self.one(name, Kind::Counter, help, count.load(Relaxed) as f64);
        }
    }

    /// Writes one number, if it is known.
    pub(super) fn maybe(&mut self, name: &str, kind: Kind, help: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.one(name, kind, help, value);
        }
    }

    /// Writes numbers that differ in one label.
    pub(super) fn by<'a>(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        (label, values): (&str, impl IntoIterator<Item = (&'a str, f64)>),
    ) {
        self.head(name, kind, help);
        for (which, value) in values {
            let _ = writeln!(self.0, "{name}{{{label}=\"{}\"}} {value}", escaped(which));
        }
    }

    /// Writes a histogram, with its values divided by `per`.
    pub(super) fn histogram(&mut self, name: &str, help: &str, counted: &Cumulative, per: f64) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} histogram");
        for (bound, count) in &counted.up_to {
            let _ = writeln!(self.0, "{name}_bucket{{le=\"{}\"}} {count}", *bound as f64 / per);
        }
        let (sum, count) = (counted.sum as f64 / per, counted.count);
        let _ =
            writeln!(self.0, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}");
    }

    /// Returns the whole text.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_as_prometheus_reads_it() {
        let mut text = Exposition::default();
        text.counters([("a_total", "Counts.", &AtomicU64::new(3))]);
        text.by("b", Kind::Gauge, "By name.", ("cause", [("x", 1.0), ("a\"b\\c\n", 0.5)]));
        text.histogram(
            "c_seconds",
            "Late.",
            &Cumulative { up_to: vec![(1_000_000, 2)], count: 5, sum: 2_500_000 },
            1e9,
        );
        text.maybe("d", Kind::Gauge, "Unknown.", None);
        let expected = "# HELP a_total Counts.\n# TYPE a_total counter\na_total 3\n\
            # HELP b By name.\n# TYPE b gauge\nb{cause=\"x\"} 1\nb{cause=\"a\\\"b\\\\c\\n\"} 0.5\n\
            # HELP c_seconds Late.\n# TYPE c_seconds histogram\nc_seconds_bucket{le=\"0.001\"} 2\n\
            c_seconds_bucket{le=\"+Inf\"} 5\nc_seconds_sum 0.0025\nc_seconds_count 5\n";
        assert_eq!(text.into_text(), expected);
    }
}
