// SPDX-License-Identifier: MPL-2.0
//! MPEG-TS (ISO/IEC 13818-1): there is neither a duration nor an index to write. Packets have a fixed
//! size, and a file may end in the middle of one.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use super::report::{Error, Report};
use super::steps::Step;
use super::window::Window;

pub(crate) const PACKET: usize = 188;
const SYNC: u8 = 0x47;
/// Packets that are read at once.
const AT_ONCE: usize = 1024;

/// Whether there is a whole packet, and all of them begin as packets of ours do: without an error, not
/// scrambled, and not empty.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    let is_packet = |packet: &[u8]| match packet {
        [SYNC, error, _, control, ..] => {
            error & 0x80 == 0 && control & 0xc0 == 0 && control & 0x30 != 0
        }
        [first, ..] => *first == SYNC,
        [] => false,
    };
    bytes.len() >= PACKET && bytes.chunks(PACKET).all(is_packet)
}

/// The last unit of a track that says its length, and how much of it is there.
struct Unit {
    length: usize,
    there: usize,
}

pub(crate) fn look<R: Read + Seek>(source: R) -> Result<(Report, Vec<Step>), Error> {
    let mut window = Window::new(source)?;
    let mut report = Report {
        container: "mpegts",
        ..Report::default()
    };
    let mut units = BTreeMap::new();
    let mut damaged = 0_u64;
    let mut at = 0;
    loop {
        let bytes = window.peek(at, AT_ONCE * PACKET)?;
        let (packets, _) = bytes.as_chunks::<PACKET>();
        if packets.is_empty() {
            break;
        }
        at += (packets.len() * PACKET) as u64;
        for packet in packets {
            match packet.first() {
                Some(&SYNC) => note(packet, &mut units),
                _ => damaged += 1,
            }
        }
    }
    if damaged > 0 {
        let text = format!("{damaged} packets cannot be read: what they held is missing");
        report.find(true, "hole", text);
    }
    for (track, unit) in units {
        if unit.there < unit.length {
            let Unit { length, there } = unit;
            let text = format!(
                "the last frame of track {track:#x} is cut: {there} of {length} bytes are there"
            );
            report.find(false, "cut-frame", text);
        }
    }
    let cut = window.len() - at;
    if cut == 0 {
        return Ok((report, Vec::new()));
    }
    report.find_cut(cut);
    report.repaired.push("end");
    Ok((report, vec![Step::Cut(at), Step::Sync]))
}

/// Follows the units of each track (section 2.4.3.6). Video above 65 kB does not say its length.
fn note(packet: &[u8; PACKET], units: &mut BTreeMap<u16, Unit>) {
    let [_, high, low, control, rest @ ..] = packet;
    let track = u16::from_be_bytes([high & 0x1f, *low]);
    let payload = match control & 0x30 {
        0x10 => rest.as_slice(),
        0x30 => {
            let adaptation = 1 + usize::from(rest[0]);
            rest.get(adaptation..).unwrap_or_default()
        }
        _ => &[],
    };
    let begins = high & 0x40 != 0;
    match payload {
        [0, 0, 1, _, high, low, ..] if begins => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let unit = Unit {
                length: if length == 0 { 0 } else { length + 6 },
                there: payload.len(),
            };
            units.insert(track, unit);
        }
        _ if begins => {}
        _ => {
            if let Some(unit) = units.get_mut(&track) {
                unit.there = unit.there.saturating_add(payload.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// The first packet of a unit of this length, and so many that go on with it.
    fn stream(length: u16, further: usize) -> Vec<u8> {
        let packet = |begins: u8| {
            let mut packet = [0xff; PACKET];
            packet[..4].copy_from_slice(&[SYNC, begins | 1, 0, 0x10]);
            packet
        };
        let mut first = packet(0x40);
        first[4..8].copy_from_slice(&[0, 0, 1, 0xc0]);
        first[8..10].copy_from_slice(&length.to_be_bytes());
        let mut stream = first.to_vec();
        (0..further).for_each(|_| stream.extend(packet(0)));
        stream
    }

    fn kinds(stream: Vec<u8>) -> (Vec<&'static str>, Vec<Step>) {
        assert!(begins(&stream));
        let (report, steps) = look(Cursor::new(stream)).unwrap();
        let kinds = report.findings.iter().map(|finding| finding.kind);
        (kinds.collect(), steps)
    }

    #[test]
    fn a_stream_of_whole_packets_needs_nothing() {
        assert_eq!(kinds(stream(300, 1)), (vec![], vec![]));
        assert_eq!(kinds(stream(0, 1)), (vec![], vec![]), "no length is said");
    }

    #[test]
    fn a_packet_that_is_cut_is_left_out() {
        let mut stream = stream(300, 2);
        stream.truncate(3 * PACKET - 1);
        let cut = vec![Step::Cut(2 * PACKET as u64), Step::Sync];
        assert_eq!(kinds(stream), (vec!["cut"], cut));
    }

    #[test]
    fn a_frame_that_is_cut_is_told() {
        assert_eq!(kinds(stream(500, 1)), (vec!["cut-frame"], vec![]));
    }

    #[test]
    fn packets_that_cannot_be_read_are_told() {
        let mut stream = stream(0, 9);
        stream[6 * PACKET] = 0;
        stream[7 * PACKET] = 0;
        let (report, steps) = look(Cursor::new(stream)).unwrap();
        assert!(
            report.findings[0].text.starts_with("2 packets"),
            "{report:?}"
        );
        assert!(steps.is_empty() && !report.is_well());
    }
}
