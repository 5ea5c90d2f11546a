//! ALSA capture in mmap mode: opening by negotiation, then waiting and reading as a [`Source`].
//!
//! `IO::mmap` (`snd_pcm_mmap_begin`/`commit`) is used, never `MmapCapture`: that maps the kernel's status pages, which ARM
//! refuses (alsa-rs issue 34). `PCM::state()` is never called: it panics on the values an unplugged device returns.
//!
//! Two ways to the same frames, named in the status as the path in use:
//! - **kernel**: a card's own PCM. The pointer (`avail_update`) and its stamp (`CLOCK_MONOTONIC_RAW`, [`stamp_of`]) are those
//!   of the driver's last interrupt. `status`, `avail` and `delay` are not called: each has the kernel look at the pointer
//!   once more and stamp that look (`update_audio_tstamp` of its ALSA core), which is later by the time we took to wake.
//! - **plugin**: jack, pulse and the like. `avail()`, because with `avail_update()` the pulse plugin's pointer never moves;
//!   stamped by ourselves, because plugins stamp nothing. A PCM that refuses mmap is opened through `plug`, which emulates it.

use super::preference::{Channels, KNOWN_RATES, Offer, Order, Unusable, names_plug};
use super::{Clock, Ready, Source, SourceFault, Stamp};
use crate::clock::mono_raw_now;
use crate::core::convert::SampleFormat;
use crate::core::layout::{Answer, Layout, buffer_wish};
use crate::error::{Error, Result};
use crate::units::{CHANNELS_MAX, MonoNs, NS_PER_S};
use alsa::direct::pcm::SyncPtrStatus;
use alsa::pcm::{Access, Format, HwParams, PCM, State, TstampType};
use alsa::{Direction, Output, PollDescriptors, ValueOr};
use nix::errno::Errno;
use std::os::fd::RawFd;
use std::time::Duration;

/// Periods a wait may take before it comes back empty-handed.
const WAIT_PERIODS: u64 = 8;
/// The shortest such wait.
const WAIT_MS_MIN: u64 = 20;
/// A plugin whose wait returns before a period is there is asked again after this pause: some never block.
const PLUGIN_PAUSE: Duration = Duration::from_micros(500);
/// Formats by preference: the widest first, packed 24 bit as most USB devices deliver it.
const FORMATS: [(Format, SampleFormat); 5] = [
    (Format::S32LE, SampleFormat::S32Le),
    (Format::S243LE, SampleFormat::S24Le3),
    (Format::S24LE, SampleFormat::S24Le),
    (Format::S16LE, SampleFormat::S16Le),
    (Format::FloatLE, SampleFormat::F32Le),
];

/// Formats that are not read, but named when a device has no other.
const OTHER_FORMATS: [Format; 14] = [
    Format::S8,
    Format::U8,
    Format::S16BE,
    Format::U16LE,
    Format::U16BE,
    Format::S24BE,
    Format::U24LE,
    Format::S32BE,
    Format::U32LE,
    Format::FloatBE,
    Format::Float64LE,
    Format::MuLaw,
    Format::ALaw,
    Format::S243BE,
];

/// How frames are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// A kernel card's PCM, mapped.
    KernelMmap,
    /// A plugin that offers mmap itself.
    PluginMmap,
    /// A PCM without mmap, through `plug`.
    EmulatedMmap,
    /// A `plug` that was named as the device and converts the rate, because its device offers none that is played.
    ConvertedByPlug,
}

impl Path {
    /// Its name in the status.
    pub fn name(self) -> &'static str {
        match self {
            Self::KernelMmap => "kernel_mmap",
            Self::PluginMmap => "plugin_mmap",
            Self::EmulatedMmap => "emulated_mmap",
            Self::ConvertedByPlug => "converted_by_plug",
        }
    }
}

/// What to ask a device for.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Frames between wake-ups.
    pub period_frames: u32,
    /// Channels to ask for; without, as many as the device offers (two where it would make up any number).
    pub channels: Option<u16>,
}

/// An opened capture device.
pub struct AlsaSource {
    pcm: PCM,
    layout: Layout,
    clock: Clock,
    path: Path,
    /// The kernel's PCM, where the driver's own stamps can be had from it.
    driver: Option<RawFd>,
    wait_ms: u32,
}

