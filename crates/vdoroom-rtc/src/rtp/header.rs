// SPDX-License-Identifier: MPL-2.0
//! The header of an RTP packet (RFC 3550 section 5.1, RFC 8285), which is read before the packet
//! is decrypted: padding is not looked at here.

const FIXED: usize = 12;
const ONE_BYTE: u16 = 0xbede;
const TWO_BYTE: u16 = 0x1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// In bytes, with everything before the payload.
    pub length: usize,
    /// Of the whole packet, as it came.
    pub on_wire: usize,
    pub has_padding: bool,
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    /// What kind it is, and where it begins.
    extension: Option<(u16, usize)>,
}

impl Header {
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; FIXED] = packet.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let word = |at: usize| {
            u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]])
        };
        let mut length = FIXED + 4 * usize::from(fixed[0] & 0x0f);
        let mut extension = None;
        if fixed[0] & 0x10 != 0 {
            let [a, b, c, d] = *packet.get(length..)?.first_chunk()?;
            length += 4;
            extension = Some((u16::from_be_bytes([a, b]), length));
            length += 4 * usize::from(u16::from_be_bytes([c, d]));
        }
        (packet.len() >= length).then_some(Self {
            length,
            on_wire: packet.len(),
            has_padding: fixed[0] & 0x20 != 0,
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: word(4),
            ssrc: word(8),
            extension,
        })
    }

    /// The value of the header extension with this number.
    pub(crate) fn extension<'a>(&self, packet: &'a [u8], wanted: u8) -> Option<&'a [u8]> {
        let (profile, at) = self.extension?;
        let mut rest = packet.get(at..self.length)?;
        while let [first, after @ ..] = rest {
            if *first == 0 {
                rest = after;
                continue;
            }
            let (id, length, after) = match profile {
                ONE_BYTE if first >> 4 == 15 => return None,
                ONE_BYTE => (first >> 4, usize::from(first & 0x0f) + 1, after),
                _ if profile & 0xfff0 == TWO_BYTE => {
                    let (length, after) = after.split_first()?;
                    (*first, usize::from(*length), after)
                }
                _ => return None,
            };
            let (value, after) = after.split_at_checked(length)?;
            if id == wanted {
                return Some(value);
            }
            rest = after;
        }
        None
    }

    /// Where the payload of this packet, which is decrypted, ends.
    pub(crate) fn payload_end(&self, packet: &[u8]) -> Option<usize> {
        let padding = match self.has_padding {
            true => usize::from(*packet.last()?),
            false => 0,
        };
        // Padding counts its own last byte.
        let is_wrong = self.has_padding && padding == 0;
        let end = packet.len().checked_sub(padding).filter(|_| !is_wrong)?;
        (end >= self.length).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(first: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![first, 0x80 | 96, 0x12, 0x34, 0, 0, 0, 5, 0, 0, 0, 7];
        packet.extend(rest);
        packet
    }

    #[test]
    fn a_header_is_as_long_as_what_is_in_it() {
        let plain = Header::parse(&packet(0x80, b"x")).unwrap();
        assert_eq!(
            (plain.length, plain.sequence, plain.marker),
            (12, 0x1234, true)
        );
        assert_eq!(
            (plain.payload_type, plain.timestamp, plain.ssrc),
            (96, 5, 7)
        );
        let sources = Header::parse(&packet(0x82, &[0; 8])).unwrap();
        assert_eq!(sources.length, 20);
        let extended = packet(0x91, &[0, 0, 0, 0, 0xbe, 0xde, 0, 1, 0x10, 9, 0, 0, 42]);
        let header = Header::parse(&extended).unwrap();
        assert_eq!(header.length, 24);
        assert_eq!(header.extension(&extended, 1), Some(&[9][..]));
    }

    #[test]
    fn extensions_are_found_among_padding_in_both_forms() {
        let one = packet(
            0x90,
            &[
                0xbe, 0xde, 0, 3, 0, 0x21, 1, 2, 0, 0, 0x30, 5, 0xf0, 0x40, 1, 1,
            ],
        );
        let header = Header::parse(&one).unwrap();
        assert_eq!(header.extension(&one, 2), Some(&[1, 2][..]));
        assert_eq!(header.extension(&one, 3), Some(&[5][..]));
        assert_eq!(header.extension(&one, 4), None, "15 ends it");
        let two = packet(0x90, &[0x10, 0x01, 0, 2, 0, 7, 0, 20, 3, 1, 2, 3]);
        let header = Header::parse(&two).unwrap();
        assert_eq!(header.extension(&two, 7), Some(&[][..]));
        assert_eq!(header.extension(&two, 20), Some(&[1, 2, 3][..]));
    }

    #[test]
    fn padding_is_cut_off_if_it_is_some() {
        let end = |packet: &[u8]| Header::parse(packet).unwrap().payload_end(packet);
        assert_eq!(end(&packet(0xa0, &[1, 2, 0, 2])), Some(14));
        assert_eq!(end(&packet(0xa0, &[1, 2])), Some(12));
        for wrong in [&[1, 0][..], &[1, 9]] {
            assert_eq!(end(&packet(0xa0, wrong)), None);
        }
    }

    #[test]
    fn what_is_cut_is_no_packet_and_is_read_without_harm() {
        let whole = packet(0xb3, &[0xff; 40]);
        for length in 0..whole.len() {
            assert_eq!(Header::parse(&whole[..length]), None);
        }
        for profile in [[0xbe, 0xde], [0x10, 0x00], [0xff, 0xff]] {
            for byte in 0..=255_u8 {
                let mut rest = profile.to_vec();
                rest.extend([0, 2]);
                rest.extend([byte; 8]);
                let packet = packet(0x90, &rest);
                let header = Header::parse(&packet).unwrap();
                for id in 0..=255 {
                    header.extension(&packet, id);
                }
                header.payload_end(&packet);
            }
        }
        assert_eq!(Header::parse(&packet(0x40, b"")), None, "another version");
    }
}
