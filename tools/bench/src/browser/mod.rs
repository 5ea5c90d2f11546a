//! The browsers that the bench can control. There is one so far; the rest of the bench knows only this trait.

pub mod cdp;
pub mod chromium;

use serde::Serialize;
use serde_json::Value;

use crate::results::Heaps;

/// Overrides that the bench applies to a page.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PageOverrides {
    /// Another latencyHint for the AudioContext: a number of seconds, or a category.
    pub latency_hint: Option<Value>,
    /// `port` takes shared memory away from the page.
    pub transport: Option<String>,
}

/// A running browser with one page.
pub trait Browser {
    /// Loads `url` and waits until the page has loaded.
    fn open(&mut self, url: &str) -> Result<(), String>;
    /// Clicks the middle of an element, as a user does. Returns when the button was released,
    /// `CLOCK_MONOTONIC` ns.
    fn click(&mut self, selector: &str) -> Result<u64, String>;
    /// Returns the value of a JavaScript expression in the page.
    fn evaluate(&mut self, expression: &str) -> Result<Value, String>;
    /// Returns the size of the page's live objects in KiB. This first collects garbage, which may cause a
    /// gap.
    fn heaps_kib(&mut self) -> Result<Heaps, String>;
    /// Process id. This process and its descendants are the whole browser.
    fn pid(&self) -> i32;
    /// Name and version.
    fn name(&self) -> &str;
}
