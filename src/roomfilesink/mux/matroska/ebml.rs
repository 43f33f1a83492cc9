// SPDX-License-Identifier: MPL-2.0
//! EBML (RFC 8794): the elements that Matroska is made of.

/// Eight bytes that say "size unknown" (RFC 8794 section 6.2).
pub(crate) const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// A size in eight bytes, so that it can replace [`UNKNOWN_SIZE`].
pub(crate) fn long_size(size: u64) -> [u8; 8] {
    (size | (1 << 56)).to_be_bytes()
}

/// Builds elements one after the other.
#[derive(Default)]
pub(crate) struct Elements(pub Vec<u8>);

impl Elements {
    pub(crate) fn id(&mut self, id: u32) -> &mut Self {
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

    pub(crate) fn binary(&mut self, id: u32, data: &[u8]) -> &mut Self {
        self.id(id).size(data.len());
        self.0.extend_from_slice(data);
        self
    }

    pub(crate) fn text(&mut self, id: u32, text: &str) -> &mut Self {
        self.binary(id, text.as_bytes())
    }

    pub(crate) fn uint(&mut self, id: u32, value: u64) -> &mut Self {
        let skip = ((value.leading_zeros() / 8) as usize).min(7);
        self.binary(id, &value.to_be_bytes()[skip..])
    }

    pub(crate) fn int(&mut self, id: u32, value: i64) -> &mut Self {
        self.binary(id, &value.to_be_bytes())
    }

    pub(crate) fn float(&mut self, id: u32, value: f64) -> &mut Self {
        self.binary(id, &value.to_be_bytes())
    }

    pub(crate) fn master(&mut self, id: u32, fill: impl FnOnce(&mut Elements)) -> &mut Self {
        let mut inner = Elements::default();
        fill(&mut inner);
        self.binary(id, &inner.0)
    }

    /// A Void element of exactly `len` bytes, 2 to 128.
    pub(crate) fn short_void(&mut self, len: usize) -> &mut Self {
        let payload = [0; 126];
        let len = len.saturating_sub(2).min(payload.len());
        self.binary(0xec, &payload[..len])
    }

    /// A Void element (RFC 8794 section 11.3.2) of exactly `len` bytes, at least nine.
    pub(crate) fn void(&mut self, len: usize) -> &mut Self {
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
}
