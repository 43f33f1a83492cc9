// SPDX-License-Identifier: MPL-2.0
//! Gives a transport stream its tables at the start and a clock all the way. Plain Rust.
//!
//! `mpegtsmux` (1.22) writes PAT, PMT and the first PCR with the first packet of the video. Audio
//! that starts earlier comes before them: demultiplexers skip it, and GStreamer's then plays it
//! late by as much. It writes no PCR either while the video is silent: GStreamer's demultiplexer
//! takes a second without one for a new time base and moves what follows. So the tables are copied
//! to the start, and clock references are added (ISO/IEC 13818-1 section 2.4.3.5) wherever they
//! would be more than 80 ms apart: after a longer gap that demultiplexer takes the time base for a
//! new one and guesses its distance, so that one frame per second would play in half the time.

const PACKET: usize = 188;
const PAT_PID: u16 = 0;
/// No more than this is held back: then there are no tables to wait for.
const MAX_HELD: usize = 4 << 20;
/// In 1/90 000 s.
const PCR_DISTANCE: u64 = 80 * 90;
/// In 1/90 000 s: as late as the frame of a silent video may come (`waiting::SILENCE`). After
/// it the references must not go back.
const LATENESS: u64 = 400 * 90;
/// Clock references and timestamps have 33 bits.
const CLOCK: u64 = (1 << 33) - 1;

/// Holds packets until tables and clock were seen; from then on it adds clock references.
#[derive(Default)]
pub(crate) struct ClockKeeper {
    held: Vec<u8>,
    pat: Option<Vec<u8>>,
    pmt: Option<Vec<u8>>,
    done: bool,
    clock: Option<Clock>,
}

impl ClockKeeper {
    /// Takes whole packets; gives back what can be written.
    pub(crate) fn push(&mut self, packets: &[u8]) -> Vec<u8> {
        if self.done {
            return self.copy(packets);
        }
        let from = self.held.len();
        self.held.extend_from_slice(packets);
        self.find_tables(from);
        let first = self.held.chunks_exact(PACKET).find_map(Clock::new);
        match (&self.pat, &self.pmt, first) {
            (Some(pat), Some(pmt), Some(clock)) => {
                // The copies have the counters of the originals: a demultiplexer takes those for
                // duplicates, which are legal (ISO/IEC 13818-1 section 2.4.3.3).
                let mut start = [&**pat, &**pmt].concat();
                self.clock = Some(clock);
                let held = self.finish();
                start.append(&mut self.copy(&held));
                start
            }
            _ if self.held.len() > MAX_HELD => self.finish(),
            _ => Vec::new(),
        }
    }

