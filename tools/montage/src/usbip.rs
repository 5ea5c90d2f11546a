//! The USB/IP protocol after the device is attached: parses the kernel's requests, and builds replies.
//!
//! In: bytes as they arrive. Out: [`Request`]s; bytes of replies. Numbers are big-endian; layout and names
//! are those of the kernel's `Documentation/usb/usbip_protocol.rst`. The meaning of a request is the device's
//! task.

/// Size of the header of every message.
const HEADER_BYTES: usize = 48;
/// Size of the description of one packet of an isochronous transfer.
const PACKET_BYTES: usize = 16;
/// Size of the largest accepted transfer, far above what the audio driver requests.
const TRANSFER_BYTES_MAX: usize = 1 << 20;
/// Maximum number of packets in a transfer; the kernel itself allows no more.
const PACKETS_MAX: usize = 1024;

const CMD_SUBMIT: u32 = 1;
const CMD_UNLINK: u32 = 2;
const RET_SUBMIT: u32 = 3;
const RET_UNLINK: u32 = 4;

/// A request of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Starts a transfer.
    Submit(Submit),
    /// Cancels a queued transfer.
    Unlink {
        /// The number of this request.
        seqnum: u32,
        /// The number of the transfer.
        transfer: u32,
    },
}

/// A transfer (the kernel's URB).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submit {
    /// The request's number, which the reply must contain.
    pub seqnum: u32,
    /// True if bytes go to the host.
    pub is_in: bool,
    /// Endpoint without its direction, 0 to 15.
    pub endpoint: u8,
    /// Maximum number of bytes to the host, or number of bytes from it.
    pub length: usize,
    /// The setup packet of a control transfer.
    pub setup: [u8; 8],
    /// Bytes from the host.
    pub data: Vec<u8>,
    /// Packets of an isochronous transfer; empty for all others.
    pub packets: Vec<Packet>,
}

/// The place of one packet in an isochronous transfer, and its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// The packet's offset in the host's buffer.
    pub offset: u32,
    /// Number of bytes it may hold.
    pub length: u32,
    /// Number of bytes it really held.
    pub actual: u32,
    /// 0, or a negative errno.
    pub status: i32,
}

/// The bytes are no valid request, so the connection cannot continue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub &'static str);

/// Collects bytes until a request is complete.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
}

impl Inbox {
    /// Adds bytes as they arrive.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next complete request.
    ///
    /// # Errors
    /// The bytes are no known request, or it is larger than allowed.
    pub fn request(&mut self) -> Result<Option<Request>, Refused> {
        let Some(header) = self.bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let number = |at: usize| be32(&header[at..]);
        match number(0) {
            CMD_UNLINK => {
                let unlink = Request::Unlink { seqnum: number(4), transfer: number(20) };
                self.bytes.drain(..HEADER_BYTES);
                Ok(Some(unlink))
            }
            CMD_SUBMIT => self.submit(),
            _ => Err(Refused("neither a transfer nor the end of one")),
        }
    }

    fn submit(&mut self) -> Result<Option<Request>, Refused> {
        let number = |at: usize| be32(&self.bytes[at..]);
        let (is_in, length) = (number(12) == 1, number(24) as usize);
        // A transfer that is not isochronous: older kernels send 0, newer ones -1.
        let packets = usize::try_from(number(32) as i32).unwrap_or(0);
        if length > TRANSFER_BYTES_MAX {
            return Err(Refused("a transfer larger than 1 MiB"));
        }
        if packets > PACKETS_MAX {
            return Err(Refused("a transfer of more than 1024 packets"));
        }
        let data_bytes = if is_in { 0 } else { length };
        let whole = HEADER_BYTES + data_bytes + packets * PACKET_BYTES;
        if self.bytes.len() < whole {
            return Ok(None);
        }
        let (data, rest) = self.bytes[HEADER_BYTES..whole].split_at(data_bytes);
        let packet =
            |bytes: &[u8]| Packet { offset: be32(bytes), length: be32(&bytes[4..]), ..Packet::default() };
        let submit = Submit {
            seqnum: number(4),
            is_in,
            endpoint: (number(16) & 15) as u8,
            length,
            setup: self.bytes[40..48].try_into().expect("eight bytes"),
            data: data.to_vec(),
            packets: rest.chunks_exact(PACKET_BYTES).map(packet).collect(),
        };
        self.bytes.drain(..whole);
        Ok(Some(Request::Submit(submit)))
    }
}

