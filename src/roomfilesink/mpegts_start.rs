// SPDX-License-Identifier: MPL-2.0
//! Mends the start of a transport stream. Plain Rust.
//!
//! `mpegtsmux` (1.22) writes PAT, PMT and the first PCR with the first packet of the video. Sound
//! that starts earlier comes before them: demultiplexers skip it, and GStreamer's then plays it
//! late by as much. So the tables are copied to the start, and the sound gets clock references of
//! its own (ISO/IEC 13818-1 section 2.4.3.5), at most 80 ms apart: a longer gap counts as a new
//! time base.

const PACKET: usize = 188;
const PAT_PID: u16 = 0;
/// Nothing is held back beyond this: then there are no tables to wait for.
const MAX_HELD: usize = 4 << 20;
/// In 1/90 000 s.
const PCR_DISTANCE: u64 = 80 * 90;
/// Clock references and timestamps have 33 bits.
const CLOCK: u64 = (1 << 33) - 1;

/// Holds packets until tables and clock were seen.
#[derive(Default)]
pub(super) struct TableFirst {
    held: Vec<u8>,
    pat: Option<Vec<u8>>,
    pmt: Option<Vec<u8>>,
    done: bool,
}

impl TableFirst {
    /// Takes whole packets; gives back what can be written.
    pub(super) fn push(&mut self, packets: &[u8]) -> Vec<u8> {
        if self.done {
            return packets.to_vec();
        }
        let from = self.held.len();
        self.held.extend_from_slice(packets);
        self.find_tables(from);
        let clock = self
            .held
            .chunks_exact(PACKET)
            .position(|p| pcr(p).is_some());
        match (&self.pat, &self.pmt, clock) {
            (Some(pat), Some(pmt), Some(clock)) => {
                // The copies have the counters of the originals: a demultiplexer takes those for
                // duplicates, which are legal (ISO/IEC 13818-1 section 2.4.3.3).
                let mut start = [&**pat, &**pmt].concat();
                start.append(&mut with_clock(&self.held, clock));
                self.held.clear();
                self.done = true;
                start
            }
            _ if self.held.len() > MAX_HELD => self.finish(),
            _ => Vec::new(),
        }
    }

    /// What is still held at the end.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.done = true;
        std::mem::take(&mut self.held)
    }

    fn find_tables(&mut self, from: usize) {
        for packet in self
            .held
            .get(from..)
            .unwrap_or_default()
            .chunks_exact(PACKET)
        {
            if pid(packet) == PAT_PID {
                self.pat = Some(packet.to_vec());
            } else if Some(pid(packet)) == self.pat.as_deref().and_then(pmt_pid) {
                self.pmt = Some(packet.to_vec());
            }
        }
    }
}

/// The packets, with clock references between those before number `first`, which has one.
fn with_clock(packets: &[u8], first: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(packets.len());
    let reference = packets.chunks_exact(PACKET).nth(first);
    let reference = reference.and_then(|p| Some((p, pcr(p)?, pts(p)?)));
    let mut last = None;
    for (number, packet) in packets.chunks_exact(PACKET).enumerate() {
        if number < first
            && let (Some((of, clock, picture)), Some(sound)) = (reference, pts(packet))
            && last.is_none_or(|last| sound.saturating_sub(last) >= PCR_DISTANCE)
        {
            let lead = picture.wrapping_sub(sound);
            out.extend_from_slice(&pcr_packet(of, clock.wrapping_sub(lead) & CLOCK));
            last = Some(sound);
        }
        out.extend_from_slice(packet);
    }
    out
}

fn pid(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]])
}

/// Where the payload begins; an adaptation field comes before it.
fn payload(packet: &[u8]) -> usize {
    let has_adaptation = packet[3] & 0x20 != 0;
    if has_adaptation {
        5 + usize::from(packet[4])
    } else {
        4
    }
}

/// The base of the clock reference, in 1/90 000 s.
fn pcr(packet: &[u8]) -> Option<u64> {
    let has_clock = packet[3] & 0x20 != 0 && packet[4] >= 7 && packet[5] & 0x10 != 0;
    has_clock.then(|| {
        let base = u64::from(u32::from_be_bytes([
            packet[6], packet[7], packet[8], packet[9],
        ]));
        base << 1 | u64::from(packet[10] >> 7)
    })
}

