//! Refusals of a device, with what to do about them.

use super::super::preference::Unusable;
use crate::error::Error;
use nix::errno::Errno;

/// The result of a step of the negotiation, or the device's refusal.
pub(super) type Settled<T> = std::result::Result<T, Refusal>;

/// A refusal without the device's name, which is added later.
pub(super) struct Refusal {
    doing: String,
    cause: Cause,
    remedy: String,
}

/// The reason why a device cannot be used.
enum Cause {
    /// An error of alsa-lib or the kernel.
    Errno(Errno),
    /// The device offers nothing we can play.
    Words(String),
}

impl Refusal {
    /// Returns whether the device works but does not have what was requested, so that another request may succeed.
    pub(super) fn is_of_the_offer(&self) -> bool {
        matches!(self.cause, Cause::Words(_) | Cause::Errno(Errno::EINVAL | Errno::ENOSPC))
    }

    pub(super) fn of(self, name: &str) -> Error {
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

pub(super) fn refusal(doing: &str, cause: alsa::Error, remedy: &str) -> Refusal {
    Refusal {
        doing: doing.to_owned(),
        cause: Cause::Errno(Errno::from_raw(cause.errno())),
        remedy: remedy.to_owned(),
    }
}

/// Returns what the user can do about a device that does not open.
pub(super) fn remedy(errno: Errno) -> &'static str {
    match errno {
        Errno::EBUSY => {
            "Another program has it open: end it ('fuser -v /dev/snd/*' names it), or stop PipeWire and PulseAudio \
             with 'systemctl --user stop pipewire pulseaudio'. Synthwire retries automatically"
        }
        Errno::EACCES | Errno::EPERM => {
            "This user may not open sound devices: 'sudo usermod -aG audio $USER', then log in again"
        }
        _ => "'synthwire devices' lists what there is; check the cable and that the synth is switched on",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_device_from_opening_has_a_remedy() {
        assert!(remedy(Errno::EACCES).contains("usermod -aG audio"));
        assert!(remedy(Errno::EBUSY).contains("fuser"));
    }
}
