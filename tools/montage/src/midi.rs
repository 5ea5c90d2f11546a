//! MIDI in USB packets of four bytes: the first byte says what the other three are (USB MIDI 1.0, table 4-1).

/// A channel message as one packet of cable 0; `None` if it is no channel message.
pub fn packet(message: &[u8]) -> Option<[u8; 4]> {
    let [status, values @ ..] = message else { return None };
    let wanted = match status >> 4 {
        0x8..=0xb | 0xe => 2,
        0xc | 0xd => 1,
        _ => return None,
    };
    (values.len() == wanted && values.iter().all(|value| *value < 0x80))
        .then(|| [status >> 4, *status, values[0], values.get(1).copied().unwrap_or(0)])
}

/// The MIDI bytes in packets from the host.
pub fn bytes(packets: &[u8]) -> Vec<u8> {
    let held = |packet: &[u8]| match packet[0] & 15 {
        0x5 | 0xf => 1,
        0x2 | 0x6 | 0xc | 0xd => 2,
        0x0 | 0x1 => 0,
        _ => 3,
    };
    packets.chunks_exact(4).flat_map(|packet| packet[1..=held(packet)].to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_goes_both_ways() {
        assert_eq!(packet(&[0x90, 60, 64]), Some([0x09, 0x90, 60, 64]));
        assert_eq!(packet(&[0xc0, 7]), Some([0x0c, 0xc0, 7, 0]));
        assert_eq!(bytes(&[0x09, 0x90, 60, 64, 0x0c, 0xc0, 7, 0, 0, 0, 0, 0]), [0x90, 60, 64, 0xc0, 7]);
    }

    #[test]
    fn what_is_no_channel_message_is_refused() {
        for message in [&[][..], &[0x90], &[0x90, 60], &[0x90, 60, 200], &[0xc0, 1, 2], &[0xf8], &[60, 64]] {
            assert_eq!(packet(message), None, "{message:?}");
        }
    }
}
