//! Turns two snapshots of the service into one row of the table. Pure.

use crate::bare::Cost;
use crate::load::Heard;
use crate::usage::Usage;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Clients besides the healthy listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Beside {
    /// The listeners are alone.
    Nobody,
    /// A stalled, a slow, a flooding and a vanishing listener.
    BadListeners,
    /// A client that makes handshakes as fast as they are answered.
    Handshakes,
}

impl Beside {
    fn mark(self) -> &'static str {
        match self {
            Self::Nobody => "",
            Self::BadListeners => "+bad",
            Self::Handshakes => "+shakes",
        }
    }
}

/// A snapshot of the service.
#[derive(Clone, Debug)]
pub struct Look {
    /// Seconds since the start of the run.
    pub at_s: f64,
    /// Resources of the service's process and its fan-out thread.
    pub usage: Usage,
    /// The answer of `/api/status`.
    pub status: Value,
}

/// A row of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Number of healthy listeners.
    pub listeners: usize,
    /// True if the listeners use TLS.
    pub secure: bool,
    /// The other clients.
    pub beside: Beside,
    /// Length of the measurement, s.
    pub seconds: f64,
    /// Packets per message at the end of the measurement.
    pub chunk_packets: u64,
    /// Sound messages per second, to all listeners.
    pub messages_per_s: f64,
    /// Percent of a core for the fan-out thread, all listeners together.
    pub fan_out_percent: f64,
    /// Percent of a core for the whole process.
    pub process_percent: f64,
    /// Thousandths of a core per listener, for the fan-out thread.
    pub fan_out_per_listener_millicores: f64,
    /// The processor time of the bare loop.
    pub bare_per_listener_millicores: f64,
    /// The former divided by the latter.
    pub ratio_to_bare: f64,
    /// TLS handshakes completed per second.
    pub handshakes_per_s: f64,
    /// Resident memory.
    pub rss_mib: f64,
    /// Additional memory per listener, compared with a service without listeners.
    pub rss_per_listener_kib: f64,
    /// Time from when a message's sound is ready to the end of its write, ms: the limits below which
    /// half, 99 % and 99.9 % of the messages stay.
    pub capture_to_socket_ms: [Option<f64>; 3],
    /// The results of the healthy listeners.
    pub heard: Heard,
    /// Writes of the bare loop that the kernel took only in part.
    pub bare_short_writes: u64,
    /// Frames that the service failed to read from its source in time, since its start.
    pub capture_lost_frames: u64,
}

impl Row {
    /// Returns whether every healthy listener received everything.
    pub fn is_whole(&self) -> bool {
        let all = &self.heard.all;
        all.wrong_frames + all.lost_packets + all.faults + self.heard.ended == 0
            && self.heard.least_frames > 0
    }
}

/// The data of a row.
#[derive(Debug)]
pub struct Run {
    /// Number of healthy listeners.
    pub listeners: usize,
    /// True if the listeners use TLS.
    pub secure: bool,
    /// The other clients.
    pub beside: Beside,
    /// Resident memory before the first listener, KiB.
    pub empty_rss_kib: f64,
    /// Snapshots at the start and the end of the measurement.
    pub looks: [Look; 2],
    /// The results of the healthy listeners.
    pub heard: Heard,
}

impl Run {
    fn seconds(&self) -> f64 {
        self.looks[1].at_s - self.looks[0].at_s
    }

    /// Number of sound messages in the measurement.
    fn messages(&self) -> f64 {
        self.between("/fan_out/capture_to_socket/messages")
    }

    /// The increase of a number of the status.
    fn between(&self, pointer: &str) -> f64 {
        let [before, after] = self.looks.each_ref().map(|look| number(&look.status, pointer));
        after - before
    }

    /// Packets per message: the number of packets divided by the number of messages.
    pub fn chunk_packets(&self) -> u64 {
        let listeners = number(&self.looks[1].status, "/listeners/now").max(1.0);
        ((self.between("/stream/packets") * listeners / self.messages().max(1.0)).round() as u64).max(1)
    }

    /// Makes the row, with the cost of the bare loop for comparison.
    pub fn row(&self, bare: &Cost) -> Row {
        let [before, after] = &self.looks;
        let seconds = self.seconds();
        let listeners = self.listeners as f64;
        let fan_out = (after.usage.thread_s - before.usage.thread_s) / seconds;
        let process = (after.usage.process_s - before.usage.process_s) / seconds;
        let bare_share = bare.cpu_s / bare.wall_s;
        Row {
            listeners: self.listeners,
            secure: self.secure,
            beside: self.beside,
            seconds,
            chunk_packets: self.chunk_packets(),
            messages_per_s: self.messages() / seconds,
            fan_out_percent: fan_out * 100.0,
            process_percent: process * 100.0,
            fan_out_per_listener_millicores: fan_out * 1000.0 / listeners,
            bare_per_listener_millicores: bare_share * 1000.0 / listeners,
            ratio_to_bare: fan_out / bare_share,
            handshakes_per_s: self.between("/tls_handshakes/done") / seconds,
            rss_mib: after.usage.rss_kib / 1024.0,
            rss_per_listener_kib: (after.usage.rss_kib - self.empty_rss_kib) / listeners,
            capture_to_socket_ms: [0.5, 0.99, 0.999]
                .map(|share| quantile_ms(&before.status, &after.status, share)),
            heard: self.heard,
            bare_short_writes: bare.short,
            capture_lost_frames: ["capture_xrun", "handoff_full"]
                .iter()
                .map(|cause| number(&after.status, &format!("/losses/{cause}/frames")) as u64)
                .sum(),
        }
    }
}

