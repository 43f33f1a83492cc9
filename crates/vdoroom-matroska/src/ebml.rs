// SPDX-License-Identifier: MPL-2.0
//! EBML (RFC 8794): the elements that Matroska is made of.
//!
//! The reader here reads only the headers of elements and reports their positions. `vdoroom repair`
//! needs the positions, and must not read a large file whole. Crates that read Matroska return frames
//! without their positions, and stop at the first element that is cut.

/// Eight bytes that say "size unknown" (RFC 8794 section 6.2).
pub const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// A size in eight bytes, so that it can replace [`UNKNOWN_SIZE`].
pub fn long_size(size: u64) -> [u8; 8] {
    (size | (1 << 56)).to_be_bytes()
}

/// How an element begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub id: u32,
    /// Of what follows; `None` if the element does not say it.
    pub size: Option<u64>,
    /// Bytes of the ID, and of both.
    pub id_len: usize,
    pub len: usize,
}

impl Header {
    /// The most bytes that a header has in Matroska (RFC 9559 section 4).
    pub const MAX: usize = 12;

    /// `None` if the bytes are no header, or too few of one.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let id_len = bytes.first()?.leading_zeros() as usize + 1;
        if id_len > 4 {
            return None;
        }
        let id = bytes.get(..id_len)?;
        let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        let rest = bytes.get(id_len..)?;
        let (size, size_len) = size(rest)?;
        let len = id_len + size_len;
        Some(Self {
            id,
            size,
            id_len,
            len,
        })
    }
}

/// A number with its length marker (RFC 8794 section 4), and how many bytes it has. All ones are no
/// number, but "unknown".
pub fn size(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let len = bytes.first()?.leading_zeros() as usize + 1;
    if len > 8 {
        return None;
    }
    let marked = uint(bytes.get(..len)?);
    let mask = (1 << (7 * len)) - 1;
    let size = marked & mask;
    Some(((size != mask).then_some(size), len))
}

/// An unsigned number of at most eight bytes.
pub fn uint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

/// Builds elements one after the other.
#[derive(Default)]
pub struct Elements(pub Vec<u8>);

impl Elements {
    pub fn id(&mut self, id: u32) -> &mut Self {
        let bytes = id.to_be_bytes();
        let skip = (id.leading_zeros() / 8) as usize;
        self.0.extend_from_slice(&bytes[skip.min(3)..]);
        self
    }

    fn size(&mut self, size: usize) {
        let size = size as u64;
        // One byte fewer of payload than of length marker bits; all ones means "unknown".
        let bytes = (1..8).find(|n| size < (1 << (7 * n)) - 1).unwrap_or(8);
        let marked = size | (1 << (7 * bytes));
        self.0.extend_from_slice(&marked.to_be_bytes()[8 - bytes..]);
    }

    pub fn binary(&mut self, id: u32, data: &[u8]) -> &mut Self {
        self.joined(id, &[data])
    }

    /// An element of bytes in several places, which are copied once.
    pub fn joined(&mut self, id: u32, data: &[&[u8]]) -> &mut Self {
        self.id(id).size(data.iter().map(|part| part.len()).sum());
        for part in data {
            self.0.extend_from_slice(part);
        }
        self
    }

    pub fn text(&mut self, id: u32, text: &str) -> &mut Self {
        self.binary(id, text.as_bytes())
    }

    pub fn uint(&mut self, id: u32, value: u64) -> &mut Self {
        let skip = ((value.leading_zeros() / 8) as usize).min(7);
        self.binary(id, &value.to_be_bytes()[skip..])
    }

    pub fn int(&mut self, id: u32, value: i64) -> &mut Self {
        self.binary(id, &value.to_be_bytes())
    }

    pub fn float(&mut self, id: u32, value: f64) -> &mut Self {
        self.binary(id, &value.to_be_bytes())
    }

    pub fn master(&mut self, id: u32, fill: impl FnOnce(&mut Elements)) -> &mut Self {
        let mut inner = Elements::default();
        fill(&mut inner);
        self.binary(id, &inner.0)
    }

    /// A Void element of exactly `len` bytes, 2 to 128.
    pub fn short_void(&mut self, len: usize) -> &mut Self {
        let payload = [0; 126];
        let len = len.saturating_sub(2).min(payload.len());
        self.binary(0xec, &payload[..len])
    }

    /// A Void element (RFC 8794 section 11.3.2) of exactly `len` bytes, at least nine.
    pub fn void(&mut self, len: usize) -> &mut Self {
        let payload = len.saturating_sub(9);
        self.id(0xec)
            .0
            .extend_from_slice(&long_size(payload as u64));
        self.0.resize(self.0.len() + payload, 0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ids_take_as_few_bytes_as_they_need() {
        let mut e = Elements::default();
        e.uint(0xd7, 1);
        assert_eq!(e.0, [0xd7, 0x81, 1]);
        let mut e = Elements::default();
        e.binary(0x1a45_dfa3, &[0; 127]);
        assert_eq!(e.0[..6], [0x1a, 0x45, 0xdf, 0xa3, 0x40, 0x7f]);
        assert_eq!(e.0.len(), 6 + 127);
    }

    #[test]
    fn an_element_may_come_from_several_places() {
        let (mut one, mut several) = (Elements::default(), Elements::default());
        one.binary(0xa3, b"hello world");
        several.joined(0xa3, &[b"hello", b"", b" world"]);
        assert_eq!(one.0, several.0);
    }

    #[test]
    fn void_fills_exactly() {
        let mut e = Elements::default();
        assert_eq!(e.void(50).0.len(), 50);
        assert_eq!(Elements::default().short_void(11).0.len(), 11);
    }

    #[test]
    fn a_long_size_replaces_the_unknown_one() {
        assert_eq!(long_size(5), [1, 0, 0, 0, 0, 0, 0, 5]);
        assert_eq!(UNKNOWN_SIZE.len(), long_size(0).len());
    }

    #[test]
    fn what_was_built_is_read() {
        for size in [0, 1, 126, 127, 128, 20_000] {
            let mut e = Elements::default();
            e.binary(0x1a45_dfa3, &vec![0; size]);
            let header = Header::read(&e.0).unwrap();
            assert_eq!((header.id, header.size), (0x1a45_dfa3, Some(size as u64)));
            assert_eq!(header.len + size, e.0.len());
            assert_eq!(Header::read(&e.0[..header.len - 1]), None, "it is cut");
        }
        let mut e = Elements::default();
        e.id(0xa3).0.extend_from_slice(&UNKNOWN_SIZE);
        assert_eq!(Header::read(&e.0).unwrap().size, None);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for bytes in [&[][..], &[0; 12], &[0x08, 0, 0, 0, 0, 0x81], &[0xa3, 0]] {
            assert_eq!(Header::read(bytes), None, "{bytes:x?}");
        }
    }
}
