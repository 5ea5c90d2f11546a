//! What a test may ask for, one line each; every line is answered by one that begins with `ok` or `error`.

use crate::signal::Signal;

/// The lines understood.
pub const COMMANDS: &str = "attach | detach | play counter|music|silence | ppm N | stall | resume | drop PACKETS | midi HEX | status | quit";

/// Farthest a crystal may be off.
const PPM_MAX: u32 = 1_000;
/// Most packets lost at one command: 10 s.
const DROP_MAX: u32 = 80_000;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Plug it in.
    Attach,
    /// Pull it out.
    Detach,
    /// Play this.
    Play(Signal),
    /// Run so many parts per million fast.
    Ppm(i32),
    /// Stand still: no transfer of sound is over any more.
    Stall,
    /// Go on.
    Resume,
    /// Lose the next packets that carry sound to the host.
    Drop(u32),
    /// Send these MIDI bytes.
    Midi(Vec<u8>),
    /// Say how it is.
    Status,
    /// End.
    Quit,
}

impl Command {
    /// Understands a line.
    ///
    /// # Errors
    /// What is wrong with it.
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