impl AlsaSource {
    /// Opens PCM `name` and settles every parameter; nothing runs yet.
    ///
    /// # Errors
    /// What the device refused, and what to do about it.
    pub fn open(name: &str, wish: Wish) -> Result<Self> {
        // What alsa-lib would print by itself goes nowhere: our own errors say what failed, and a retry must not spam.
        let _quiet = Output::local_error_handler();
        // alsa-lib caches its configuration: a card plugged in since would stay unknown by name.
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

    /// How frames are fetched.
    pub fn path(&self) -> Path {
        self.path
    }

    /// Where the device stands, `None` before a period is there.
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
            // A pointer that moves meanwhile may not be the stamp's: the next wait, which is over at once, gives both.
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

    /// `snd_pcm_wait` of alsa-lib 1.2.7 and 1.2.8 calls a wrong address where the rate is converted (mended in 1.2.9), so it is not
    /// called there: whether a period has come is asked until the wait is over.
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

    /// Woken for nothing: some plugins wake early, others (and `plug`'s emulation) tell an overrun by their state alone.
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
        self.pcm.start().map_err(fault_of)
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
                Err(_) => {} // the driver cannot resume: begin anew
            }
        }
        self.pcm.prepare().and_then(|()| self.pcm.start()).map_err(fault_of)
    }
}

/// The descriptor to ask for the driver's stamps: none of a card that is shared through a plugin (dsnoop), which `status` serves.
fn driver_of(pcm: &PCM) -> Option<RawFd> {
    let [only] = pcm.get().ok()?[..] else { return None };
    stamp_of(only.fd).is_ok().then_some(only.fd)
}

/// When the driver last moved the pointer (`SNDRV_PCM_IOCTL_SYNC_PTR` without `HWSYNC`).
fn stamp_of(driver: RawFd) -> alsa::Result<MonoNs> {
    // Safety: any other file refuses the call. A number given (whatever it is) asks the kernel for its own; `None` would set
    // it to 0, contrary to its name.
    let status = unsafe { SyncPtrStatus::sync_ptr(driver, false, Some(0), Some(0)) }?;
    Ok(moment(status.htstamp()))
}

fn moment(at: alsa::timespec) -> MonoNs {
    MonoNs(at.tv_sec as u64 * NS_PER_S + at.tv_nsec as u64)
}

/// The fault an errno of ALSA means.
fn fault_of(error: alsa::Error) -> SourceFault {
    match Errno::from_raw(error.errno()) {
        Errno::EPIPE => SourceFault::Xrun,
        Errno::ESTRPIPE => SourceFault::Suspended,
        Errno::ENODEV | Errno::ENXIO | Errno::EBADFD => SourceFault::Gone,
        other => SourceFault::Io(other as i32),
    }
}

/// Plugins of every alsa-lib that are no place to capture from.
const NO_DEVICES: [&str; 8] =
    ["null", "lavrate", "samplerate", "speexrate", "speex", "upmix", "vdownmix", "default"];

/// Capture PCMs of the ALSA configuration that are no kernel card's: jack, pulse and whatever was added by hand.
pub fn plugin_pcms() -> Vec<String> {
    let Ok(hints) = alsa::device_name::HintIter::new_str(None, "pcm") else { return Vec::new() };
    hints
        .filter(|hint| hint.direction != Some(Direction::Playback))
        .filter_map(|hint| hint.name)
        .filter(|name| !name.contains("CARD=") && !NO_DEVICES.contains(&name.as_str()))
        .collect()
}

/// Opens `name`, or `plug` over it where it does not offer mmap: then with the channels it has itself, for `plug` would offer any.
fn open_mapped(name: &str) -> Result<(PCM, Option<Channels>)> {
    let pcm = open_pcm(name)?;
    let on_card = pcm.info().is_ok_and(|info| info.get_card() >= 0);
    let own = match HwParams::any(&pcm) {
        Ok(hw) if hw.test_access(Access::MMapInterleaved).is_ok() => None,
        Ok(hw) => Some(channels_of(&hw, on_card)),
        Err(error) => return Err(refusal("cannot read the abilities of", error, "").of(name)),
    };
    if own.is_none() {
        return Ok((pcm, None));
    }
    drop(pcm);
    Ok((open_pcm(&format!("plug:SLAVE='{name}'"))?, own))
}

fn open_pcm(name: &str) -> Result<PCM> {
    if name.contains('\0') {
        return Err(Error::new(format!("the device name {name:?} holds a zero byte")));
    }
    // Non-blocking: a busy device answers EBUSY instead of keeping us.
    PCM::new(name, Direction::Capture, true)
        .map_err(|error| refusal("cannot open", error, remedy(Errno::from_raw(error.errno()))).of(name))
}

/// What a person can do about a device that does not open.
fn remedy(errno: Errno) -> &'static str {
    match errno {
        Errno::EBUSY => {
            "Another program has it open: end it ('fuser -v /dev/snd/*' names it), or stop PipeWire and PulseAudio \
             with 'systemctl --user stop pipewire pulseaudio'. It is tried again by itself"
        }
        Errno::EACCES | Errno::EPERM => {
            "This user may not open sound devices: 'sudo usermod -aG audio $USER', then log in again"
        }
        _ => "'synthwire devices' lists what there is; check the cable and that the synth is switched on",
    }
}

