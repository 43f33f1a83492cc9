// SPDX-License-Identifier: MPL-2.0
use super::*;
use crate::roomfilesink::media::Caption;
use crate::roomfilesink::mux::frames::Shape;

const MS: i64 = 1_000_000;
const VIDEO_PID: u16 = 0x41;
const AUDIO_PID: u16 = 0x42;
const SLICE: &[u8] = &[0, 0, 0, 1, 0x65, 0x88];

fn track(codec: Codec) -> TrackEntry {
    let shape = match codec.kind() {
        Kind::Video => Shape::Video {
            width: 320,
            height: 180,
        },
        Kind::Audio => Shape::Audio {
            rate: 48_000,
            channels: 2,
        },
    };
    TrackEntry {
        codec,
        config: Vec::new(),
        shape,
        pre_skip: 0,
        ahead: 0,
        caption: Caption::default(),
    }
}

fn block(track: usize, ms: i64, data: &[u8]) -> Block<'_> {
    Block {
        track,
        pts: ms * MS,
        dts: ms * MS,
        duration: 20 * MS,
        keyframe: true,
        clipped: 0,
        padding: 0,
        data,
    }
}

/// The packets of a file with these frames.
fn written(codecs: &[Codec], blocks: &[Block<'_>]) -> Vec<[u8; PACKET]> {
    let tracks: Vec<_> = codecs.iter().copied().map(track).collect();
    let mut out = Vec::new();
    let mut writer = Writer::new((), &tracks, &Heading::default(), &mut out);
    for block in blocks {
        writer.block(block, &mut out).unwrap();
    }
    writer.finish(&mut out);
    assert_eq!(out.pop(), Some(Op::Finish));
    let mut packets = Vec::new();
    for op in out {
        let Op::Append(bytes) = op else {
            panic!("{op:?}")
        };
        let (whole, []) = bytes.as_chunks() else {
            panic!("{} bytes", bytes.len());
        };
        packets.extend_from_slice(whole);
    }
    packets
}

fn pid(packet: &[u8; PACKET]) -> u16 {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]])
}

/// Bytes of a packet's payload.
fn payload(packet: &[u8; PACKET]) -> &[u8] {
    match packet[3] & 0x30 {
        0x10 => &packet[4..],
        0x20 => &[],
        _ => &packet[5 + usize::from(packet[4])..],
    }
}

/// The units of a PID, put together.
fn units(packets: &[[u8; PACKET]], of: u16) -> Vec<Vec<u8>> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    for packet in packets.iter().filter(|packet| pid(packet) == of) {
        match units.last_mut() {
            Some(unit) if packet[1] & 0x40 == 0 => unit.extend_from_slice(payload(packet)),
            _ => units.push(payload(packet).to_vec()),
        }
    }
    units.retain(|unit| !unit.is_empty());
    units
}

#[test]
fn tables_come_first_whatever_the_first_frame_is_of() {
    let codecs = [Codec::H264, Codec::Opus];
    for first in [block(0, 0, SLICE), block(1, 0, &[0xfc, 1, 2])] {
        let packets = written(&codecs, &[first]);
        let first: Vec<_> = packets.iter().take(2).map(pid).collect();
        assert_eq!(first, [0, 0x20]);
    }
}

/// As many packets as GStreamer wants to see.
#[test]
fn a_file_that_ends_behind_its_first_frame_is_recognised() {
    let packets = written(&[Codec::Opus], &[block(0, 0, &[0xfc, 1, 2])]);
    assert!(packets.len() >= 5, "{}", packets.len());
}

#[test]
fn frames_are_units_with_their_times_and_what_they_need() {
    let long = [SLICE, &[7; 1000]].concat();
    let mut late = block(0, 133, &long);
    late.dts = 100 * MS;
    let blocks = [block(0, 0, SLICE), block(1, 10, &[0xfc, 1, 2]), late];
    let packets = written(&[Codec::H264, Codec::Opus], &blocks);
    let video = units(&packets, VIDEO_PID);
    // The delimiter is before the slice.
    let first = b"\0\0\x01\xe0\0\x14\x84\x80\x05";
    assert_eq!(video[0][..9], first[..]);
    assert_eq!(video[0][14..], [b"\0\0\0\x01\x09\xf0", SLICE].concat());
    // Both times are there, and an hour and 133 or 100 ms after 0.
    assert_eq!(video[1][7..9], [0xc0, 10]);
    let time = |at: usize| {
        let bits = |byte: usize| u64::from(video[1][at + byte]);
        (bits(0) >> 1 & 7) << 30 | bits(1) << 22 | bits(2) >> 1 << 15 | bits(3) << 7 | bits(4) >> 1
    };
    let hour = 90_000 * 3600;
    assert_eq!([time(9), time(14)], [hour + 11_970, hour + 9_000]);
    assert_eq!(video[1].len(), 19 + 6 + long.len());
    let audio = units(&packets, AUDIO_PID);
    assert_eq!(audio[0][3..6], [PRIVATE, 0, 14]);
    assert_eq!(audio[0][14..], [0x7f, 0xe0, 3, 0xfc, 1, 2]);
}

