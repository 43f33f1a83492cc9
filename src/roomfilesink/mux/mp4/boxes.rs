// SPDX-License-Identifier: MPL-2.0
//! Boxes (ISO/IEC 14496-12 section 4.2): what MP4 is made of.

/// Builds boxes one after the other, and one inside the other.
#[derive(Debug, Default)]
pub(crate) struct Boxes(pub Vec<u8>);

impl Boxes {
    /// A box of this type with what `fill` writes.
    pub(crate) fn node(&mut self, kind: &[u8; 4], fill: impl FnOnce(&mut Self)) -> &mut Self {
        let at = self.0.len();
        self.u32(0).bytes(kind);
        fill(self);
        // The limits of a file keep its index far below 4 GiB.
        let size = u32::try_from(self.0.len() - at).unwrap_or(u32::MAX);
        self.replace(at, size);
        self
    }

    /// A box with a version and flags.
    pub(crate) fn full(
        &mut self,
        kind: &[u8; 4],
        version: u8,
        flags: u32,
        fill: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.node(kind, |b| {
            b.u32(u32::from(version) << 24 | (flags & 0x00ff_ffff));
            fill(b);
        })
    }

    /// Puts a number where one was before.
    pub(crate) fn replace(&mut self, at: usize, value: u32) {
        if let Some(field) = self.0.get_mut(at..at.saturating_add(4)) {
            field.copy_from_slice(&value.to_be_bytes());
        }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn zeros(&mut self, count: usize) -> &mut Self {
        self.0.resize(self.0.len() + count, 0);
        self
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn i32(&mut self, value: i32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// A table: how many entries, and the entries.
    pub(crate) fn table<T>(
        &mut self,
        entries: impl Iterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        let at = self.0.len();
        self.u32(0);
        let mut count = 0_u32;
        for entry in entries {
            write(self, entry);
            count = count.saturating_add(1);
        }
        self.replace(at, count);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_box_counts_its_header_and_what_is_in_it() {
        let mut b = Boxes::default();
        b.node(b"moov", |b| {
            b.full(b"mfhd", 1, 2, |b| {
                b.u16(0x0304);
            });
        });
        let expected = b"\0\0\0\x16moov\0\0\0\x0emfhd\x01\0\0\x02\x03\x04";
        assert_eq!(b.0, expected);
    }

    #[test]
    fn a_table_knows_how_long_it_is() {
        let mut b = Boxes::default();
        b.table([7_u32, 8].into_iter(), |b, n| {
            b.u32(n);
        });
        assert_eq!(b.0, [0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 8]);
    }
}
