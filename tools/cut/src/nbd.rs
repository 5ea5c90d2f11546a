//! The NBD protocol, as far as an emulator speaks it: parses requests and builds replies.
//!
//! In: bytes of fixed lengths. Out: the parsed request; bytes to answer with. Numbers are big-endian; names
//! and values are those of the protocol's document (doc/proto.md of nbd).

/// Size of an option's header during the handshake.
pub const OPTION_BYTES: usize = 16;
/// Size of a request's header.
pub const REQUEST_BYTES: usize = 28;

/// Longest accepted option, and longest accepted read or write.
const OPTION_DATA_MAX: usize = 4096;
const TRANSFER_BYTES_MAX: usize = 64 << 20;

const GREETING: &[u8; 16] = b"NBDMAGICIHAVEOPT";
const OPTION_REPLY_MAGIC: u64 = 0x0003_e889_0455_65a9;
const REQUEST_MAGIC: u32 = 0x2560_9513;
const REPLY_MAGIC: u32 = 0x6744_6698;
/// Fixed newstyle, and no padding after the export was chosen.
const SERVER_FLAGS: u16 = 0b11;
/// The flags are valid; flushes and forced writes are supported.
const EXPORT_FLAGS: u16 = 0b1101;
const OPTION_EXPORT_NAME: u32 = 1;
const OPTION_GO: u32 = 7;
const REPLY_ACK: u32 = 1;
const REPLY_INFO: u32 = 3;
const REPLY_UNSUPPORTED: u32 = 1 << 31 | 1;
const COMMAND_FLAG_THROUGH: u16 = 1;

/// The commands of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Reads bytes.
    Read,
    /// Stores the bytes that follow. A write-through must store them safely before the reply.
    Write {
        /// True if the write is a write-through.
        through: bool,
    },
    /// Stores everything written so far safely.
    Flush,
    /// Disconnects.
    Goodbye,
}

/// A request, without the data of a write.
#[derive(Debug)]
pub struct Request {
    /// The command of the request.
    pub command: Command,
    /// The handle that the reply must contain.
    pub handle: u64,
    /// Offset in the disk.
    pub offset: u64,
    /// Number of bytes.
    pub length: usize,
}

/// The server's first bytes.
pub fn greeting() -> Vec<u8> {
    [GREETING, &SERVER_FLAGS.to_be_bytes()[..]].concat()
}

/// Parses an option: returns its kind and the number of data bytes that follow.
///
/// # Errors
/// The bytes are no option, or its data is too long.
pub fn option(head: &[u8; OPTION_BYTES]) -> Result<(u32, usize), String> {
    let length = number(head, 12) as usize;
    if head[..8] != GREETING[8..] || length > OPTION_DATA_MAX {
        return Err("this is no NBD option".to_owned());
    }
    Ok((number(head, 8), length))
}

/// Returns whether requests follow this option.
pub fn chooses_export(option: u32) -> bool {
    matches!(option, OPTION_EXPORT_NAME | OPTION_GO)
}

/// The answer to an option, for a disk of this many bytes.
pub fn answer(option: u32, disk_bytes: u64) -> Vec<u8> {
    let size_and_flags = [&disk_bytes.to_be_bytes()[..], &EXPORT_FLAGS.to_be_bytes()].concat();
    let reply = |kind: u32, data: &[u8]| {
        let head = [option, kind, data.len() as u32].map(u32::to_be_bytes).concat();
        [&OPTION_REPLY_MAGIC.to_be_bytes()[..], &head, data].concat()
    };
    match option {
        OPTION_EXPORT_NAME => size_and_flags,
        // Information of kind 0: size and flags.
        OPTION_GO => {
            [reply(REPLY_INFO, &[&[0, 0][..], &size_and_flags].concat()), reply(REPLY_ACK, &[])].concat()
        }
        _ => reply(REPLY_UNSUPPORTED, &[]),
    }
}

/// Parses a request.
///
/// # Errors
/// The bytes are no request, or it asks for something that was not offered.
pub fn request(head: &[u8; REQUEST_BYTES]) -> Result<Request, String> {
    let (flags, kind) = (number(head, 4) >> 16, number(head, 4) & 0xffff);
    let length = number(head, 24) as usize;
    if number(head, 0) != REQUEST_MAGIC || length > TRANSFER_BYTES_MAX {
        return Err("this is no NBD request".to_owned());
    }
    let command = match kind {
        0 => Command::Read,
        1 => Command::Write { through: flags as u16 & COMMAND_FLAG_THROUGH != 0 },
        2 => Command::Goodbye,
        3 => Command::Flush,
        other => return Err(format!("NBD command {other} was not offered")),
    };
    Ok(Request { command, handle: wide(head, 8), offset: wide(head, 16), length })
}

/// The header of a reply that reports success.
pub fn reply(handle: u64) -> Vec<u8> {
    [&REPLY_MAGIC.to_be_bytes()[..], &[0; 4], &handle.to_be_bytes()].concat()
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn wide(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_taken_apart() {
        let head: Vec<u8> = [
            &REQUEST_MAGIC.to_be_bytes()[..],
            &[0, 1, 0, 1],
            &7u64.to_be_bytes(),
            &4096u64.to_be_bytes(),
            &512u32.to_be_bytes(),
        ]
        .concat();
        let write = request(&head.try_into().unwrap()).unwrap();
        assert_eq!((write.command, write.handle), (Command::Write { through: true }, 7));
        assert_eq!((write.offset, write.length), (4096, 512));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(request(&[0; REQUEST_BYTES]).is_err());
        assert!(option(&[0; OPTION_BYTES]).is_err());
    }

    #[test]
    fn a_disk_is_offered_with_its_size() {
        let go = answer(OPTION_GO, 1 << 30);
        assert_eq!(&go[8..20], &[0, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0, 12]);
        assert_eq!(u64::from_be_bytes(go[22..30].try_into().unwrap()), 1 << 30);
        assert!(chooses_export(OPTION_GO) && !chooses_export(3));
    }
}