    /// What is still held at the end.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.done = true;
        std::mem::take(&mut self.held)
    }

    fn copy(&mut self, packets: &[u8]) -> Vec<u8> {
        match &mut self.clock {
            Some(clock) => clock.copy(packets),
            None => packets.to_vec(),
        }
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

/// The clock of a stream, which its first frame with a reference sets.
struct Clock {
    /// Of the packets that carry the clock.
    pid: u16,
    /// Of the last packet with this PID and a payload.
    counter: u8,
    /// How long before its presentation a frame is in the stream.
    lead: u64,
    /// The reference before; none was written yet.
    last: Option<u64>,
    /// The first frame was seen.
    runs: bool,
}

impl Clock {
    /// `None` unless a frame with a clock reference begins in this packet.
    fn new(packet: &[u8]) -> Option<Self> {
        let (clock, frame) = (pcr(packet)?, pts(packet)?);
        Some(Self {
            pid: pid(packet),
            counter: packet[3].wrapping_sub(1) & 0x0f,
            lead: frame.wrapping_sub(clock) & CLOCK,
            last: None,
            runs: false,
        })
    }

    fn copy(&mut self, packets: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(packets.len());
        for packet in packets.chunks_exact(PACKET) {
            let mut late = None;
            if let Some(clock) = pcr(packet) {
                late = self.last.filter(|last| is_before(clock, *last));
                self.fill(clock, &mut out);
                self.last = late.or(Some(clock));
                self.runs = true;
            } else if pid(packet) != self.pid
                && let Some(clock) = pts(packet).and_then(|audio| self.due(audio))
            {
                self.fill(clock, &mut out);
                out.extend_from_slice(&pcr_packet(self.pid, self.counter, clock));
                self.last = Some(clock);
            }
            let has_payload = packet[3] & 0x10 != 0;
            if pid(packet) == self.pid && has_payload {
                self.counter = packet[3] & 0x0f;
            }
            let at = out.len();
            out.extend_from_slice(packet);
            if let Some(last) = late {
                // A clock that goes back would be taken for a new one.
                set_pcr(&mut out[at..], last);
            }
        }
        out
    }

    /// Adds the references that are missing between the last one and `clock`.
    fn fill(&self, clock: u64, out: &mut Vec<u8>) {
        let Some(last) = self.last else { return };
        let ahead = clock.wrapping_sub(last) & CLOCK;
        if ahead >= CLOCK / 2 {
            return;
        }
        for step in (PCR_DISTANCE..ahead).step_by(PCR_DISTANCE as usize) {
            let clock = last.wrapping_add(step) & CLOCK;
            out.extend_from_slice(&pcr_packet(self.pid, self.counter, clock));
        }
    }

    /// The reference that is due before audio with this time.
    fn due(&self, audio: u64) -> Option<u64> {
        // No frame can be late before the first.
        let lateness = if self.runs { LATENESS } else { 0 };
        let clock = audio.wrapping_sub(self.lead + lateness) & CLOCK;
        // Both wrap around after 26 hours.
        let ahead = |last: u64| clock.wrapping_sub(last) & CLOCK;
        self.last
            .is_none_or(|last| (PCR_DISTANCE..CLOCK / 2).contains(&ahead(last)))
            .then_some(clock)
    }
}

/// Whether a time of the clock, which wraps around, is before another.
fn is_before(time: u64, other: u64) -> bool {
    (1..CLOCK / 2).contains(&(other.wrapping_sub(time) & CLOCK))
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

/// A packet with nothing but a clock reference. Without a payload the counter stays where it was.
fn pcr_packet(pid: u16, counter: u8, clock: u64) -> [u8; PACKET] {
    let mut packet = [0xff; PACKET];
    let [high, low] = pid.to_be_bytes();
    packet[..6].copy_from_slice(&[0x47, high, low, 0x20 | counter, 183, 0x10]);
    set_pcr(&mut packet, clock);
    packet
}

fn set_pcr(packet: &mut [u8], clock: u64) {
    packet[6..10].copy_from_slice(&((clock >> 1) as u32).to_be_bytes());
    packet[10..12].copy_from_slice(&[(clock as u8 & 1) << 7 | 0x7e, 0]);
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

    /// The first bytes of a PES packet presented at `time`.
    fn pes(time: u64) -> [u8; 14] {
        let bits = |shift: u32| (time >> shift) as u8;
        let (a, b, c) = (bits(29) & 0x0e | 0x21, bits(14) | 1, bits(0) << 1 | 1);
        [
            0,
            0,
            1,
            0xe0,
            0,
            0,
            0x80,
            0x80,
            5,
            a,
            bits(22),
            b,
            bits(7),
            c,
        ]
    }

    fn audio(time: u64) -> Vec<u8> {
        let mut audio = packet(0x42, &pes(time & CLOCK));
        audio[1] |= 0x40;
        audio
    }

    /// A frame at `time` whose clock reference is `delay` before it.
    fn frame(time: u64, delay: u64) -> Vec<u8> {
        let mut frame = packet(0x41, &[]);
        frame[1] |= 0x40;
        frame[3] = 0x35;
        let clock = pcr_packet(0, 0, time.wrapping_sub(delay) & CLOCK);
        frame[4..12].copy_from_slice(&clock[4..12]);
        frame[4] = 7;
        frame[12..26].copy_from_slice(&pes(time & CLOCK));
        frame
    }

    fn tables() -> [Vec<u8>; 2] {
        let pat = packet(0, &[0, 0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe0, 0x20]);
        [pat, packet(0x20, b"pmt")]
    }

    /// The clock references after those of the start.
    fn clocks(packets: &[u8]) -> Vec<u64> {
        packets.chunks_exact(PACKET).filter_map(pcr).collect()
    }

    #[test]
    fn audio_before_the_first_frame_comes_after_the_tables_with_a_clock() {
        let audio = audio(22_000);
        let [pat, pmt] = tables();
        let frame = frame(29_000, 1_000);
        let mut start = ClockKeeper::default();
        assert!(start.push(&audio).is_empty());
        assert!(start.push(&pat).is_empty());
        assert!(start.push(&pmt).is_empty());
        let out = start.push(&frame);
        let clock = &out[2 * PACKET..3 * PACKET];
        assert_eq!((pid(clock), pcr(clock)), (0x41, Some(21_000)));
        assert_eq!(clock[3], 0x24, "no payload, the counter before the frame's");
        assert_eq!(
            out,
            [&*pat, &*pmt, clock, &*audio, &*pat, &*pmt, &*frame].concat()
        );
        assert_eq!(start.push(&audio), audio);
    }

    /// Sends a frame at `from` and then only audio, until a frame comes after `seconds` for
    /// which the stream did not wait; returns the clock references.
    fn mute(from: u64, seconds: u64) -> Vec<u64> {
        let mut stream = ClockKeeper::default();
        let mut out = stream.push(&[tables().concat(), frame(from, 1_000)].concat());
        let end = seconds * 90_000;
        for audio_at in (0..end).step_by(1_800) {
            out.extend(stream.push(&audio(from + audio_at)));
        }
        out.extend(stream.push(&frame(from + end - LATENESS, 1_000)));
        let from_start = |clock: u64| clock.wrapping_sub(from - 1_000) & CLOCK;
        clocks(&out).into_iter().map(from_start).collect()
    }

    #[test]
    fn a_silent_video_leaves_a_clock_that_a_late_frame_does_not_turn_back() {
        let clocks = mute(100_000, 3);
        for pair in clocks.windows(2) {
            assert!(
                (0..=PCR_DISTANCE).contains(&(pair[1] - pair[0])),
                "{pair:?}"
            );
        }
        assert_eq!(clocks.last(), Some(&(3 * 90_000 - LATENESS)));
    }

    #[test]
    fn a_frame_that_is_later_than_any_other_does_not_turn_the_clock_back() {
        let mut stream = ClockKeeper::default();
        let mut out = stream.push(&[tables().concat(), frame(100_000, 1_000)].concat());
        out.extend(stream.push(&audio(100_000 + 3 * 90_000)));
        out.extend(stream.push(&frame(100_000 + 90_000, 1_000)));
        let clocks = clocks(&out);
        assert!(clocks.is_sorted(), "{clocks:?}");
        assert_eq!(pts(&out[out.len() - PACKET..]), Some(190_000));
    }

    #[test]
    fn rare_frames_have_the_references_between_them() {
        for from in [100_000, CLOCK - 90_000] {
            let mut stream = ClockKeeper::default();
            let mut out = stream.push(&[tables().concat(), frame(from, 1_000)].concat());
            out.extend(stream.push(&frame(from + 5 * 90_000, 1_000)));
            let ahead: Vec<_> = clocks(&out)
                .windows(2)
                .map(|pair| pair[1].wrapping_sub(pair[0]) & CLOCK)
                .collect();
            assert!(ahead.iter().all(|a| *a <= PCR_DISTANCE), "{ahead:?}");
            assert_eq!(ahead.iter().sum::<u64>(), 5 * 90_000);
        }
    }

    #[test]
    fn the_clock_of_a_silent_video_goes_on_when_it_wraps_around() {
        assert_eq!(mute(CLOCK - 90_000, 3), mute(100_000, 3));
    }

    #[test]
    fn a_stream_without_tables_loses_nothing() {
        let audio = packet(0x42, b"audio");
        let mut start = ClockKeeper::default();
        assert!(start.push(&audio).is_empty());
        assert_eq!(start.finish(), audio);
    }
}
