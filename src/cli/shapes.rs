//! The lines that a report may contain: a list of shapes, each of fixed words and numbers. A line that fits none is left
//! out. Pure.
//!
//! A shape never lets free text through: it has no placeholder where a name, an address or a serial number
//! could occur.
//! `<n>` is a number, `<N>` a number of the status, `<x>` up to four hexadecimal digits, `<port>` a position
//! on the USB bus, `<pci>` a position on PCI.

use regex_lite::Regex;

/// The patterns of the placeholders.
const HOLES: [(&str, &str); 7] = [
    ("<N>", r"-?[0-9]{1,16}(?:\.[0-9]{1,20})?(?:e-?[0-9]{1,3})?"),
    ("<n>", r"-?[0-9]{1,10}(?:\.[0-9]{1,6})?"),
    ("<x>", "[0-9a-fA-F]{1,4}"),
    ("<port>", r"(?:usb)?[0-9]{1,2}(?:-[0-9]{1,2}(?:\.[0-9]{1,2}){0,5})?(?::[0-9]{1,2}\.[0-9]{1,2})?"),
    ("<pci>", r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9]"),
    ("<speed>", "(?:low|full|high|super|SuperSpeed|SuperSpeed Plus Gen 2x1)-?(?:speed)?"),
    ("<host>", "(?:xhci[_-]hcd|dwc2|dwc_otg|ehci-pci|ehci-platform|ohci-pci|ohci-platform|uhci_hcd)"),
];

pub(super) const SYSTEM: &[&str] = &[
    "ID=\"?(?:debian|raspbian|ubuntu|fedora|arch)\"?",
    "VERSION_ID=\"?<n>\"?",
    "VERSION_CODENAME=\"?(?:bookworm|trixie|forky|jammy|noble|sid)\"?",
    "IMAGE_VERSION=\"?<n>(?:\\.<n>)?\"?",
];
pub(super) const KERNEL: &[&str] = &[
    r"[0-9]{1,2}\.[0-9]{1,3}(?:\.[0-9]{1,3})?(?:[-+](?:deb[0-9]{1,2}u?[0-9]{0,2}|rt[0-9]{0,2}|rpi|v8|v7l?|arm64|amd64|armhf|cloud|generic|raspi|2712|bpo|[0-9]{1,3})){0,8}",
];
pub(super) const ARCHITECTURE: &[&str] = &["aarch64|armv7l|armv6l|x86_64|riscv64"];
pub(super) const FLAG: &[&str] = &["[01]"];
pub(super) const COMMAND_LINE: &[&str] = &[
    "(?:isolcpus|nohz_full|rcu_nocbs|irqaffinity|maxcpus|nr_cpus)=(?:(?:managed_irq|domain|nohz),)?[0-9]{1,2}(?:[-,][0-9]{1,2}){0,4}",
    "(?:panic|coherent_pool|usbcore\\.autosuspend|loglevel|systemd\\.watchdog_sec)=<n>[KMs]?",
    "preempt=(?:full|voluntary|none|lazy)",
    "dwc_otg\\.[a-z_]{1,24}=[01]",
    "threadirqs|quiet|rootwait|ro|rw|splash|nosmt|skew_tick=1",
    "(?:cgroup_enable|cgroup_disable)=(?:memory|cpuset)",
];
pub(super) const BOARD: &[&str] = &[
    r"Raspberry Pi(?: Compute Module)? (?:[0-9]{1,3}|Zero)(?: (?:2|W|Model [AB]|Plus|Lite)){0,3}(?: Rev [0-9]\.[0-9])?",
    r"Raspberry Pi Model [AB](?: Plus)?(?: Rev [0-9]\.?[0-9]?)?",
    "linux,dummy-virt",
];
pub(super) const LOAD: &[&str] = &["<n> <n> <n> <n>/<n> <n>"];
pub(super) const MEMORY: &[&str] =
    &["(?:MemTotal|MemFree|MemAvailable|SwapTotal|SwapFree|Mlocked|Dirty): +<n> kB"];