/// What a device has settled, or its refusal.
type Settled<T> = std::result::Result<T, Refusal>;

/// A refusal that does not know the device's name yet.
struct Refusal {
    doing: String,
    cause: Cause,
    remedy: String,
}

/// Why a device cannot be had.
enum Cause {
    /// alsa-lib or the kernel said so.
    Errno(Errno),
    /// It is not what can be played.
    Words(String),
}

impl Refusal {
    /// Whether the device is in order and has not got what was asked for: it may have something else.
    fn is_of_the_offer(&self) -> bool {
        matches!(self.cause, Cause::Words(_) | Cause::Errno(Errno::EINVAL | Errno::ENOSPC))
    }

    fn of(self, name: &str) -> Error {
        let remedy = self.remedy.replace("NAME", name);
        let error = Error::new(format!("{} the sound device '{name}'", self.doing));
        let (error, absent) = match self.cause {
            Cause::Words(why) => (error.because(why), false),
            Cause::Errno(errno) => (
                error.because(errno.desc()),
                matches!(errno, Errno::ENOENT | Errno::ENODEV | Errno::ENXIO | Errno::ECONNREFUSED),
            ),
        };
        let error = if remedy.is_empty() { error } else { error.try_this(remedy) };
        if absent { error.absent() } else { error }
    }
}

impl From<Unusable> for Refusal {
    fn from(Unusable { what, remedy }: Unusable) -> Self {
        Self { doing: "cannot use".into(), cause: Cause::Words(what), remedy }
    }
}

fn refusal(doing: &str, cause: alsa::Error, remedy: &str) -> Refusal {
    Refusal {
        doing: doing.to_owned(),
        cause: Cause::Errno(Errno::from_raw(cause.errno())),
        remedy: remedy.to_owned(),
    }
}

/// What is asked of a device.
struct Asking {
    wish: Wish,
    on_card: bool,
    /// The channels of the device under the `plug` that maps it.
    own: Option<Channels>,
    /// Its user named a PCM that converts.
    may_convert: bool,
}

/// Settles everything with the device; whether its rate is converted. The first number of channels that goes with a rate and a
/// format is taken. A device that has none is asked to convert, where its user named one that does. One that fails is not asked
/// again: every question may take it seconds.
fn negotiate(pcm: &PCM, asking: Asking) -> Settled<(Layout, bool)> {
    let hw = abilities(pcm, false)?;
    let offered = asking.own.unwrap_or_else(|| channels_of(&hw, asking.on_card));
    let order = offered.in_order(asking.wish.channels)?;
    match first_that_goes(&order, |channels| configured(pcm, &hw, channels, asking.wish.period_frames)) {
        Ok(layout) => return Ok((layout, false)),
        Err(refused) if refused.is_of_the_offer() && asking.may_convert => {}
        Err(refused) => return Err(refused),
    }
    let hw = abilities(pcm, true)?;
    configured(pcm, &hw, order.best, asking.wish.period_frames).map(|layout| (layout, true))
}

/// The first number of channels that is not refused; else why the best was, or how the device failed.
fn first_that_goes<T>(order: &Order, configured: impl Fn(u32) -> Settled<T>) -> Settled<T> {
    let best_refused = match configured(order.best) {
        Err(refused) if refused.is_of_the_offer() => refused,
        settled_or_failed => return settled_or_failed,
    };
    for channels in &order.others {
        match configured(*channels) {
            Err(refused) if refused.is_of_the_offer() => {}
            settled_or_failed => return settled_or_failed,
        }
    }
    Err(best_refused)
}

/// What a device can do, with its rate converted on the way or not.
fn abilities(pcm: &PCM, converted: bool) -> Settled<HwParams<'_>> {
    let hw = HwParams::any(pcm).map_err(|e| refusal("cannot read the abilities of", e, ""))?;
    hw.set_access(Access::MMapInterleaved).map_err(|e| refusal("cannot map", e, ""))?;
    hw.set_rate_resample(converted).map_err(|e| refusal("cannot choose the resampling of", e, ""))?;
    Ok(hw)
}

fn channels_of(hw: &HwParams<'_>, on_card: bool) -> Channels {
    let playable = (1..=u32::from(CHANNELS_MAX)).filter(|n| hw.test_channels(*n).is_ok()).collect();
    let least = hw.get_channels_min().unwrap_or(0);
    Channels { playable, least, most: hw.get_channels_max().unwrap_or(least), on_card }
}

fn offer_of(hw: &HwParams<'_>) -> Offer {
    let offers = |format: Format| hw.test_format(format).is_ok();
    Offer {
        rates: KNOWN_RATES.into_iter().filter(|rate| hw.test_rate(*rate).is_ok()).collect(),
        formats: FORMATS.iter().filter(|(format, _)| offers(*format)).map(|(_, format)| *format).collect(),
        format_names: OTHER_FORMATS.iter().filter(|f| offers(**f)).map(|f| format!("{f:?}")).collect(),
    }
}