fn number(status: &Value, pointer: &str) -> f64 {
    status.pointer(pointer).and_then(Value::as_f64).unwrap_or(0.0)
}

/// The time within which a share of the messages between two snapshots was written.
fn quantile_ms(before: &Value, after: &Value, share: f64) -> Option<f64> {
    let buckets = |status: &Value| -> BTreeMap<u64, u64> {
        let list = status.pointer("/fan_out/capture_to_socket/buckets").and_then(Value::as_array);
        let pair = |pair: &Value| Some((pair.get(0)?.as_u64()?, pair.get(1)?.as_u64()?));
        list.into_iter().flatten().filter_map(pair).collect()
    };
    let old = buckets(before);
    let new: Vec<(u64, u64)> =
        buckets(after).into_iter().map(|(end, count)| (end, count - old.get(&end).unwrap_or(&0))).collect();
    let wanted = (new.iter().map(|(_, count)| count).sum::<u64>() as f64 * share).ceil() as u64;
    let mut below = 0;
    new.into_iter().find_map(|(end_us, count)| {
        below += count;
        (count > 0 && below >= wanted).then_some(end_us as f64 / 1000.0)
    })
}

/// Cost per listener under TLS, divided by the cost without, for rows with the same number of listeners,
/// packets per message and other clients.
pub fn ratio_to_plain(rows: &[Row], row: &Row) -> Option<f64> {
    let same = |other: &&Row| {
        !other.secure
            && (other.listeners, other.beside, other.chunk_packets)
                == (row.listeners, row.beside, row.chunk_packets)
    };
    let plain = rows.iter().filter(|_| row.secure).find(same)?;
    Some(row.fan_out_per_listener_millicores / plain.fan_out_per_listener_millicores)
}

/// The printed table of all rows.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "listeners        packets/  messages   fan-out  process  per listener    bare   ratio  to ws  handsh.   memory  per listener  capture to socket, ms   what was heard\n\
         \u{20}                  message       /s        %        %     millicores  millic.                  /s      MiB       KiB      p50    p99  p99.9\n",
    );
    let or_dash = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
    for row in rows {
        let ms = row.capture_to_socket_ms.map(or_dash);
        let heard = if row.is_whole() { "everything".to_owned() } else { format!("{:?}", row.heard) };
        let _ = writeln!(
            text,
            "{:>5} {:<3}{:<7} {:>8} {:>10.0} {:>9.1} {:>8.1} {:>13.2} {:>8.2} {:>7.2} {:>6} {:>8.0} {:>8.1} {:>9.1} {:>8} {:>6} {:>6}   {heard}",
            row.listeners,
            if row.secure { "wss" } else { "ws" },
            row.beside.mark(),
            row.chunk_packets,
            row.messages_per_s,
            row.fan_out_percent,
            row.process_percent,
            row.fan_out_per_listener_millicores,
            row.bare_per_listener_millicores,
            row.ratio_to_bare,
            or_dash(ratio_to_plain(rows, row)),
            row.handshakes_per_s,
            row.rss_mib,
            row.rss_per_listener_kib,
            ms[0],
            ms[1],
            ms[2],
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn look(at_s: f64, thread_s: f64, packets: u64, buckets: &Value) -> Look {
        let messages: u64 = buckets.as_array().unwrap().iter().map(|pair| pair[1].as_u64().unwrap()).sum();
        let status = json!({ "stream": { "packets": packets }, "listeners": { "now": 10 },
            "tls_handshakes": { "done": packets },
            "fan_out": { "capture_to_socket": { "messages": messages, "buckets": buckets } } });
        Look { at_s, usage: Usage { thread_s, process_s: thread_s * 2.0, rss_kib: 10_240.0 }, status }
    }

    #[test]
    fn a_row_is_of_what_happened_between_the_looks() {
        let looks = [
            look(2.0, 1.0, 100, &json!([[8000, 500]])),
            look(12.0, 2.0, 1100, &json!([[10, 2450], [20, 45], [1000, 5], [8000, 500]])),
        ];
        let run = Run {
            listeners: 10,
            secure: false,
            beside: Beside::Nobody,
            empty_rss_kib: 5120.0,
            looks,
            heard: Heard::default(),
        };
        let row = run.row(&Cost { cpu_s: 0.5, wall_s: 10.0, writes: 1, short: 0 });
        assert_eq!((row.chunk_packets, row.messages_per_s), (4, 250.0));
        assert_eq!((row.fan_out_percent, row.process_percent, row.ratio_to_bare), (10.0, 20.0, 2.0));
        assert_eq!(row.capture_to_socket_ms, [Some(0.01), Some(0.02), Some(1.0)]);
        assert_eq!((row.rss_per_listener_kib, row.handshakes_per_s), (512.0, 100.0));
        assert!(!row.is_whole(), "nobody heard anything");

        let secure = Row { secure: true, fan_out_per_listener_millicores: 15.0, ..row.clone() };
        let longer = Row { chunk_packets: 8, ..secure.clone() };
        let rows = [row, secure, longer];
        assert_eq!(rows.each_ref().map(|row| ratio_to_plain(&rows, row)), [None, Some(1.5), None]);
    }
}
