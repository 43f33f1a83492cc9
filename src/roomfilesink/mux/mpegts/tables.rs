// SPDX-License-Identifier: MPL-2.0
//! The tables of a transport stream with one programme: PAT and PMT (ISO/IEC 13818-1 section 2.4.4).

use crc::{CRC_32_MPEG_2, Crc};

use super::opus;
use super::packet::{Access, PACKET, Stream};
use crate::roomfilesink::media::{Codec, Language};
use crate::roomfilesink::mux::frames::TrackEntry;

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_MPEG_2);
const PAT: u16 = 0;
const PMT: u16 = 0x20;
/// Of the first track; the others follow.
pub(super) const FIRST_TRACK: u16 = 0x41;
const PAYLOAD: usize = PACKET - 4;
/// A PID of 13 bits, or a length of 12, behind reserved bits.
const RESERVED_3: u16 = 0xe000;
const RESERVED_4: u16 = 0xf000;

pub(super) struct Tables {
    pat: (Stream, Vec<u8>),
    pmt: (Stream, Vec<u8>),
}

impl Tables {
    /// `clock`: the PID that has the clock.
    pub(super) fn new(tracks: &[TrackEntry], clock: u16) -> Self {
        let mut programme = Vec::new();
        programme.extend((RESERVED_3 | clock).to_be_bytes());
        // Nothing is said of the programme itself.
        programme.extend(RESERVED_4.to_be_bytes());
        for (pid, track) in (FIRST_TRACK..).zip(tracks) {
            let descriptors = descriptors(track);
            let length = u16::try_from(descriptors.len()).unwrap_or(0);
            programme.push(stream_type(track.codec));
            programme.extend((RESERVED_3 | pid).to_be_bytes());
            programme.extend((RESERVED_4 | length).to_be_bytes());
            programme.extend(descriptors);
        }
        let pat = [1u16.to_be_bytes(), (RESERVED_3 | PMT).to_be_bytes()].concat();
        Self {
            pat: (Stream::new(PAT), section(0, &pat)),
            pmt: (Stream::new(PMT), section(2, &programme)),
        }
    }

    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        for (stream, section) in [&mut self.pat, &mut self.pmt] {
            stream.unit(&[section], Access::default(), out);
        }
    }
}

/// A section of a table, padded to whole packets. Transport stream and programme are number 1.
fn section(table: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 9).unwrap_or(0);
    // It begins at once.
    let mut section = vec![0, table];
    section.extend((0xb000 | length).to_be_bytes());
    section.extend(1u16.to_be_bytes());
    // Version 0, in force; the only section.
    section.extend([0xc1, 0, 0]);
    section.extend_from_slice(body);
    let checksum = CRC.checksum(&section[1..]);
    section.extend(checksum.to_be_bytes());
    section.resize(section.len().next_multiple_of(PAYLOAD), 0xff);
    section
}

/// ISO/IEC 13818-1 table 2-34; 6 is private data, which a descriptor names.
fn stream_type(codec: Codec) -> u8 {
    match codec {
        Codec::H264 => 0x1b,
        Codec::H265 => 0x24,
        Codec::Aac => 0x0f,
        _ => 0x06,
    }
}

fn descriptors(track: &TrackEntry) -> Vec<u8> {
    let mut all = Vec::new();
    match track.codec {
        Codec::H265 => descriptor(&mut all, 0x05, b"HEVC"),
        Codec::Opus => {
            descriptor(&mut all, 0x05, b"Opus");
            let channels = opus::channels(&track.config);
            descriptor(&mut all, 0x7f, &[&[0x80], channels.as_slice()].concat());
        }
        _ => {}
    }
    if let Some(language) = track.caption.language.map(Language::terminological) {
        let [a, b, c] = language.as_bytes() else {
            return all;
        };
        // Of no particular kind.
        descriptor(&mut all, 0x0a, &[*a, *b, *c, 0]);
    }
    all
}

fn descriptor(all: &mut Vec<u8>, tag: u8, content: &[u8]) {
    if let Ok(length) = u8::try_from(content.len()) {
        all.extend([tag, length]);
        all.extend_from_slice(content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roomfilesink::media::Caption;
    use crate::roomfilesink::mux::frames::Shape;

    fn track(codec: Codec) -> TrackEntry {
        TrackEntry {
            codec,
            config: Vec::new(),
            shape: Shape::Audio {
                rate: 48_000,
                channels: 2,
            },
            pre_skip: 0,
            ahead: 0,
            caption: Caption::default(),
        }
    }

    #[test]
    fn tables_are_packets_whose_checksums_are_right() {
        let mut tables = Tables::new(&[track(Codec::H264), track(Codec::Opus)], FIRST_TRACK);
        let mut out = Vec::new();
        tables.write(&mut out);
        assert_eq!(out.len(), 2 * PACKET);
        // As FFmpeg writes it, but for the PID.
        let pat = [0, 0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe0, 0x20];
        assert_eq!(out[..4], [0x47, 0x40, 0, 0x10]);
        assert_eq!(out[4..17], pat);
        for packet in out.chunks(PACKET) {
            let length = usize::from(packet[7]) + 3;
            // A checksum over a section with its checksum is 0.
            assert_eq!(CRC.checksum(&packet[5..5 + length]), 0);
            assert!(packet[5 + length..].iter().all(|byte| *byte == 0xff));
        }
        let pmt = &out[PACKET + 17..];
        assert_eq!(pmt[..5], [0x1b, 0xe0, 0x41, 0xf0, 0]);
        let opus = b"\x06\xe0\x42\xf0\x0a\x05\x04Opus\x7f\x02\x80\x02";
        assert_eq!(pmt[5..20], opus[..]);
    }

    #[test]
    fn many_tracks_need_more_than_a_packet() {
        let tracks: Vec<_> = (0..20).map(|_| track(Codec::Opus)).collect();
        let mut out = Vec::new();
        Tables::new(&tracks, FIRST_TRACK).write(&mut out);
        assert_eq!(out.len(), 3 * PACKET);
        let counters: Vec<_> = out.chunks(PACKET).map(|p| p[3] & 0x0f).collect();
        assert_eq!(counters, [0, 0, 1]);
    }
}