/// Channels, rate, format, then buffer and period: each narrows what is left (the order used in the field).
fn configured(pcm: &PCM, any: &HwParams<'_>, channels: u32, period_frames: u32) -> Settled<Layout> {
    let hw = any.clone();
    hw.set_channels(channels)
        .map_err(|error| refusal(&format!("cannot get {channels} channels from"), error, ""))?;
    let rate = offer_of(&hw).rate()?;
    hw.set_rate(rate.0, ValueOr::Nearest)
        .map_err(|e| refusal(&format!("cannot get {} Hz from", rate.0), e, ""))?;
    let format = offer_of(&hw).format()?;
    let alsas = FORMATS.iter().find(|(_, ours)| *ours == format).map_or(Format::S16LE, |(alsas, _)| *alsas);
    hw.set_format(alsas).map_err(|e| refusal("cannot set the sample format of", e, ""))?;
    // A period it insists on has to fit twice, or every frame would be an overrun.
    let period_least = hw.get_period_size_min().unwrap_or(0).max(i64::from(period_frames));
    hw.set_buffer_size_near(i64::from(buffer_wish(rate)).max(4 * period_least))
        .map_err(|e| refusal("cannot size the buffer of", e, ""))?;
    hw.set_period_size_near(i64::from(period_frames), ValueOr::Nearest)
        .map_err(|e| refusal("cannot set the period of", e, "Try another period_frames"))?;
    pcm.hw_params(&hw).map_err(|e| refusal("cannot configure", e, "Try another period_frames"))?;
    answered(&hw, format)
}

/// What the device has settled on: everything behind here uses this, not what was asked for.
fn answered(hw: &HwParams<'_>, format: SampleFormat) -> Settled<Layout> {
    let unread = |e| refusal("cannot read the settings of", e, "");
    let answer = Answer {
        rate_hz: hw.get_rate().map_err(unread)?,
        channels: hw.get_channels().map_err(unread)?,
        format,
        period_frames: hw.get_period_size().map_err(unread)?.unsigned_abs(),
        buffer_frames: hw.get_buffer_size().map_err(unread)?.unsigned_abs(),
    };
    Layout::new(answer).map_err(|unplayable| {
        Unusable { what: unplayable.to_string(), remedy: unplayable.remedy().to_owned() }.into()
    })
}

/// Wakes per period, stamps by the raw clock, starts when told to, stops only when the ring has overrun.
fn start_by_hand(pcm: &PCM, period_frames: u32) -> alsa::Result<()> {
    let sw = pcm.sw_params_current()?;
    sw.set_avail_min(i64::from(period_frames))?;
    sw.set_start_threshold(i64::MAX / 2)?;
    sw.set_tstamp_mode(true)?;
    sw.set_tstamp_type(TstampType::MonotonicRaw)?;
    pcm.sw_params(&sw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_does_not_open_says_what_to_do() {
        assert!(remedy(Errno::EACCES).contains("usermod -aG audio"));
        assert!(remedy(Errno::EBUSY).contains("fuser"));
        let wish = Wish { period_frames: 128, channels: None };
        let Err(missing) = AlsaSource::open("hw:CARD=Nowhere", wish) else { panic!("there is no such card") };
        let words = missing.to_string();
        assert!(words.contains("'hw:CARD=Nowhere'") && words.contains("synthwire devices"), "{words}");
    }

    #[test]
    fn a_device_that_fails_is_not_asked_for_other_channels() {
        let asked = |why: &dyn Fn() -> Refusal| {
            let asked = std::cell::RefCell::new(Vec::new());
            let settled = first_that_goes(&Order { best: 8, others: vec![4, 2] }, |channels| {
                asked.borrow_mut().push(channels);
                if channels == 2 { Ok(channels) } else { Err(why()) }
            });
            (settled.ok(), asked.into_inner())
        };
        let errno =
            |errno: Errno| move || refusal("cannot configure", alsa::Error::new("test", errno as i32), "");
        for failure in
            [Errno::EIO, Errno::ETIMEDOUT, Errno::ENODEV, Errno::EPROTO, Errno::EPIPE, Errno::EBUSY]
        {
            assert_eq!(asked(&errno(failure)), (None, vec![8]), "{failure}");
        }
        let goes_on = (Some(2), vec![8, 4, 2]);
        assert_eq!(asked(&errno(Errno::EINVAL)), goes_on);
        assert_eq!(asked(&errno(Errno::ENOSPC)), goes_on, "fewer may fit on the bus");
        let words = || Unusable { what: "it runs at 8000 Hz".into(), remedy: String::new() }.into();
        assert_eq!(asked(&words), goes_on);
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
