//! `montage`: runs the virtual instrument. It reads commands from standard input, one per line, and answers
//! each with one line.
//!
//! The program does the I/O around [`montage`]: a socket pair, one end of which it hands to the kernel
//! (`vhci-hcd`, as root), a thread for each input, and the clock. The loop waits for bytes, for a line, or
//! until the next reply is due.
//!
//! With `--moderate-us 4000`, replies to the host come only every 4 ms, all at once, as host controllers can
//! moderate their interrupts. An emulated machine then wakes up a quarter as often.

use montage::control::{COMMANDS, Command};
use montage::descriptors::{Description, MONTAGE};
use montage::device::Device;
use montage::usbip::Inbox;
use std::io::{BufRead, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// The kernel's interface for attaching devices.
const VHCI: &str = "/sys/devices/platform/vhci_hcd.0";
/// High speed, as the kernel numbers it.
const HIGH_SPEED: u32 = 3;
/// The status of a free port of the virtual hub.
const PORT_FREE: &str = "004";
/// Maximum number of inputs that wait for the loop; beyond that, their threads wait.
const INPUTS_MAX: usize = 64;
/// Longest pause that `--moderate-us` permits: below the 12 ms of transfers that the audio driver keeps queued.
const MODERATION_US_MAX: u64 = 10_000;
/// Bytes read from the host at once.
const READ_BYTES: usize = 65_536;

/// The inputs that wake the loop.
enum Input {
    Line(String),
    /// Bytes from the host, on the connection with this number.
    Bytes(u32, Vec<u8>),
    /// The end of that connection.
    Closed(u32),
    /// The end of the commands.
    End,
}

fn main() -> Result<(), String> {
    let mut text = MONTAGE.to_owned();
    let mut moderation_ns = 1;
    let mut words = std::env::args().skip(1);
    while let Some(option) = words.next() {
        match (option.as_str(), words.next()) {
            ("--descriptors", Some(file)) => {
                text =
                    std::fs::read_to_string(&file).map_err(|error| format!("cannot read {file}: {error}"))?;
            }
            ("--moderate-us", Some(number)) => {
                let us = number.parse().ok().filter(|us| (1..=MODERATION_US_MAX).contains(us));
                let us: u64 =
                    us.ok_or(format!("--moderate-us is 1 to {MODERATION_US_MAX}, not '{number}'"))?;
                moderation_ns = us * 1000;
            }
            _ => {
                return Err(format!(
                    "montage [--descriptors FILE] [--moderate-us NUMBER]; then, on the standard input: {COMMANDS}"
                ));
            }
        }
    }
    let (inputs, waiting) = sync_channel(INPUTS_MAX);
    let commands = inputs.clone();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = commands.send(Input::Line(line));
        }
        let _ = commands.send(Input::End);
    });
    let began = Instant::now();
    let device = Device::new(Description::parse(&text)?, 0);
    Shell { device, began, moderation_ns, inputs, host: None, connections: 0 }.run(&waiting);
    Ok(())
}

/// The device and its connections.
struct Shell {
    device: Device,
    began: Instant,
    /// Replies are written at multiples of this time.
    moderation_ns: u64,
    inputs: SyncSender<Input>,
    host: Option<Host>,
    connections: u32,
}

/// A kernel to which the device is connected.
struct Host {
    number: u32,
    socket: UnixStream,
    inbox: Inbox,
}