/// When the PES packet that begins in this packet is presented, in 1/90 000 s.
fn pts(packet: &[u8]) -> Option<u64> {
    let begins = packet[1] & 0x40 != 0;
    let header = packet.get(payload(packet)..)?.get(..14)?;
    let has_pts = header.starts_with(&[0, 0, 1]) && header[7] & 0x80 != 0;
    (begins && has_pts).then(|| {
        let bits = |byte: usize, shift: u32| u64::from(header[byte] >> 1) << shift;
        (bits(9, 30) & (7 << 30))
            | u64::from(header[10]) << 22
            | bits(11, 15)
            | u64::from(header[12]) << 7
            | bits(13, 0)
    })
}

/// A packet with nothing but a clock reference, to come before `next` of the same PID.
fn pcr_packet(next: &[u8], clock: u64) -> [u8; PACKET] {
    let mut packet = [0xff; PACKET];
    // Without a payload the counter stays where it was.
    let counter = next[3].wrapping_sub(1) & 0x0f;
    packet[..6].copy_from_slice(&[0x47, next[1] & 0x1f, next[2], 0x20 | counter, 183, 0x10]);
    packet[6..10].copy_from_slice(&((clock >> 1) as u32).to_be_bytes());
    packet[10..12].copy_from_slice(&[(clock as u8 & 1) << 7 | 0x7e, 0]);
    packet
}

/// The PID of the first programme in a PAT that fits one packet.
fn pmt_pid(packet: &[u8]) -> Option<u16> {
    let payload = payload(packet);
    let section = payload + 1 + usize::from(*packet.get(payload)?);
    // Eight bytes of section header and two of programme number come before the PID.
    let pid = packet.get(section + 10..section + 12)?;
    Some(u16::from_be_bytes([pid[0] & 0x1f, pid[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(pid: u16, payload: &[u8]) -> Vec<u8> {
        let [high, low] = pid.to_be_bytes();
        let mut packet = vec![0x47, high, low, 0x10];
        packet.extend_from_slice(payload);
        packet.resize(PACKET, 0xff);
        packet
    }

    /// The first bytes of a PES packet presented at `time`, which is small.
    fn pes(time: u16) -> [u8; 14] {
        let [high, low] = (time << 1 | 1).to_be_bytes();
        [0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, high, low]
    }

    /// A picture at `time` whose clock reference is `delay` before it.
    fn picture(time: u16, delay: u16) -> Vec<u8> {
        let mut picture = packet(0x41, &[]);
        picture[1] |= 0x40;
        picture[3] = 0x35;
        picture[4..6].copy_from_slice(&[7, 0x10]);
        let [a, b] = ((time - delay) >> 1).to_be_bytes();
        picture[6..12].copy_from_slice(&[0, 0, a, b, ((time - delay) as u8 & 1) << 7 | 0x7e, 0]);
        picture[12..26].copy_from_slice(&pes(time));
        picture
    }

    #[test]
    fn sound_before_the_first_picture_comes_after_the_tables_with_a_clock() {
        let mut sound = packet(0x42, &pes(20_000));
        sound[1] |= 0x40;
        let pat = packet(0, &[0, 0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe0, 0x20]);
        let pmt = packet(0x20, b"pmt");
        let picture = picture(29_000, 1_000);
        let mut start = TableFirst::default();
        assert!(start.push(&sound).is_empty());
        assert!(start.push(&pat).is_empty());
        assert!(start.push(&pmt).is_empty());
        let out = start.push(&picture);
        let clock = &out[2 * PACKET..3 * PACKET];
        assert_eq!((pid(clock), pcr(clock)), (0x41, Some(19_000)));
        assert_eq!(
            clock[3], 0x24,
            "no payload, the counter before the picture's"
        );
        assert_eq!(
            out,
            [&*pat, &*pmt, clock, &*sound, &*pat, &*pmt, &*picture].concat()
        );
        assert_eq!(start.push(&sound), sound);
    }

    #[test]
    fn a_stream_without_tables_loses_nothing() {
        let sound = packet(0x42, b"sound");
        let mut start = TableFirst::default();
        assert!(start.push(&sound).is_empty());
        assert_eq!(start.finish(), sound);
    }
}
