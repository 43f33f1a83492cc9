// SPDX-License-Identifier: MPL-2.0
//! Reads from the front of a payload, and never behind its end.

use super::packet::Fault;

const SHORT: Fault = "a header that ends behind the packet";

/// What has not been read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn u8(&mut self) -> Result<u8, Fault> {
        let (first, rest) = self.0.split_first().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Fault> {
        Ok(u16::from_be_bytes([self.u8()?, self.u8()?]))
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    /// AV1 specification, section 4.10.5.
    pub(super) fn leb128(&mut self) -> Result<usize, Fault> {
        let mut value = 0;
        for place in 0..8 {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                let value = u32::try_from(value).map_err(|_| "a length of more than 32 bits")?;
                return usize::try_from(value).map_err(|_| "a length of more than 32 bits");
            }
        }
        Err("a length of more than eight bytes")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Reads `ue(v)` (H.264 section 9.1) from these bytes on, several in a row.
#[derive(Debug)]
pub(super) struct Golomb<'a> {
    bytes: &'a [u8],
    bit: usize,
}

impl<'a> Golomb<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, bit: 0 }
    }

    fn bit(&mut self) -> Option<u32> {
        let byte = self.bytes.get(self.bit / 8)?;
        let bit = byte >> (7 - self.bit % 8) & 1;
        self.bit += 1;
        Some(bit.into())
    }

    pub(super) fn next(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 16 {
                return None;
            }
        }
        let mut value = 1;
        for _ in 0..zeros {
            value = value << 1 | self.bit()?;
        }
        Some(value - 1)
    }
}