impl Shell {
    fn now_ns(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    fn run(mut self, waiting: &Receiver<Input>) {
        let mut out = Vec::new();
        loop {
            let input = match self.device.due_ns() {
                None => waiting.recv().ok(),
                Some(due_ns) => {
                    let due_ns = due_ns.next_multiple_of(self.moderation_ns);
                    match waiting.recv_timeout(Duration::from_nanos(due_ns.saturating_sub(self.now_ns()))) {
                        Ok(input) => Some(input),
                        Err(RecvTimeoutError::Timeout) => None,
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            };
            match input {
                Some(Input::End) => return,
                Some(Input::Line(line)) => {
                    let command = Command::parse(&line);
                    let ends = command == Ok(Command::Quit);
                    match command.and_then(|command| self.obey(&command)) {
                        Ok(said) => println!("{}", format!("ok {said}").trim_end()),
                        Err(why) => println!("error {why}"),
                    }
                    if ends {
                        return;
                    }
                }
                Some(Input::Bytes(number, bytes)) => self.hear(number, &bytes, &mut out),
                Some(Input::Closed(number))
                    if self.host.as_ref().is_some_and(|host| host.number == number) =>
                {
                    self.detach();
                }
                Some(Input::Closed(_)) | None => {}
            }
            let now_ns = self.now_ns();
            self.device.advance(now_ns - now_ns % self.moderation_ns, &mut out);
            self.send(&mut out);
        }
    }

    fn obey(&mut self, command: &Command) -> Result<String, String> {
        match command {
            Command::Attach if self.host.is_some() => Err("it is plugged in".into()),
            Command::Attach => self.attach().map(|()| String::new()),
            Command::Detach if self.host.is_none() => Err("it is not plugged in".into()),
            Command::Detach => {
                self.detach();
                Ok(String::new())
            }
            Command::Quit => Ok(String::new()),
            other => self.device.obey(other, self.now_ns()),
        }
    }

    fn attach(&mut self) -> Result<(), String> {
        let (socket, kernels) = UnixStream::pair().map_err(|error| format!("no pair of sockets: {error}"))?;
        let mut from_host = socket.try_clone().map_err(|error| format!("no second handle: {error}"))?;
        let ports = std::fs::read_to_string(format!("{VHCI}/status"))
            .map_err(|error| format!("no virtual USB host here (modprobe vhci-hcd): {error}"))?;
        let port = free_port(&ports).ok_or("every port of the virtual hub is taken")?;
        self.connections += 1;
        let number = self.connections;
        // During this write the kernel takes over the socket; our handle of its end is closed afterwards.
        let words = format!("{port} {} {} {HIGH_SPEED}", kernels.as_raw_fd(), 0x1_0000 + number);
        std::fs::write(format!("{VHCI}/attach"), words)
            .map_err(|error| format!("the kernel refuses it: {error}"))?;
        let inputs = self.inputs.clone();
        std::thread::spawn(move || {
            let mut bytes = vec![0; READ_BYTES];
            while let Ok(read @ 1..) = from_host.read(&mut bytes) {
                if inputs.send(Input::Bytes(number, bytes[..read].to_vec())).is_err() {
                    return;
                }
            }
            let _ = inputs.send(Input::Closed(number));
        });
        self.device.new_host();
        self.host = Some(Host { number, socket, inbox: Inbox::default() });
        Ok(())
    }

    fn detach(&mut self) {
        if let Some(host) = self.host.take() {
            let _ = host.socket.shutdown(Shutdown::Both);
        }
        self.device.new_host();
    }

    fn hear(&mut self, number: u32, bytes: &[u8], out: &mut Vec<u8>) {
        let now_ns = self.now_ns();
        let Some(host) = self.host.as_mut().filter(|host| host.number == number) else { return };
        host.inbox.push(bytes);
        loop {
            match host.inbox.request() {
                Ok(Some(request)) => self.device.take(request, now_ns, out),
                Ok(None) => return,
                Err(refused) => {
                    eprintln!("montage: the kernel sent {}; unplugged", refused.0);
                    return self.detach();
                }
            }
        }
    }

    /// Writes the queued bytes; if the kernel does not take them, the connection is over.
    fn send(&mut self, out: &mut Vec<u8>) {
        if let Some(host) = &mut self.host
            && !out.is_empty()
            && host.socket.write_all(out).is_err()
        {
            self.detach();
        }
        out.clear();
    }
}

/// The first free high-speed port in the kernel's table: `hub port status …`.
fn free_port(status: &str) -> Option<u32> {
    let free = |line: &str| {
        let mut fields = line.split_whitespace();
        let (hub, port, status) = (fields.next()?, fields.next()?, fields.next()?);
        (hub == "hs" && status == PORT_FREE).then(|| port.parse().ok())?
    };
    status.lines().find_map(free)
}

#[cfg(test)]
mod tests {
    use super::free_port;

    #[test]
    fn the_first_free_high_speed_port_is_taken() {
        let status = "hub port sta spd dev      sockfd local_busid\n\
                      hs  0000 006 003 00010001 000003 1-1\nhs  0001 004 000 00000000 000000 0-0\n\
                      ss  0008 004 000 00000000 000000 0-0\n";
        assert_eq!(free_port(status), Some(1));
        assert_eq!(free_port("ss  0008 004 000 00000000 000000 0-0"), None);
    }
}
