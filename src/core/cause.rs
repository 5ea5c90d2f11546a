//! The causes of missing frames: one list of codes for the wire, the page, the log and the status.

use serde::Serialize;

/// The cause that kept frames from a listener, with the numbers of `docs/ref/wire-format.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u16)]
pub enum Cause {
    /// The service was too late to fetch frames from the device.
    CaptureXrun = 1,
    /// The device delivered fewer frames than its clock says it should have.
    UsbLoss = 2,
    /// The synth was unplugged, switched off, or stopped delivering.
    DeviceGone = 3,
    /// The service was too busy to take frames from the capture thread.
    HandoffFull = 4,
    /// Another instrument took over.
    SourceChange = 5,
    /// A listener's queue was full.
    QueueDrop = 6,
}

impl Cause {
    /// All causes, in the order of their codes.
    pub const ALL: [Self; 6] = [
        Self::CaptureXrun,
        Self::UsbLoss,
        Self::DeviceGone,
        Self::HandoffFull,
        Self::SourceChange,
        Self::QueueDrop,
    ];

    /// Returns the code on the wire.
    pub fn code(self) -> u16 {
        self as u16
    }

    /// Returns the cause of a wire code, if the code is known.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.code() == code)
    }

    /// Returns the name used in the page, the log and the status.
    pub fn name(self) -> &'static str {
        match self {
            Self::CaptureXrun => "capture_xrun",
            Self::UsbLoss => "usb_loss",
            Self::DeviceGone => "device_gone",
            Self::HandoffFull => "handoff_full",
            Self::SourceChange => "source_change",
            Self::QueueDrop => "queue_drop",
        }
    }
}
