//! Draws the delay over time with a histogram at the side, one strip per chain, as SVG text.

use std::fmt::Write;

use crate::statistics::histogram;

const WIDTH: f64 = 1080.0;
const STRIP_HEIGHT: f64 = 300.0;
const PLOT_LEFT: f64 = 64.0;
const PLOT_RIGHT: f64 = 860.0;
const SIDE_RIGHT: f64 = 1060.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 250.0;
const BINS: usize = 48;

/// The strip of one chain.
pub struct Strip {
    /// The title of the plot, one line.
    pub title: String,
    /// `(second, milliseconds)`: the recorded delay.
    pub recorded: Vec<(f64, f64)>,
    /// `(second, milliseconds)`: the delay that the page reported, if it did.
    pub reported: Vec<(f64, f64)>,
    /// Seconds at which the sound was faulty.
    pub fault_seconds: Vec<f64>,
    /// Seconds at which the machine stalled.
    pub freeze_seconds: Vec<f64>,
}

/// The whole picture.
pub fn svg(strips: &[Strip]) -> String {
    let height = STRIP_HEIGHT * strips.len() as f64;
    let mut page = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' viewBox='0 0 {WIDTH} {height}' \
         font-family='sans-serif' font-size='12' fill='#222'>\n<rect width='100%' height='100%' fill='#fff'/>\n"
    );
    for (row, strip) in strips.iter().enumerate() {
        let _ = writeln!(page, "<g transform='translate(0 {})'>", STRIP_HEIGHT * row as f64);
        draw(&mut page, strip);
        page.push_str("</g>\n");
    }
    page.push_str("</svg>\n");
    page
}

struct Axes {
    seconds: f64,
    low_ms: f64,
    high_ms: f64,
}

impl Axes {
    fn of(strip: &Strip) -> Self {
        let all = || strip.recorded.iter().chain(&strip.reported);
        let seconds = all().map(|p| p.0).fold(1.0, f64::max);
        let low = all().map(|p| p.1).fold(f64::INFINITY, f64::min);
        let high = all().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let room = ((high - low) * 0.1).max(1.0);
        Self { seconds, low_ms: (low - room).max(0.0).floor(), high_ms: (high + room).ceil() }
    }

    fn x(&self, second: f64) -> f64 {
        PLOT_LEFT + (PLOT_RIGHT - PLOT_LEFT) * second / self.seconds
    }

    fn y(&self, ms: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * (ms - self.low_ms) / (self.high_ms - self.low_ms)
    }
}

fn draw(page: &mut String, strip: &Strip) {
    let axes = Axes::of(strip);
    let _ = writeln!(page, "<text x='{PLOT_LEFT}' y='20' font-size='14'>{}</text>", escaped(&strip.title));
    draw_grid(page, &axes);
    for second in &strip.freeze_seconds {
        let x = axes.x(*second);
        let _ = writeln!(
            page,
            "<line x1='{x:.1}' y1='{TOP}' x2='{x:.1}' y2='{BOTTOM}' stroke='#bbb' stroke-width='2'/>"
        );
    }
    draw_dots(page, &axes, &strip.reported, "#e08a00");
    draw_dots(page, &axes, &strip.recorded, "#1f5fbf");
    for second in &strip.fault_seconds {
        let x = axes.x(*second);
        let _ = writeln!(page, "<path d='M{x:.1} {TOP} l-5 -9 h10 z' fill='#c00'/>");
    }
    draw_histogram(page, &axes, strip);
    let _ = writeln!(
        page,
        "<text x='{PLOT_LEFT}' y='284'><tspan fill='#1f5fbf'>&#9632; recorded</tspan> &#160; \
         <tspan fill='#e08a00'>&#9632; the page's own report</tspan> &#160; <tspan fill='#c00'>&#9660; fault</tspan> \
         &#160; <tspan fill='#999'>| machine froze</tspan></text>"
    );
}

fn draw_grid(page: &mut String, axes: &Axes) {
    for tick in ticks(axes.low_ms, axes.high_ms) {
        let y = axes.y(tick);
        let _ = writeln!(
            page,
            "<line x1='{PLOT_LEFT}' y1='{y:.1}' x2='{SIDE_RIGHT}' y2='{y:.1}' stroke='#ddd'/>\
             <text x='{}' y='{:.1}' text-anchor='end'>{tick} ms</text>",
            PLOT_LEFT - 6.0,
            y + 4.0
        );
    }
    for tick in ticks(0.0, axes.seconds) {
        let x = axes.x(tick);
        let _ = writeln!(page, "<text x='{x:.1}' y='{}' text-anchor='middle'>{tick} s</text>", BOTTOM + 16.0);
    }
}

fn draw_dots(page: &mut String, axes: &Axes, points: &[(f64, f64)], colour: &str) {
    let mut path = String::new();
    for (second, ms) in points {
        let _ = write!(path, "M{:.1} {:.1}h.01", axes.x(*second), axes.y(*ms));
    }
    let _ = writeln!(
        page,
        "<path d='{path}' stroke='{colour}' stroke-width='2.5' stroke-linecap='round' fill='none'/>"
    );
}

fn draw_histogram(page: &mut String, axes: &Axes, strip: &Strip) {
    let values: Vec<f64> = strip.recorded.iter().map(|p| p.1).collect();
    let counts = histogram(&values, axes.low_ms, axes.high_ms, BINS);
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let bar = (BOTTOM - TOP) / BINS as f64;
    for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let _ = writeln!(
            page,
            "<rect x='{}' y='{:.2}' width='{:.2}' height='{:.2}' fill='#1f5fbf' opacity='.7'/>",
            PLOT_RIGHT + 12.0,
            BOTTOM - bar * (bin + 1) as f64,
            (SIDE_RIGHT - PLOT_RIGHT - 12.0) * *count as f64 / most,
            bar
        );
    }
}

/// Round numbers from `low` to `high`, four to nine of them.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * decade).find(|s| *s >= rough).unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|k| (k as f64 * step * 1000.0).round() / 1000.0).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(38.0, 62.0), vec![40.0, 45.0, 50.0, 55.0, 60.0]);
        assert_eq!(ticks(0.0, 120.0), vec![0.0, 50.0, 100.0]);
    }

    #[test]
    fn a_picture_is_made_of_any_strip_even_an_empty_one() {
        let strip = Strip {
            title: "a < b".into(),
            recorded: vec![(0.0, 40.0), (60.0, 42.0)],
            reported: vec![],
            fault_seconds: vec![30.0],
            freeze_seconds: vec![31.0],
        };
        let empty = Strip {
            title: String::new(),
            recorded: vec![],
            reported: vec![],
            fault_seconds: vec![],
            freeze_seconds: vec![],
        };
        let picture = svg(&[strip, empty]);
        assert!(
            picture.contains("a &lt; b") && !picture.contains("NaN") && !picture.contains("inf"),
            "{picture}"
        );
        assert_eq!(picture.matches("<g ").count(), picture.matches("</g>").count());
    }
}