#[test]
fn no_packet_is_missing_by_its_counter() {
    let frames: Vec<_> = (0..200).map(|n| vec![n as u8; 100 + n * 7]).collect();
    let blocks = frames.iter().enumerate().map(|(n, data)| {
        let track = n % 2;
        block(track, n as i64 * 60, data)
    });
    let packets = written(&[Codec::H264, Codec::Opus], &blocks.collect::<Vec<_>>());
    let mut counters = std::collections::BTreeMap::new();
    for packet in &packets {
        assert_eq!(packet[0], 0x47);
        let has_payload = packet[3] & 0x10 != 0;
        let counter = packet[3] & 0x0f;
        if let Some(before) = counters.insert(pid(packet), counter) {
            let expected = (before + u8::from(has_payload)) & 0x0f;
            assert_eq!(counter, expected, "{:#x}", pid(packet));
        }
    }
}

#[test]
fn a_player_can_begin_at_keyframes_of_video() {
    let mut delta = block(0, 40, SLICE);
    delta.keyframe = false;
    let blocks = [block(0, 0, SLICE), delta, block(1, 40, &[0xfc])];
    let packets = written(&[Codec::H265, Codec::Opus], &blocks);
    let begins = |packet: &&[u8; PACKET]| packet[1] & 0x40 != 0 && pid(packet) >= VIDEO_PID;
    let flags: Vec<_> = packets
        .iter()
        .filter(begins)
        .map(|packet| packet[3] & 0x20 != 0 && packet[5] & 0x40 != 0)
        .collect();
    assert_eq!(flags, [true, false, false]);
}

#[test]
fn what_is_clipped_of_opus_is_said() {
    let mut clipped = block(0, -6, &[0xfc, 1]);
    clipped.pts = -6_500_000;
    clipped.dts = clipped.pts;
    clipped.clipped = 6_500_000;
    clipped.padding = MS;
    let packets = written(&[Codec::Opus], &[clipped]);
    let units = units(&packets, VIDEO_PID);
    assert_eq!(units[0][14..], [0x7f, 0xf8, 2, 1, 56, 0, 48, 0xfc, 1]);
}

#[test]
fn headers_of_an_ogg_file_and_empty_frames_are_left_out() {
    let blocks = [
        block(0, 0, b"OpusHead\x01\x02"),
        block(0, 0, b"OpusTags"),
        block(0, 0, &[]),
    ];
    assert!(written(&[Codec::Opus], &blocks).is_empty());
}

#[test]
fn what_is_decoded_before_the_file_begins_has_a_time() {
    let mut early = block(0, 0, SLICE);
    early.dts = -66 * MS;
    let packets = written(&[Codec::H264], &[early]);
    let units = units(&packets, VIDEO_PID);
    assert_eq!(units[0][7], 0xc0);
}

#[test]
fn what_is_dated_long_before_the_file_is_at_its_beginning() {
    let mut early = block(0, 0, SLICE);
    (early.pts, early.dts) = (-3600 * 1000 * MS, i64::MIN);
    let packets = written(&[Codec::H264], &[early]);
    let header = units(&packets, VIDEO_PID)[0][..14].to_vec();
    let expected = unit::header(VIDEO, 12, ticks(EARLIEST), None);
    assert_eq!(header, expected);
}

#[test]
fn the_programme_says_what_there_is() {
    let packets = written(&[Codec::H265, Codec::Aac], &[block(0, 0, SLICE)]);
    let pmt = packets.iter().find(|packet| pid(packet) == 0x20).unwrap();
    let streams = &payload(pmt)[13..];
    assert_eq!(streams[..5], [0x24, 0xe0, 0x41, 0xf0, 6]);
    assert_eq!(streams[5..11], *b"\x05\x04HEVC");
    assert_eq!(streams[11..16], [0x0f, 0xe0, 0x42, 0xf0, 0]);
}
