// SPDX-License-Identifier: MPL-2.0
//! Transport packets (ISO/IEC 13818-1 section 2.4.3.2): 188 bytes of one PID each.

pub(super) const PACKET: usize = 188;
const HEADER: usize = 4;
/// What a packet without an adaptation field carries.
const FULL: usize = PACKET - HEADER;
const SYNC: u8 = 0x47;
/// Of the adaptation field (section 2.4.3.4).
const RANDOM_ACCESS: u8 = 0x40;
const HAS_CLOCK: u8 = 0x10;
const STUFFING: u8 = 0xff;
/// Clock references and timestamps have 33 bits.
const WRAP: i64 = (1 << 33) - 1;

/// In 1/90 000 s, as it is written.
pub(super) fn wrapped(time: i64) -> u64 {
    (time & WRAP).unsigned_abs()
}

/// What the first packet of a unit says beside it.
#[derive(Clone, Copy, Default)]
pub(super) struct Access {
    /// A player can begin here.
    pub random: bool,
    /// The clock reference, in 1/90 000 s.
    pub clock: Option<i64>,
}

/// The packets of one PID.
pub(super) struct Stream {
    pid: u16,
    /// Of the next packet with a payload.
    counter: u8,
}

impl Stream {
    pub(super) fn new(pid: u16) -> Self {
        Self { pid, counter: 0 }
    }

    pub(super) fn pid(&self) -> u16 {
        self.pid
    }

    /// Writes a unit, whose bytes are in several places, as packets. The last one is stuffed.
    pub(super) fn unit(&mut self, parts: &[&[u8]], access: Access, out: &mut Vec<u8>) {
        let mut left: usize = parts.iter().map(|part| part.len()).sum();
        let mut bytes = Bytes(parts.iter().copied());
        let mut rest: &[u8] = &[];
        let mut field = Field::of(access);
        let mut begins = true;
        while left > 0 {
            // Most of a long unit.
            if !begins && rest.len() >= FULL {
                let (full, later) = rest.split_at(rest.len() / FULL * FULL);
                for payload in full.chunks_exact(FULL) {
                    self.header(false, 0, out);
                    out.extend_from_slice(payload);
                    self.count();
                }
                left -= full.len();
                rest = later;
                continue;
            }
            let room = PACKET - HEADER - field.len();
            let payload = left.min(room);
            self.header(begins, room - payload + field.len(), out);
            field.write(room - payload, out);
            bytes.copy(&mut rest, payload, out);
            left -= payload;
            self.count();
            field = Field::default();
            begins = false;
        }
    }

    /// Writes a packet with nothing but a clock reference. Without a payload it has the counter of the
    /// packet before (section 2.4.3.3).
    pub(super) fn clock(&self, clock: i64, out: &mut Vec<u8>) {
        let [high, low] = self.pid.to_be_bytes();
        let counter = self.counter.wrapping_sub(1) & 0x0f;
        out.extend_from_slice(&[SYNC, high & 0x1f, low, 0x20 | counter]);
        let field = Field::of(Access {
            random: false,
            clock: Some(clock),
        });
        field.write(PACKET - HEADER - field.len(), out);
    }

    fn count(&mut self) {
        self.counter = (self.counter + 1) & 0x0f;
    }

    fn header(&self, begins: bool, adaptation: usize, out: &mut Vec<u8>) {
        let [high, low] = self.pid.to_be_bytes();
        let begins = u8::from(begins) << 6;
        let control = match adaptation {
            0 => 0x10,
            _ => 0x30,
        };
        out.extend_from_slice(&[SYNC, begins | high & 0x1f, low, control | self.counter]);
    }
}

/// What an adaptation field says.
#[derive(Clone, Copy, Default)]
struct Field {
    flags: u8,
    clock: Option<u64>,
}

impl Field {
    fn of(access: Access) -> Self {
        let random = if access.random { RANDOM_ACCESS } else { 0 };
        let clock = if access.clock.is_some() { HAS_CLOCK } else { 0 };
        Self {
            flags: random | clock,
            clock: access.clock.map(wrapped),
        }
    }

