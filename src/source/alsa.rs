//! ALSA capture in mmap mode: waiting and reading as a [`Source`]. The requests to a device belong in
//! `negotiation`, and its refusals in `refusal`.
//!
//! We use `IO::mmap` (`snd_pcm_mmap_begin`/`commit`), never `MmapCapture`: that maps the kernel's status pages, which ARM
//! refuses (alsa-rs issue 34). We never call `PCM::state()`: it panics on the values an unplugged device returns.
//!
//! Frames are read in one of two ways, which the status names:
//! - **kernel**: a card's own PCM. The pointer (`avail_update`) and its stamp (`CLOCK_MONOTONIC_RAW`, [`stamp_of`]) are
//!   those of the driver's last interrupt. We do not call `status`, `avail` or `delay`: each makes the kernel read the
//!   pointer again and stamp that reading (`update_audio_tstamp` of its ALSA core), which is later by our wake-up time.
//! - **plugin**: jack, pulse and the like. We call `avail()`, because with `avail_update()` the pulse plugin's pointer
//!   never moves, and we take the time ourselves, because plugins stamp nothing. A PCM that refuses mmap is opened through
//!   `plug`, which emulates it.

mod negotiation;
mod refusal;

pub use self::negotiation::DeviceRequest;
use self::negotiation::{Asking, negotiate, open_mapped, start_by_hand};
use self::refusal::refusal;
use super::preference::names_plug;
use super::{Clock, Ready, Source, SourceFault, Stamp};
use crate::clock::mono_raw_now;
use crate::core::layout::Layout;
use crate::error::Result;
use crate::units::{MonoNs, NS_PER_S};
use alsa::direct::pcm::SyncPtrStatus;
use alsa::pcm::{PCM, State};
use alsa::{Direction, PollDescriptors};
use alsa_sys::{__va_list_tag, snd_lib_error_set_local};
use nix::errno::Errno;
use std::ffi::{c_char, c_int};
use std::os::fd::RawFd;
use std::time::Duration;

/// Periods a wait may take before it returns without frames.
const WAIT_PERIODS: u64 = 8;
/// The shortest such wait, ms.
const WAIT_MS_MIN: u64 = 20;
/// Pause before we ask a plugin again whose wait returned before a period had come: some plugins never block.
const PLUGIN_PAUSE: Duration = Duration::from_micros(500);

/// The way of fetching frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// A kernel card's PCM, mapped.
    KernelMmap,
    /// A plugin that offers mmap without `plug`.
    PluginMmap,
    /// A PCM without mmap, through `plug`.
    EmulatedMmap,
    /// A `plug` that was named as the device and converts the rate, because its device has no rate that we play.
    ConvertedByPlug,
}

impl Path {
    /// Returns the name of this way in the status.
    pub fn name(self) -> &'static str {
        match self {
            Self::KernelMmap => "kernel_mmap",
            Self::PluginMmap => "plugin_mmap",
            Self::EmulatedMmap => "emulated_mmap",
            Self::ConvertedByPlug => "converted_by_plug",
        }
    }
}

/// Makes alsa-lib print nothing on this thread: our own errors say what failed, and retries must not flood the log. The `alsa`
/// crate's own handler collects messages in a buffer of alsa-lib's, which aborts the process at a line of 256 bytes.
fn discard_messages() {
    unsafe extern "C" fn discard(
        _file: *const c_char,
        _line: c_int,
        _function: *const c_char,
        _error: c_int,
        _format: *const c_char,
        _arguments: *mut __va_list_tag,
    ) {
    }
    // SAFETY: the handler is a function that lives as long as the program and touches none of its arguments.
    unsafe { snd_lib_error_set_local(Some(discard)) };
}

/// An opened capture device.
pub struct AlsaSource {
    pcm: PCM,
    layout: Layout,
    clock: Clock,
    path: Path,
    /// The kernel's PCM, if it provides the driver's own stamps.
    driver: Option<RawFd>,
    wait_ms: u32,
}

impl AlsaSource {
    /// Opens PCM `name` and settles every parameter; nothing runs yet.
    ///
    /// # Errors
    /// The device's refusal, and what to do about it.
    pub fn open(name: &str, wish: DeviceRequest) -> Result<Self> {
        discard_messages();
        // alsa-lib caches its configuration: a card plugged in later could not be opened by its name.
        let _ = alsa::config::update_free_global();
        let (pcm, own) = open_mapped(name)?;
        let mapped = own.is_none();
        let on_card = pcm.info().is_ok_and(|info| info.get_card() >= 0);
        let asking = Asking { wish, on_card, own, may_convert: names_plug(name) };
        let (layout, is_converted) = negotiate(&pcm, asking).map_err(|refused| refused.of(name))?;
        start_by_hand(&pcm, layout.period_frames())
            .map_err(|error| refusal("cannot set the wake-up of", error, "").of(name))?;
        let path = match (mapped, on_card) {
            _ if is_converted => Path::ConvertedByPlug,
            (false, _) => Path::EmulatedMmap,
            (true, true) => Path::KernelMmap,
            (true, false) => Path::PluginMmap,
        };
        let clock = if on_card { Clock::Crystal } else { Clock::Server };
        let period_ns = layout.rate().duration_ns(u64::from(layout.period_frames()));
        let wait_ms = (WAIT_PERIODS * period_ns * 1000 / NS_PER_S).max(WAIT_MS_MIN) as u32;
        let driver = if path == Path::KernelMmap { driver_of(&pcm) } else { None };
        Ok(Self { pcm, layout, clock, path, driver, wait_ms })
    }

