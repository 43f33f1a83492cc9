// SPDX-License-Identifier: MPL-2.0
//! Moves the tables of a transport stream to its start. Plain Rust.
//!
//! `mpegtsmux` (1.22) writes PAT and PMT with the first packet that carries a PCR, which is the
//! video's. Sound that starts earlier comes before them, and demultiplexers skip it.

const PACKET: usize = 188;
const PAT_PID: u16 = 0;
/// Nothing is held back beyond this: then there are no tables to wait for.
const MAX_HELD: usize = 4 << 20;

/// Holds packets until both tables were seen.
#[derive(Default)]
pub(super) struct TableFirst {
    held: Vec<u8>,
    pat: Option<Vec<u8>>,
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
        let pmt = self.find_pmt(from);
        match (&self.pat, pmt) {
            (Some(pat), Some(pmt)) => {
                // The copies have the counters of the originals: a demultiplexer takes those for
                // duplicates, which are legal (ISO/IEC 13818-1 section 2.4.3.3).
                let mut start = pat.clone();
                start.extend_from_slice(&pmt);
                start.append(&mut self.held);
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

    fn find_pmt(&mut self, from: usize) -> Option<Vec<u8>> {
        let new = self.held.get(from..)?;
        for packet in new.chunks_exact(PACKET) {
            let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
            if pid == PAT_PID {
                self.pat = Some(packet.to_vec());
            } else if Some(pid) == self.pat.as_deref().and_then(pmt_pid) {
                return Some(packet.to_vec());
            }
        }
        None
    }
}

/// The PID of the first programme in a PAT that fits one packet.
fn pmt_pid(packet: &[u8]) -> Option<u16> {
    let has_adaptation = packet.get(3)? & 0x20 != 0;
    let payload = if has_adaptation {
        5 + usize::from(*packet.get(4)?)
    } else {
        4
    };
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

    #[test]
    fn media_before_the_tables_comes_after_them() {
        let sound = packet(0x42, b"sound");
        let pat = packet(0, &[0, 0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe0, 0x20]);
        let pmt = packet(0x20, b"pmt");
        let mut start = TableFirst::default();
        assert!(start.push(&sound).is_empty());
        assert!(start.push(&pat).is_empty());
        let out = start.push(&pmt);
        assert_eq!(out, [&*pat, &*pmt, &*sound, &*pat, &*pmt].concat());
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
