//! The commands of a test, one per line; every line is answered by one that begins with `ok` or `error`.

use crate::signal::Signal;

/// The commands.
pub const COMMANDS: &str = "attach | detach | play counter|music|silence | ppm N | stall | resume | drop PACKETS | midi HEX | status | quit";

/// Largest possible error of the crystal.
const PPM_MAX: u32 = 1_000;
/// Maximum number of packets that one command can lose: 10 s.
const DROP_MAX: u32 = 80_000;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Connects the device.
    Attach,
    /// Disconnects the device.
    Detach,
    /// Plays this signal.
    Play(Signal),
    /// Runs the crystal this many parts per million fast.
    Ppm(i32),
    /// Stalls: no sound transfer finishes any more.
    Stall,
    /// Ends the stall.
    Resume,
    /// Loses the next packets that carry sound to the host.
    Drop(u32),
    /// Sends these MIDI bytes.
    Midi(Vec<u8>),
    /// Reports the status.
    Status,
    /// Ends the program.
    Quit,
}

impl Command {
    /// Parses a line.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the line.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        match (verb, rest.as_slice()) {
            ("attach", []) => Ok(Self::Attach),
            ("detach", []) => Ok(Self::Detach),
            ("play", ["counter"]) => Ok(Self::Play(Signal::Counter)),
            ("play", ["music"]) => Ok(Self::Play(Signal::Music)),
            ("play", ["silence"]) => Ok(Self::Play(Signal::Silence)),
            ("ppm", [number]) => match number.parse::<i32>() {
                Ok(ppm) if ppm.unsigned_abs() <= PPM_MAX => Ok(Self::Ppm(ppm)),
                _ => Err(format!("ppm is a whole number from -{PPM_MAX} to {PPM_MAX}")),
            },
            ("stall", []) => Ok(Self::Stall),
            ("resume", []) => Ok(Self::Resume),
            ("drop", [number]) => match number.parse() {
                Ok(packets @ 1..=DROP_MAX) => Ok(Self::Drop(packets)),
                _ => Err(format!("drop is 1 to {DROP_MAX} packets")),
            },
            ("midi", [_, ..]) => {
                let bytes = rest.iter().map(|byte| u8::from_str_radix(byte, 16)).collect::<Result<_, _>>();
                bytes.map(Self::Midi).map_err(|_| "midi bytes are hexadecimal: midi 90 3c 40".into())
            }
            ("status", []) => Ok(Self::Status),
            ("quit", []) => Ok(Self::Quit),
            _ => Err(format!("not understood; there are: {COMMANDS}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood_or_refused() {
        for (line, command) in [
            (" attach ", Command::Attach),
            ("play counter", Command::Play(Signal::Counter)),
            ("ppm -300", Command::Ppm(-300)),
            ("drop 8", Command::Drop(8)),
            ("midi 90 3c 40", Command::Midi(vec![0x90, 0x3c, 0x40])),
        ] {
            assert_eq!(Command::parse(line), Ok(command));
        }
        for line in ["", "attach now", "play", "ppm fast", "ppm 1001", "drop 0", "drop -1", "midi", "midi zz"]
        {
            assert!(Command::parse(line).is_err(), "{line:?}");
        }
    }
}