    /// Without stuffing; nothing is written of a field that says nothing.
    fn len(&self) -> usize {
        match (self.flags, self.clock) {
            (0, _) => 0,
            (_, None) => 2,
            (_, Some(_)) => 8,
        }
    }

    fn write(&self, stuffing: usize, out: &mut Vec<u8>) {
        let length = self.len() + stuffing;
        if length == 0 {
            return;
        }
        let end = out.len() + length;
        // Its own byte is not counted, so that a field of one byte has none for flags.
        out.push(u8::try_from(length - 1).unwrap_or(u8::MAX));
        if length > 1 {
            out.push(self.flags);
        }
        if let Some(clock) = self.clock {
            // A base of 33 bits, six reserved ones, and nine that count in 27 MHz.
            let bits = clock << 15 | 0x3f << 9;
            out.extend_from_slice(&bits.to_be_bytes()[2..]);
        }
        out.resize(end, STUFFING);
    }
}

/// Bytes in several places, one after the other.
struct Bytes<I>(I);

impl<'a, I: Iterator<Item = &'a [u8]>> Bytes<I> {
    /// `rest` is what is left of the place before.
    fn copy(&mut self, rest: &mut &'a [u8], mut count: usize, out: &mut Vec<u8>) {
        while count > 0 {
            if rest.is_empty() {
                let Some(next) = self.0.next() else { return };
                *rest = next;
            }
            let (now, later) = rest.split_at(count.min(rest.len()));
            out.extend_from_slice(now);
            *rest = later;
            count -= now.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(parts: &[&[u8]], access: Access) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let mut stream = Stream::new(0x1ff);
        stream.unit(parts, access, &mut out);
        let (packets, []) = out.as_chunks::<PACKET>() else {
            panic!("{} bytes", out.len());
        };
        packets.iter().map(|packet| packet.to_vec()).collect()
    }

    #[test]
    fn a_unit_of_any_length_is_in_packets_of_one_length() {
        for length in 1..=3 * PACKET {
            let bytes: Vec<u8> = (0..length).map(|n| n as u8 & 0x7f).collect();
            let (first, second) = bytes.split_at(length / 3);
            let packets = packets(&[first, &[], second], Access::default());
            let mut found = Vec::new();
            for (number, packet) in packets.iter().enumerate() {
                let begins = if number == 0 { 0x41 } else { 0x01 };
                assert_eq!(packet[..3], [SYNC, begins, 0xff], "{length}");
                assert_eq!(usize::from(packet[3] & 0x0f), number, "{length}");
                let adaptation = match packet[3] & 0x30 {
                    0x30 => 1 + usize::from(packet[4]),
                    other => usize::from(other - 0x10),
                };
                found.extend_from_slice(&packet[HEADER + adaptation..]);
            }
            assert_eq!(found, bytes, "{length}");
        }
    }

    #[test]
    fn the_first_packet_has_the_clock() {
        let access = Access {
            random: true,
            clock: Some(0x1_2345_6789),
        };
        let packets = packets(&[&[1; 200]], access);
        assert_eq!(packets.len(), 2);
        assert_eq!(packets[0][3..6], [0x30, 7, 0x50]);
        assert_eq!(packets[0][6..12], [0x91, 0xa2, 0xb3, 0xc4, 0xfe, 0]);
        assert_eq!(packets[0][12..], [1; 176]);
        assert_eq!(packets[1][3], 0x31);
    }

    #[test]
    fn a_clock_alone_does_not_count() {
        let mut out = Vec::new();
        let mut stream = Stream::new(0x41);
        stream.unit(&[&[1]], Access::default(), &mut out);
        out.clear();
        stream.clock(-1, &mut out);
        assert_eq!(out.len(), PACKET);
        assert_eq!(out[..6], [SYNC, 0, 0x41, 0x20, 183, 0x10]);
        assert_eq!(out[6..12], [0xff, 0xff, 0xff, 0xff, 0xfe, 0]);
        stream.unit(&[&[1]], Access::default(), &mut out);
        assert_eq!(out[PACKET + 3], 0x31);
    }
}
