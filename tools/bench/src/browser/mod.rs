//! The browsers the bench can drive. One so far; the trait is all the rest of the bench knows of any.

pub mod cdp;
pub mod chromium;

use serde::Serialize;
use serde_json::Value;

use crate::results::Heaps;

/// What the bench wishes of a page beyond its own choice.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Wishes {
    /// Another latencyHint, as the AudioContext takes it: a number of seconds or a category.
    pub latency_hint: Option<Value>,
    /// `port` takes shared memory away from the page.
    pub transport: Option<String>,
}

/// A running browser with one page.
pub trait Browser {
    /// Loads `url` and waits until the page has loaded.
    fn open(&mut self, url: &str) -> Result<(), String>;
    /// Clicks the middle of an element, as a person does. Returns when the button was released, `CLOCK_MONOTONIC` ns.
    fn click(&mut self, selector: &str) -> Result<u64, String>;
    /// The value of a JavaScript expression in the page.
    fn evaluate(&mut self, expression: &str) -> Result<Value, String>;
    /// Live objects of the page, KiB, after its garbage has been collected: that may cost a gap.
    fn heaps_kib(&mut self) -> Result<Heaps, String>;
    /// Process id: it and its descendants are all the browser there is.
    fn pid(&self) -> i32;
    /// Name and version.
    fn name(&self) -> &str;
}
