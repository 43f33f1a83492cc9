// SPDX-License-Identifier: MPL-2.0
//! The bytes and bits of a NAL unit, without emulation prevention bytes (H.264 section 7.4.1).

pub(super) struct Bytes<'a> {
    rest: &'a [u8],
    zeros: usize,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(nal: &'a [u8]) -> Self {
        Self {
            rest: nal,
            zeros: 0,
        }
    }

    /// What has not been read, as it is in the unit.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl Iterator for Bytes<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (mut byte, mut rest) = self.rest.split_first()?;
        if self.zeros >= 2 && *byte == 3 {
            (byte, rest) = rest.split_first()?;
            self.zeros = 0;
        }
        self.zeros = if *byte == 0 { self.zeros + 1 } else { 0 };
        self.rest = rest;
        Some(*byte)
    }
}

pub(crate) struct Bits<'a> {
    bytes: Bytes<'a>,
    /// Of the current byte, the bits that are left.
    byte: u8,
    left: u32,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(nal: &'a [u8]) -> Self {
        Self {
            bytes: Bytes::new(nal),
            byte: 0,
            left: 0,
        }
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        if self.left == 0 {
            self.byte = self.bytes.next()?;
            self.left = 8;
        }
        self.left -= 1;
        Some(self.byte >> self.left & 1 == 1)
    }

    /// Up to 32 bits.
    pub(super) fn number(&mut self, bits: u32) -> Option<u32> {
        let mut value = 0_u32;
        for _ in 0..bits {
            value = value << 1 | u32::from(self.flag()?);
        }
        Some(value)
    }

    pub(super) fn skip(&mut self, bits: u32) -> Option<()> {
        for _ in 0..bits {
            self.flag()?;
        }
        Some(())
    }

    /// ue(v) (H.264 section 9.1).
    pub(crate) fn exp_golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.number(zeros)?;
        Some((1_u32 << zeros) - 1 + rest)
    }

    /// se(v) (H.264 section 9.1.1).
    pub(super) fn signed_exp_golomb(&mut self) -> Option<i64> {
        let code = i64::from(self.exp_golomb()?);
        Some(if code % 2 == 0 {
            -code / 2
        } else {
            code / 2 + 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_standards_write_them() {
        // 1, 010, 011, 00100 are 0 to 3.
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0000]);
        let read: Vec<_> = (0..4).map(|_| bits.exp_golomb().unwrap()).collect();
        assert_eq!(read, [0, 1, 2, 3]);
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0000]);
        let read: Vec<_> = (0..4).map(|_| bits.signed_exp_golomb().unwrap()).collect();
        assert_eq!(read, [0, 1, -1, 2]);
        assert_eq!(Bits::new(&[0x12, 0x34]).number(12), Some(0x123));
    }

    #[test]
    fn emulation_prevention_is_no_data() {
        let mut bits = Bits::new(&[0, 0, 3, 1, 0, 0, 3, 0, 0, 3]);
        let read: Vec<_> = std::iter::from_fn(|| bits.number(8)).collect();
        assert_eq!(read, [0, 0, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn an_end_in_the_middle_is_no_number() {
        assert_eq!(Bits::new(&[0, 0, 0, 0, 0]).exp_golomb(), None);
        assert_eq!(Bits::new(&[1]).exp_golomb(), None);
    }
}
