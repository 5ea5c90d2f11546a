//! The requests to a device, their order, and the reading of its answer.

use super::super::preference::{Channels, KNOWN_RATES, Offer, Order, Unusable};
use super::refusal::{Settled, refusal, remedy};
use crate::core::convert::SampleFormat;
use crate::core::layout::{DeviceAnswer, Layout, buffer_wish};
use crate::error::{Error, Result};
use crate::units::CHANNELS_MAX;
use alsa::pcm::{Access, Format, HwParams, PCM, TstampType};
use alsa::{Direction, ValueOr};
use nix::errno::Errno;

/// The values to ask a device for.
#[derive(Clone, Copy, Debug)]
pub struct DeviceRequest {
    /// Frames between wake-ups.
    pub period_frames: u32,
    /// Channels to ask for. By default, as many as the device offers, or two if it would accept any number.
    pub channels: Option<u16>,
}

/// Formats by preference: the widest first, then packed 24 bit, which most USB devices deliver.
const FORMATS: [(Format, SampleFormat); 5] = [
    (Format::S32LE, SampleFormat::S32Le),
    (Format::S243LE, SampleFormat::S24Le3),
    (Format::S24LE, SampleFormat::S24Le),
    (Format::S16LE, SampleFormat::S16Le),
    (Format::FloatLE, SampleFormat::F32Le),
];

/// Formats that we cannot read, but name when a device has no other.
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

/// Opens `name`. If it does not offer mmap, opens `plug` over it, with the device's own channels, because `plug` would
/// offer any number.
pub(super) fn open_mapped(name: &str) -> Result<(PCM, Option<Channels>)> {
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
    // Non-blocking: a busy device answers EBUSY instead of blocking us.
    PCM::new(name, Direction::Capture, true)
        .map_err(|error| refusal("cannot open", error, remedy(Errno::from_raw(error.errno()))).of(name))
}

/// A request to a device.
pub(super) struct Asking {
    pub(super) wish: DeviceRequest,
    pub(super) on_card: bool,
    /// The channels of the device behind the `plug` that maps it.
    pub(super) own: Option<Channels>,
    /// True if the user named a PCM that converts.
    pub(super) may_convert: bool,
}

/// Settles all parameters with the device and returns whether its rate is converted. Takes the first number of channels
/// that works with a rate and a format. If none works and the user named a PCM that converts, asks it to convert. A device
/// that fails is not asked again: each question may take seconds.
pub(super) fn negotiate(pcm: &PCM, asking: Asking) -> Settled<(Layout, bool)> {
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

/// Returns the result for the first number of channels that the device accepts. Otherwise returns why it refused the best
/// one, or how it failed.
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

/// Returns a device's abilities, with or without rate conversion.
fn abilities(pcm: &PCM, converted: bool) -> Settled<HwParams<'_>> {
    let hw = HwParams::any(pcm).map_err(|e| refusal("cannot read the abilities of", e, ""))?;
    hw.set_access(Access::MMapInterleaved).map_err(|e| refusal("cannot map", e, ""))?;
    hw.set_rate_resample(converted).map_err(|e| refusal("cannot choose the resampling of", e, ""))?;
    Ok(hw)
}

pub(super) fn channels_of(hw: &HwParams<'_>, on_card: bool) -> Channels {
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

/// Sets channels, rate, format, then buffer and period: each narrows the choice for the rest (the order used in the field).
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
    // The buffer must hold twice the least period of the device, or every frame would be an overrun.
    let period_least = hw.get_period_size_min().unwrap_or(0).max(i64::from(period_frames));
    hw.set_buffer_size_near(i64::from(buffer_wish(rate)).max(4 * period_least))
        .map_err(|e| refusal("cannot size the buffer of", e, ""))?;
    hw.set_period_size_near(i64::from(period_frames), ValueOr::Nearest)
        .map_err(|e| refusal("cannot set the period of", e, "Try another period_frames"))?;
    pcm.hw_params(&hw).map_err(|e| refusal("cannot configure", e, "Try another period_frames"))?;
    answered(&hw, format)
}

/// Returns the values the device has settled on. From here on only these count, not the requested ones.
fn answered(hw: &HwParams<'_>, format: SampleFormat) -> Settled<Layout> {
    let unread = |e| refusal("cannot read the settings of", e, "");
    let answer = DeviceAnswer {
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

/// Sets the device to wake us once per period, stamp by the raw clock, start only on request, and stop only after an
/// overrun.
pub(super) fn start_by_hand(pcm: &PCM, period_frames: u32) -> alsa::Result<()> {
    let sw = pcm.sw_params_current()?;
    sw.set_avail_min(i64::from(period_frames))?;
    sw.set_start_threshold(i64::MAX / 2)?;
    sw.set_tstamp_mode(true)?;
    sw.set_tstamp_type(TstampType::MonotonicRaw)?;
    pcm.sw_params(&sw)
}

#[cfg(test)]
mod tests {
    use super::super::refusal::Refusal;
    use super::*;

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
}
