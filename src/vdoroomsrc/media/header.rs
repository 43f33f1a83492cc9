// SPDX-License-Identifier: MPL-2.0
//! The header of an RTP packet as a value (RFC 3550 section 5.1).

use crate::prefix::prefix;

/// The part that every packet has.
const FIXED_PART: usize = 12;
const VERSION: u8 = 2;
const SEQNUM: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub seqnum: u16,
    pub timestamp: u32,
    /// The last packet of its frame.
    pub marker: bool,
    pub payload_type: u8,
    pub ssrc: u32,
}

impl Header {
    /// Of a packet that has been found to be one by an element before: nothing else of it is looked
    /// at.
    pub(crate) fn peek(packet: &gst::BufferRef) -> Option<Self> {
        Self::read(prefix(packet)?)
    }

    /// Of a packet that is mapped.
    pub(crate) fn of<T>(packet: &gst_rtp::RTPBuffer<'_, T>) -> Self {
        Self {
            seqnum: packet.seq(),
            timestamp: packet.timestamp(),
            marker: packet.is_marker(),
            payload_type: packet.payload_type(),
            ssrc: packet.ssrc(),
        }
    }

    /// Whether it is a packet of RTCP, where both come on one port (RFC 5761 section 4).
    pub(crate) fn is_rtcp(&self) -> bool {
        self.marker && (64..96).contains(&self.payload_type)
    }

    /// Gives a packet another sequence number; false if it cannot be written to.
    pub(crate) fn renumber(packet: &mut gst::BufferRef, seqnum: u16) -> bool {
        let bytes = seqnum.to_be_bytes();
        packet.size() >= FIXED_PART && packet.copy_from_slice(SEQNUM, &bytes).is_ok()
    }

    fn read(bytes: [u8; FIXED_PART]) -> Option<Self> {
        let [first, second, s0, s1, t0, t1, t2, t3, ssrc @ ..] = bytes;
        (first >> 6 == VERSION).then(|| Self {
            seqnum: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            ssrc: u32::from_be_bytes(ssrc),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: [u8; 13] = [
        0x80, 0xe0, 0x12, 0x34, 0x89, 0xab, 0xcd, 0xef, 0, 0, 0, 7, 1,
    ];

    #[test]
    fn what_is_read_without_a_map_is_what_gstreamer_reads() {
        gst::init().unwrap();
        let packet = gst::Buffer::from_slice(PACKET);
        let mapped = gst_rtp::RTPBuffer::from_buffer_readable(&packet).unwrap();
        let header = Header {
            seqnum: 0x1234,
            timestamp: 0x89ab_cdef,
            marker: true,
            payload_type: 96,
            ssrc: 7,
        };
        assert!(!header.is_rtcp());
        assert_eq!(Header::of(&mapped), header);
        assert_eq!(Header::peek(&packet), Some(header));
    }

    #[test]
    fn a_packet_gets_another_number_and_stays_as_it_is_elsewhere() {
        gst::init().unwrap();
        let original = gst::Buffer::from_slice(PACKET);
        let mut packet = original.clone();
        assert!(Header::renumber(packet.make_mut(), 0xfedc));
        let mut expected = PACKET;
        expected[2..4].copy_from_slice(&[0xfe, 0xdc]);
        assert_eq!(*packet.map_readable().unwrap(), expected);
        assert_eq!(*original.map_readable().unwrap(), PACKET);
    }

    #[test]
    fn rtcp_is_told_by_its_second_byte() {
        gst::init().unwrap();
        let is_rtcp = |second| {
            let mut packet = PACKET;
            packet[1] = second;
            let header = Header::peek(&gst::Buffer::from_slice(packet));
            header.unwrap().is_rtcp()
        };
        assert!([192, 200, 206, 223].into_iter().all(is_rtcp));
        assert!(![0, 96, 127, 191, 224, 255].into_iter().any(is_rtcp));
    }

    #[test]
    fn what_is_no_packet_has_no_header() {
        gst::init().unwrap();
        let peek = |bytes: &[u8]| Header::peek(&gst::Buffer::from_slice(bytes.to_vec()));
        assert_eq!(peek(&[]), None);
        assert_eq!(peek(&PACKET[..11]), None);
        // STUN begins with zeros.
        assert_eq!(peek(&[0; 20]), None);
        assert!(peek(&PACKET[..12]).is_some());
    }
}