    /// Returns the way frames are fetched.
    pub fn path(&self) -> Path {
        self.path
    }

    /// Returns the device's position, or `None` before a period has come.
    fn stamp(&self) -> std::result::Result<Option<Stamp>, SourceFault> {
        let avail = match self.path {
            Path::KernelMmap => self.pcm.avail_update(),
            Path::PluginMmap | Path::EmulatedMmap | Path::ConvertedByPlug => self.pcm.avail(),
        };
        let avail_frames = avail.map_err(fault_of)? as u32;
        if avail_frames < self.layout.period_frames() {
            return Ok(None);
        }
        if let Some(driver) = self.driver {
            let at = stamp_of(driver).map_err(fault_of)?;
            // If the pointer moved in between, the stamp may not belong to it. The next wait returns at once and gives
            // both.
            let moved = self.pcm.avail_update().map_err(fault_of)? as u32 != avail_frames;
            return Ok((!moved).then_some(Stamp { at, avail_frames, delay_frames: avail_frames }));
        }
        let (at, delay_frames) = if self.path == Path::KernelMmap {
            let status = self.pcm.status().map_err(fault_of)?;
            (moment(status.get_htstamp()), status.get_delay())
        } else {
            (mono_raw_now(), self.pcm.delay().map_err(fault_of)?)
        };
        let delay_frames = (delay_frames.max(0) as u32).max(avail_frames);
        Ok(Some(Stamp { at, avail_frames, delay_frames }))
    }

    /// Waits by asking repeatedly whether a period has come. `snd_pcm_wait` of alsa-lib 1.2.7 and 1.2.8 calls a wrong
    /// address if the rate is converted (fixed in 1.2.9), so we do not call it in that case.
    fn wait_by_the_clock(&self) -> Ready {
        let begun = mono_raw_now();
        loop {
            match self.stamp() {
                Err(fault) => return Ready::Fault(fault),
                Ok(Some(stamp)) => return Ready::Frames(stamp),
                Ok(None) => {}
            }
            let waited_ms = mono_raw_now().since(begun) / 1_000_000;
            match self.plugin_without_frames() {
                Ready::Timeout if waited_ms < u64::from(self.wait_ms) => {}
                over => return over,
            }
        }
    }

    /// Handles a wake-up without frames: some plugins wake early, others (and `plug`'s emulation) show an overrun only by
    /// their state.
    fn plugin_without_frames(&self) -> Ready {
        let state = self.pcm.state_raw();
        if state == State::XRun as i32 {
            Ready::Fault(SourceFault::Xrun)
        } else if state == State::Suspended as i32 {
            Ready::Fault(SourceFault::Suspended)
        } else if state == State::Disconnected as i32 {
            Ready::Fault(SourceFault::Gone)
        } else {
            std::thread::sleep(PLUGIN_PAUSE);
            Ready::Timeout
        }
    }
}

