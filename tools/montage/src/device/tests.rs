use super::*;
use crate::descriptors::MONTAGE;
use crate::signal::frame_of;

const MS: u64 = 1_000_000;

/// A device that captures, with `transfers` transfers of eight packets queued since time 0.
fn capturing(transfers: u32) -> Device {
    let mut device = Device::new(Description::parse(MONTAGE).unwrap(), 0);
    assert_eq!(status_of(&control(&mut device, [0x01, SET_INTERFACE, 1, 0, 2, 0, 0, 0])), 0);
    for seqnum in 1..=transfers {
        assert!(taken(&mut device, capture(seqnum), 0).is_empty());
    }
    device
}

fn capture(seqnum: u32) -> Submit {
    let packet = |number: u32| Packet { offset: number * 168, length: 168, ..Packet::default() };
    let packets = (0..8).map(packet).collect();
    Submit { seqnum, is_in: true, endpoint: 6, length: 8 * 168, setup: [0; 8], data: Vec::new(), packets }
}

fn taken(device: &mut Device, submit: Submit, now_ns: u64) -> Vec<u8> {
    let mut out = Vec::new();
    device.take(Request::Submit(submit), now_ns, &mut out);
    out
}

fn control(device: &mut Device, setup: [u8; 8]) -> Vec<u8> {
    let is_in = setup[0] & IN != 0;
    let length = usize::from(setup[6]);
    let submit =
        Submit { seqnum: 9, is_in, endpoint: 0, length, setup, data: Vec::new(), packets: Vec::new() };
    taken(device, submit, 0)
}

fn status_of(reply: &[u8]) -> i32 {
    i32::from_be_bytes(reply[20..24].try_into().unwrap())
}

/// The frame numbers in replies, decoded from channels 3 and 4.
fn frames(mut replies: &[u8]) -> Vec<u64> {
    let mut frames = Vec::new();
    while !replies.is_empty() {
        let bytes = u32::from_be_bytes(replies[24..28].try_into().unwrap()) as usize;
        let sample = |frame: &[u8], channel: usize| {
            i16::from_le_bytes([frame[channel * 3 + 1], frame[channel * 3 + 2]])
        };
        for frame in replies[48..48 + bytes].chunks_exact(24) {
            frames.push(frame_of(2, sample(frame, 2), sample(frame, 3)).unwrap());
        }
        replies = &replies[48 + bytes + 8 * 16..];
    }
    frames
}

fn advanced(device: &mut Device, now_ns: u64) -> Vec<u8> {
    let mut out = Vec::new();
    device.advance(now_ns, &mut out);
    out
}

#[test]
fn every_frame_comes_once_and_in_its_time() {
    let mut device = capturing(4);
    assert_eq!(device.due_ns(), Some(MS));
    assert!(advanced(&mut device, MS - 1).is_empty());
    let early = frames(&advanced(&mut device, MS));
    let late = frames(&advanced(&mut device, 4 * MS));
    assert_eq!([early, late].concat(), (0..176).collect::<Vec<u64>>(), "4 ms are 176.4 frames");
    assert_eq!(device.due_ns(), None);
}

#[test]
fn dropped_packets_are_counted_and_missing() {
    let mut device = capturing(4);
    let first = frames(&advanced(&mut device, MS));
    device.obey(&Command::Drop(3), MS).unwrap();
    let rest = frames(&advanced(&mut device, 4 * MS));
    let missing = rest[0] - first.last().unwrap() - 1;
    assert_eq!((device.counts.dropped_packets, device.counts.dropped_frames), (3, missing));
    assert_eq!(missing + device.counts.sent_frames, 176);
    assert_eq!(device.counts.skipped_frames, 0);
}

#[test]
fn a_device_that_stands_still_goes_on_later() {
    let mut device = capturing(2);
    device.obey(&Command::Stall, 0).unwrap();
    assert!(advanced(&mut device, 50 * MS).is_empty() && device.due_ns().is_none());
    device.obey(&Command::Resume, 50 * MS).unwrap();
    let heard = frames(&advanced(&mut device, 51 * MS));
    assert_eq!(heard[0], 50 * 441 / 10);
    assert_eq!(device.counts.skipped_frames, 0, "nothing had been sent before");
}

#[test]
fn a_host_that_is_far_too_late_loses_frames_and_they_are_counted() {
    let mut device = capturing(1);
    let before = frames(&advanced(&mut device, MS));
    taken(&mut device, capture(2), 500 * MS);
    let after = frames(&advanced(&mut device, 501 * MS));
    let skipped = after[0] - before.last().unwrap() - 1;
    assert!(skipped > 21_900);
    assert_eq!(device.counts.skipped_frames, skipped);
}

#[test]
fn transfers_can_be_taken_back() {
    let mut device = capturing(1);
    for status in [ECONNRESET, 0] {
        let mut out = Vec::new();
        device.take(Request::Unlink { seqnum: 2, transfer: 1 }, 0, &mut out);
        assert_eq!(status_of(&out), status);
    }
    assert!(advanced(&mut device, 10 * MS).is_empty());
}

#[test]
fn the_clock_source_offers_one_rate() {
    let mut device = capturing(0);
    let rate = control(&mut device, [0xa1, CUR, 0, 1, 0, 1, 4, 0]);
    assert_eq!((status_of(&rate), &rate[48..]), (0, &44_100_u32.to_le_bytes()[..]));
    assert_eq!(control(&mut device, [0xa1, RANGE, 0, 1, 0, 1, 14, 0]).len(), 48 + 14);
    assert_eq!(
        control(&mut device, [0xa1, RANGE, 0, 1, 0, 1, 2, 0])[48..],
        [1, 0],
        "the host asks for the length first"
    );
    assert_eq!(status_of(&control(&mut device, [0xa1, CUR, 0, 1, 0, 9, 4, 0])), EPIPE, "no such clock");
}

#[test]
fn what_is_not_there_is_refused_not_ignored() {
    let mut device = capturing(0);
    assert_eq!(status_of(&control(&mut device, [0x80, GET_DESCRIPTOR, 0, 6, 0, 0, 10, 0])), EPIPE);
    assert_eq!(status_of(&control(&mut device, [0x01, SET_INTERFACE, 7, 0, 2, 0, 0, 0])), EPIPE);
    let elsewhere = Submit { endpoint: 9, packets: Vec::new(), ..capture(4) };
    assert_eq!(status_of(&taken(&mut device, elsewhere, 0)), EPIPE);
    let switched_off = taken(&mut device, Submit { endpoint: 6, ..capture(5) }, 0);
    assert_eq!(switched_off.len(), 48 + 8 * 16, "the alternate setting without sound has no endpoint");
}

#[test]
fn notes_go_both_ways() {
    let mut device = capturing(0);
    let wait = Submit { seqnum: 3, endpoint: 4, length: 512, packets: Vec::new(), ..capture(0) };
    assert!(taken(&mut device, wait, 0).is_empty() && advanced(&mut device, 0).is_empty());
    device.obey(&Command::Midi(vec![0x90, 60, 64]), 0).unwrap();
    assert_eq!(advanced(&mut device, 0)[48..], [0x09, 0x90, 60, 64]);
    let packets = Vec::new();
    let note =
        Submit { seqnum: 4, is_in: false, endpoint: 3, data: vec![0x08, 0x80, 60, 0], packets, ..capture(0) };
    taken(&mut device, note, 0);
    assert!(device.obey(&Command::Status, 0).unwrap().ends_with("midi_heard=803c00"));
}
