//! Chromium as a user runs it: no audio switch, no autoplay switch, a real click. The command line has only
//! the switches that a headless browser under root needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cdp::Cdp;
use super::{Browser, PageOverrides};
use crate::network::site::Site;
use crate::results::Heaps;
use crate::rig::process::Running;
use crate::rig::pulse::{Place, Pulse};
use crate::rig::watchdog::now_ns;

/// A script that runs in the page before its own scripts.
const HOOK: &str = include_str!("../../pages/hook.js");
const START_TIME: Duration = Duration::from_secs(40);
const LOAD_TIME: Duration = Duration::from_secs(30);

/// A running Chromium.
pub struct Chromium {
    process: Running,
    cdp: Cdp,
    name: String,
}

/// The environment of a browser: its folder, its speakers, its network.
pub struct Seat<'a> {
    /// Folder of the browser's profile, new for each start.
    pub profile: PathBuf,
    /// The sound system.
    pub pulse: &'a Pulse,
    /// The browser's speakers.
    pub place: Place,
    /// The browser's network.
    pub site: &'a Site,
    /// An origin that counts as secure although it uses plain HTTP, as it will over TLS. Loopback needs no
    /// entry.
    pub trusted_origin: Option<String>,
}

impl Chromium {
    /// Starts `program` in `seat`; `overrides` apply to its pages.
    pub fn start(program: &str, seat: &Seat, overrides: &PageOverrides) -> Result<Self, String> {
        let profile = seat.profile.as_path();
        fs::create_dir_all(profile).map_err(|e| format!("making the browser's profile: {e}"))?;
        let log =
            fs::File::create(profile.join("stderr.log")).map_err(|e| format!("the browser's log: {e}"))?;
        let mut command = Command::new(program);
        command
            .args(["--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--no-default-browser-check",
            ])
            .args(["--remote-debugging-port=0", &format!("--user-data-dir={}", profile.display())])
            .envs(seat.pulse.environment())
            .env("PULSE_SINK", seat.place.sink)
            .env("HOME", profile)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        // SAFETY: geteuid only reads the process's own credentials.
        if unsafe { libc::geteuid() } == 0 {
            command.arg("--no-sandbox");
        }
        if let Some(origin) = &seat.trusted_origin {
            command.arg(format!("--unsafely-treat-insecure-origin-as-secure={origin}"));
        }
        command.arg("about:blank");
        seat.site.host(&mut command);
        let mut process = Running::start("chromium", &mut command)?;
        let (port, path) = wait_for_endpoint(&mut process, profile)?;
        let mut cdp = Cdp::connect(seat.site, port, &path)?;
        let version = cdp.ask("Browser.getVersion", &json!({}))?;
        let name = version["product"].as_str().unwrap_or("Chromium").replace("HeadlessChrome", "Chromium");
        let target = page_target(&mut cdp)?;
        cdp.attach(&target)?;
        cdp.ask("Page.enable", &json!({}))?;
        cdp.ask("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": hook(overrides) }))?;
        Ok(Self { process, cdp, name })
    }

    fn heap_kib(&mut self, session: Option<&str>) -> Result<f64, String> {
        self.cdp.ask_in(session, "HeapProfiler.collectGarbage", &json!({}))?;
        let usage = self.cdp.ask_in(session, "Runtime.getHeapUsage", &json!({}))?;
        usage["usedSize"].as_f64().map(|bytes| bytes / 1024.0).ok_or_else(|| format!("no heap size: {usage}"))
    }

    fn wait_until(&mut self, condition: &str, what: &str) -> Result<(), String> {
        let deadline = Instant::now() + LOAD_TIME;
        while self.evaluate(condition)? != json!(true) {
            if Instant::now() > deadline {
                return Err(format!("the page has {what} not after {LOAD_TIME:?}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Browser for Chromium {
    fn open(&mut self, url: &str) -> Result<(), String> {
        let answer = self.cdp.ask("Page.navigate", &json!({ "url": url }))?;
        if let Some(reason) = answer["errorText"].as_str() {
            return Err(format!("the browser cannot open {url}: {reason}"));
        }
        self.wait_until("document.readyState === 'complete' && location.href !== 'about:blank'", "loaded")
    }

    fn click(&mut self, selector: &str) -> Result<u64, String> {
        let quoted = json!(selector);
        self.wait_until(
            &format!("!!document.querySelector({quoted}) && !document.querySelector({quoted}).disabled"),
            "an enabled button",
        )?;
        let middle = self.evaluate(&format!(
            "(() => {{ const e = document.querySelector({quoted}); e.scrollIntoView({{ block: 'center' }}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        ))?;
        let mut mouse = |kind: &str, buttons: u8| {
            let event = json!({ "type": kind, "x": middle[0], "y": middle[1], "button": "left", "buttons": buttons,
                "clickCount": 1 });
            self.cdp.ask("Input.dispatchMouseEvent", &event)
        };
        mouse("mouseMoved", 0)?;
        mouse("mousePressed", 1)?;
        let released_ns = now_ns();
        mouse("mouseReleased", 0)?;
        Ok(released_ns)
    }

    fn evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.cdp.ask("Runtime.evaluate", &parameters)?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(format!("the page refused an expression: {details}")),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    fn heaps_kib(&mut self) -> Result<Heaps, String> {
        let page = self.cdp.session().map(str::to_owned);
        let mut heaps = Heaps { page: Some(self.heap_kib(page.as_deref())?), ..Heaps::default() };
        for child in self.cdp.attach_children(true)? {
            let place = match child.kind.as_str() {
                "worker" => &mut heaps.worker,
                kind if kind.contains("worklet") => &mut heaps.worklet,
                _ => continue,
            };
            let kib = self.heap_kib(Some(&child.session))?;
            *place = Some(place.unwrap_or(0.0) + kib);
        }
        self.cdp.attach_children(false)?;
        Ok(heaps)
    }

    fn pid(&self) -> i32 {
        self.process.pid()
    }

    fn name(&self) -> &str {
        &self.name
    }
}

fn hook(overrides: &PageOverrides) -> String {
    let overrides = serde_json::to_string(overrides).expect("overrides are plain text and numbers");
    HOOK.replacen("(() => {", &format!("(() => {{\n  const OVERRIDES = {overrides};"), 1)
}

/// Chromium writes the port it chose and its endpoint's path into its profile.
fn wait_for_endpoint(process: &mut Running, profile: &Path) -> Result<(u16, String), String> {
    let deadline = Instant::now() + START_TIME;
    loop {
        let written = fs::read_to_string(profile.join("DevToolsActivePort")).unwrap_or_default();
        if let Some((port, path)) = written.split_once('\n') {
            if let (Ok(port), true) = (port.parse(), path.len() > 1) {
                return Ok((port, path.trim().to_owned()));
            }
        }
        let log = || fs::read_to_string(profile.join("stderr.log")).unwrap_or_default();
        process.check().map_err(|e| format!("{e}\n{}", log()))?;
        if Instant::now() > deadline {
            return Err(format!("chromium did not open its debugging port in {START_TIME:?}\n{}", log()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn page_target(cdp: &mut Cdp) -> Result<String, String> {
    let deadline = Instant::now() + START_TIME;
    while Instant::now() < deadline {
        let targets = cdp.ask("Target.getTargets", &json!({}))?;
        let pages = targets["targetInfos"].as_array().into_iter().flatten();
        if let Some(id) = pages.filter(|t| t["type"] == "page").find_map(|t| t["targetId"].as_str()) {
            return Ok(id.to_owned());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("chromium shows no page".into())
}