pub(super) const GOVERNOR: &[&str] = &["performance|powersave|ondemand|schedutil|conservative|userspace"];
pub(super) const NUMBER: &[&str] = &["<n>"];
pub(super) const THROTTLED: &[&str] = &["0x[0-9a-f]{1,8}"];
pub(super) const USB_DEVICE: &[&str] = &["<x>", r"[0-9]\.[0-9]{2}", "<n>mA", "<n>"];
pub(super) const USB_DRIVER: &[&str] = &[
    "DRIVER=(?:snd-usb-audio|usb|hub|usbhid|usb-storage|uas|cdc_acm|cdc_ether|r8152|ax88179_178a|lan78xx|smsc95xx|btusb|uvcvideo)",
    "PRODUCT=<x>/<x>/<x>",
    "TYPE=<n>/<n>/<n>",
    "INTERFACE=<n>/<n>/<n>",
];
pub(super) const STREAM: &[&str] = &[
    "(?:Playback|Capture):",
    "Status: (?:Running|Stop)",
    "Interface = <n>",
    "Interface <n>",
    "Altset = ?<n>|Altset <n>",
    "(?:Packet Size|URBs|Momentary freq|Feedback Format|Data packet interval|Bits|Channels|Rates)(?: =|:) <n>(?: (?:Hz \\(0x<x>\\.<x>\\)|us))?",
    "Rates: <n>(?:, <n>){1,12}|Rates: <n> - <n> \\(continuous\\)",
    "Feedback Format = <n>\\.<n>",
    "Format: (?:S16_LE|S24_3LE|S32_LE|S24_LE|FLOAT_LE|U8|SPECIAL|DSD_U32_BE)(?: (?:S16_LE|S24_3LE|S32_LE|S24_LE|FLOAT_LE|U8)){0,3}",
    "Endpoint: 0x<x> \\([0-9] (?:IN|OUT)\\) \\((?:ASYNC|SYNC|ADAPTIVE|NONE)\\)",
    "Sync Endpoint: 0x<x> \\([0-9] (?:IN|OUT)\\)",
    "Sync EP (?:Interface|Altset|Format)?:? ?<n>",
    "Implicit Feedback Mode: (?:Yes|No)",
    "Channel map: (?:(?:--|FL|FR|FC|LFE|RL|RR|MONO|FLC|FRC|RC|SL|SR|TC) ?){1,32}",
];
pub(super) const HARDWARE: &[&str] = &[
    "closed",
    "access: (?:MMAP|RW)_(?:INTERLEAVED|NONINTERLEAVED)",
    "format: (?:S16_LE|S24_3LE|S32_LE|S24_LE|FLOAT_LE)",
    "subformat: STD",
    "(?:channels|period_size|buffer_size): <n>",
    "rate: <n> \\(<n>/<n>\\)",
];
pub(super) const UNIT: &[&str] = &[
    "ActiveState=(?:active|activating|inactive|failed|deactivating|reloading)",
    "SubState=(?:running|start|start-pre|auto-restart|dead|failed|stop|stop-sigterm|exited|reload)",
    "Result=(?:success|exit-code|signal|core-dump|watchdog|timeout|start-limit-hit|resources|protocol)",
    "(?:NRestarts|ExecMainStatus|MemoryCurrent|CPUUsageNSec|TasksCurrent)=[0-9]{1,16}",
    "WatchdogUSec=(?:[0-9]{1,3}(?:min|ms|s) ?){1,2}",
];
pub(super) const CLOCK: &[&str] = &["(?:NTP|CanNTP|NTPSynchronized|LocalRTC)=(?:yes|no)"];
pub(super) const KERNEL_WORDS: &[&str] = &[
    "usb <port>: new <speed> USB device number <n> using <host>",
    "usb <port>: reset <speed> USB device number <n> using <host>",
    "usb <port>: New USB device found, idVendor=<x>, idProduct=<x>, bcdDevice= ?<x>\\.<x>",
    "usb <port>: New USB device strings: Mfr=[0-9]{1,3}, Product=[0-9]{1,3}, SerialNumber=[0-9]{1,3}",
    "usb <port>: USB disconnect, device number <n>",
    "usb <port>: device descriptor read/(?:8|64|all), error <n>",
    "usb <port>: device not accepting address <n>, error <n>",
    "usb <port>: can't set config #<n>, error <n>",
    "usb <port>: <n>:<n>: cannot (?:get|set) freq(?: <n>)? (?:at|to) ep 0x<x>",
    "usb <port>: clock source <n> is not valid, cannot use",
    "usb <port>: cannot submit urb(?: <n>)?, error <n>: (?:unknown error|no device|not enough bandwidth|internal error)",
    "usb (?:usb)?<port>(?:-port<n>)?: (?:unable to enumerate USB device|Cannot enable\\. Maybe the USB cable is bad\\?|over-current change #<n>|attempt power cycle)",
    "usb <port>: (?:retire_capture_urb|retire_playback_urb): <n> callbacks suppressed",
    "hub <port>: (?:USB hub found|<n> ports? detected)",
    "hwmon hwmon<n>: (?:Undervoltage detected!|Voltage normalised)",
    "(?:Under-voltage detected!|Voltage normalised)(?: \\(0x[0-9a-f]{1,8}\\))?",
    "xhci[_-]hcd <pci>: (?:xHCI Host Controller|HC died; cleaning up|xHCI host controller not responding, assume dead|WARN: HC couldn't access mem fast enough for slot <n> ep <n>|ERROR Transfer event TRB DMA ptr not part of current TD ep_index <n> comp_code <n>)",
    "usbcore: registered new interface driver (?:snd-usb-audio|usbfs|hub|usbhid|uas|usb-storage|cdc_acm|r8152)",
];
/// Shapes of the status, flattened to one line per number. Text values have their own shapes, word by word.
pub(super) const STATUS: &[&str] = &[
    "version: [0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}",
    "uptime_s: <N>",
    "ill: (?:null|untried|sender_missing|sender_stopped|source_kept|no_packets|no_messages)",
    "source\\.kind: (?:synth|demo|test|none)",
    "source\\.state: (?:playing|waiting|lost|stalled|ended)",
    "source\\.(?:channels|first_channel|rate_hz|period_frames): <N>",
    "(?:capture|fan_out\\.real_time|tls_handshakes|update): null",
    "capture\\.(?:rate_hz|channels|period_frames|buffer_frames): <N>",
    "capture\\.path: (?:kernel_mmap|plugin_mmap|emulated_mmap|converted_by_plug|generator)",
    "capture\\.format: (?:S16_LE|S24_3LE|S32_LE|S24_LE|FLOAT_LE)",
    "(?:capture|fan_out)\\.real_time\\.(?:fifo_priority|cpu|locked_bytes): (?:<N>|null)",
    "stream\\.(?:rate_hz|period_frames|chunk_frames|periods|frames|packets|device_delay_ms|wake_late_ms_max|timeouts|drift_ppm): (?:<N>|null)",
    "listeners\\.(?:now|max|joined|refused|connections|connections_refused|messages): <N>",
    "listeners\\.glitches\\.(?:network_late|render_underrun|tab_suspended|unexplained_loss|bad_packet|service_stopped): <N>",
    "fan_out\\.capture_to_socket\\.(?:messages|p50_ms|p99_ms|p999_ms|max_ms): (?:<N>|null)",
    "fan_out\\.(?:ticks|busy_ms|floor_packets|breaths|partial_writes|blocked|caught_up|control_full|control_first|reports_skipped): <N>",
    "tls_handshakes\\.(?:now|waiting|done|failed|late|refused): <N>",
    "update\\.state: (?:idle|receiving|installing|waiting|restarting|trying|installed|refused|fell_back)",
    "update\\.reason: (?:no_bundle|signature|compatible|busy|older|interrupted|failed|no_start|no_answer)",
    "update\\.(?:percent|bytes_max): <N>",
    "<counted>: <N>",
];

/// Compiled shapes; a line fits as a whole or not at all.
pub(super) struct Shapes(Vec<Regex>);

impl Shapes {
    /// Compiles a list; `counted` are the names of losses and refusals, which are declared elsewhere.
    pub(super) fn of(list: &[&str], counted: &str) -> Self {
        let ready = |shape: &&str| {
            let shape =
                HOLES.iter().fold(shape.replace("<counted>", counted), |shape, (hole, stands_for)| {
                    shape.replace(hole, stands_for)
                });
            Regex::new(&format!("^(?:{shape})$")).expect("the shapes are ours, and a test makes each ready")
        };
        Self(list.iter().map(ready).collect())
    }

    /// Returns whether a line may be shown.
    pub(super) fn fit(&self, line: &str) -> bool {
        self.0.iter().any(|shape| shape.is_match(line))
    }
}