impl Source for AlsaSource {
    fn layout(&self) -> Layout {
        self.layout
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    fn start(&mut self) -> std::result::Result<(), SourceFault> {
        self.pcm.start().map_err(fault_of)?;
        // With a buffer this full, any other device would report an overrun.
        let is_full = |avail: i64| avail >= i64::from(self.layout.buffer_frames());
        let is_plugin = self.path != Path::KernelMmap;
        if is_plugin && self.pcm.avail().is_ok_and(is_full) { Err(SourceFault::NeverWaits) } else { Ok(()) }
    }

    fn wait(&mut self) -> Ready {
        if self.path == Path::ConvertedByPlug {
            return self.wait_by_the_clock();
        }
        match self.pcm.wait(Some(self.wait_ms)) {
            Err(error) => return Ready::Fault(fault_of(error)),
            Ok(false) => return Ready::Timeout,
            Ok(true) => {}
        }
        match self.stamp() {
            Err(fault) => Ready::Fault(fault),
            Ok(Some(stamp)) => Ready::Frames(stamp),
            Ok(None) if self.path == Path::KernelMmap => Ready::Timeout,
            Ok(None) => self.plugin_without_frames(),
        }
    }

    fn read(&mut self, frames: u32, take: &mut dyn FnMut(&[u8])) -> std::result::Result<u32, SourceFault> {
        let frame_bytes = self.layout.frame_bytes();
        let io = self.pcm.io_bytes();
        let read = io.mmap(frames as usize, |area| {
            let whole = (area.len() / frame_bytes).min(frames as usize);
            take(&area[..whole * frame_bytes]);
            whole
        });
        read.map(|frames| frames as u32).map_err(fault_of)
    }

    fn recover(&mut self, fault: SourceFault) -> std::result::Result<(), SourceFault> {
        if fault == SourceFault::Suspended {
            match self.pcm.resume() {
                Ok(()) => return Ok(()),
                Err(error) if error.errno() == Errno::EAGAIN as i32 => {
                    std::thread::sleep(Duration::from_millis(WAIT_MS_MIN));
                    return Err(SourceFault::Suspended);
                }
                Err(_) => {} // the driver cannot resume: start again
            }
        }
        self.pcm.prepare().and_then(|()| self.pcm.start()).map_err(fault_of)
    }
}

/// Returns the descriptor to ask for the driver's stamps. A card shared through a plugin (dsnoop) has none, but `status`
/// works for it.
fn driver_of(pcm: &PCM) -> Option<RawFd> {
    let [only] = pcm.get().ok()?[..] else { return None };
    stamp_of(only.fd).is_ok().then_some(only.fd)
}

/// Returns when the driver last moved the pointer (`SNDRV_PCM_IOCTL_SYNC_PTR` without `HWSYNC`).
fn stamp_of(driver: RawFd) -> alsa::Result<MonoNs> {
    // Safety: any other file refuses the call. Passing a number (any number) asks the kernel for its own; `None` would set
    // it to 0, contrary to its name.
    let status = unsafe { SyncPtrStatus::sync_ptr(driver, false, Some(0), Some(0)) }?;
    Ok(moment(status.htstamp()))
}

fn moment(at: alsa::timespec) -> MonoNs {
    MonoNs(at.tv_sec as u64 * NS_PER_S + at.tv_nsec as u64)
}

/// Returns the fault that an errno of ALSA means.
fn fault_of(error: alsa::Error) -> SourceFault {
    match Errno::from_raw(error.errno()) {
        Errno::EPIPE => SourceFault::Xrun,
        Errno::ESTRPIPE => SourceFault::Suspended,
        Errno::ENODEV | Errno::ENXIO | Errno::EBADFD => SourceFault::Gone,
        other => SourceFault::Io(other as i32),
    }
}

/// Plugins in every alsa-lib that cannot be captured from.
const NO_DEVICES: [&str; 8] =
    ["null", "lavrate", "samplerate", "speexrate", "speex", "upmix", "vdownmix", "default"];

/// Returns the capture PCMs of the ALSA configuration that are no kernel cards: jack, pulse and PCMs added by the user.
pub fn plugin_pcms() -> Vec<String> {
    let Ok(hints) = alsa::device_name::HintIter::new_str(None, "pcm") else { return Vec::new() };
    hints
        .filter(|hint| hint.direction != Some(Direction::Playback))
        .filter_map(|hint| hint.name)
        .filter(|name| !name.contains("CARD=") && !NO_DEVICES.contains(&name.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_does_not_open_says_what_to_do() {
        let wish = DeviceRequest { period_frames: 128, channels: None };
        let Err(missing) = AlsaSource::open("hw:CARD=Nowhere", wish) else { panic!("there is no such card") };
        let words = missing.to_string();
        assert!(words.contains("'hw:CARD=Nowhere'") && words.contains("synthwire devices"), "{words}");
    }

    #[test]
    fn a_name_of_any_length_is_refused_in_words_and_ends_nothing() {
        let wish = DeviceRequest { period_frames: 128, channels: None };
        for length in [240, 300, 1000, 4000] {
            let name = "a".repeat(length);
            let Err(missing) = AlsaSource::open(&name, wish) else { panic!("there is no such device") };
            assert!(missing.to_string().contains("cannot open"), "{missing}");
        }
    }

    #[test]
    fn a_plugin_that_never_waits_is_refused_at_its_start() {
        let wish = DeviceRequest { period_frames: 128, channels: None };
        for name in ["null", "plug:null", "tee:SLAVE='null',FILE='/dev/null',FORMAT=raw"] {
            let mut source = AlsaSource::open(name, wish).unwrap();
            assert_eq!(source.start(), Err(SourceFault::NeverWaits), "{name}");
        }
    }

    #[test]
    fn every_errno_of_a_stream_is_a_fault_with_a_way_on() {
        let fault = |errno: Errno| fault_of(alsa::Error::new("test", errno as i32));
        assert_eq!(fault(Errno::EPIPE), SourceFault::Xrun);
        assert_eq!(fault(Errno::ESTRPIPE), SourceFault::Suspended);
        assert_eq!(fault(Errno::ENODEV), SourceFault::Gone);
        assert_eq!(fault(Errno::EIO), SourceFault::Io(Errno::EIO as i32));
    }
}