/// Ends a transfer. `data` goes to the host (for isochronous transfers: packet after packet, without the gaps
/// between them); `taken` is the number of bytes moved in either direction; `status` is 0 or a negative
/// errno.
pub fn reply(seqnum: u32, status: i32, taken: usize, data: &[u8], out: &mut Vec<u8>) {
    header(RET_SUBMIT, seqnum, [status, taken as i32, 0, 0, 0], out);
    out.extend_from_slice(data);
}

/// The same for an isochronous transfer.
pub fn reply_packets(seqnum: u32, packets: &[Packet], data: &[u8], out: &mut Vec<u8>) {
    let taken: u32 = packets.iter().map(|packet| packet.actual).sum();
    let faults = packets.iter().filter(|packet| packet.status != 0).count();
    header(RET_SUBMIT, seqnum, [0, taken as i32, 0, packets.len() as i32, faults as i32], out);
    out.extend_from_slice(data);
    for packet in packets {
        for number in [packet.offset, packet.length, packet.actual, packet.status as u32] {
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

/// Answers an unlink: `status` is that of the cancelled transfer, or 0 if it was already over.
pub fn reply_unlink(seqnum: u32, status: i32, out: &mut Vec<u8>) {
    header(RET_UNLINK, seqnum, [status, 0, 0, 0, 0], out);
}

fn header(command: u32, seqnum: u32, numbers: [i32; 5], out: &mut Vec<u8>) {
    let begin = out.len();
    for number in [command, seqnum, 0, 0, 0] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    for number in numbers {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.resize(begin + HEADER_BYTES, 0);
}

fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().expect("four bytes"))
}

/// A request as the kernel writes it, for tests.
#[cfg(test)]
pub(crate) fn request(submit: &Submit) -> Vec<u8> {
    let mut bytes = Vec::new();
    let packets = if submit.packets.is_empty() { u32::MAX } else { submit.packets.len() as u32 };
    for number in [CMD_SUBMIT, submit.seqnum, 2, u32::from(submit.is_in), u32::from(submit.endpoint)] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    for number in [0, submit.length as u32, 0, packets, 1] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&submit.setup);
    bytes.extend_from_slice(&submit.data);
    for packet in &submit.packets {
        for number in [packet.offset, packet.length, 0, 0] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_request() -> Submit {
        let packet = |offset| Packet { offset, length: 6, ..Packet::default() };
        Submit {
            seqnum: 77,
            is_in: false,
            endpoint: 5,
            length: 12,
            setup: [9; 8],
            data: (0..12).collect(),
            packets: vec![packet(0), packet(6)],
        }
    }

    #[test]
    fn requests_are_whole_however_the_bytes_come() {
        let wanted = some_request();
        let unlink = [&[0, 0, 0, 2, 0, 0, 0, 78][..], &[0; 12], &[0, 0, 0, 77], &[0; 24]].concat();
        let bytes = [request(&wanted), unlink, request(&wanted)].concat();
        for piece in [1, 7, 48, 1000] {
            let mut inbox = Inbox::default();
            let mut found = Vec::new();
            for part in bytes.chunks(piece) {
                inbox.push(part);
                while let Some(request) = inbox.request().unwrap() {
                    found.push(request);
                }
            }
            let submit = Request::Submit(wanted.clone());
            assert_eq!(found, [submit.clone(), Request::Unlink { seqnum: 78, transfer: 77 }, submit]);
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let mut large =
            request(&Submit { is_in: true, packets: Vec::new(), data: Vec::new(), ..some_request() });
        large[24] = 0x7f;
        let mut many = request(&some_request());
        many[33] = 1;
        for bytes in [vec![0; 48], large, many] {
            let mut inbox = Inbox::default();
            inbox.push(&bytes);
            assert!(inbox.request().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn replies_have_the_kernels_layout() {
        let mut out = Vec::new();
        let packets = [
            Packet { offset: 0, length: 6, actual: 2, status: 0 },
            Packet { offset: 6, length: 6, actual: 0, status: -18 },
        ];
        reply_packets(77, &packets, &[1, 2], &mut out);
        assert_eq!(out.len(), 48 + 2 + 2 * 16);
        assert_eq!(out[..8], [0, 0, 0, 3, 0, 0, 0, 77]);
        assert_eq!(out[20..40], [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]);
        assert_eq!(out[48..54], [1, 2, 0, 0, 0, 0]);
        assert_eq!(out[78..82], [0xff, 0xff, 0xff, 0xee]);
        out.clear();
        reply_unlink(5, -104, &mut out);
        assert_eq!(
            (out.len(), &out[..8], &out[20..24]),
            (48, &[0, 0, 0, 4, 0, 0, 0, 5][..], &[0xff, 0xff, 0xff, 0x98][..])
        );
    }
}
