// SPDX-License-Identifier: MPL-2.0
//! Opus (RFC 7587): one Opus packet in each RTP packet (RFC 6716 section 3).

use super::bytes::Bytes;
use super::packet::Fault;

/// Section 3.2.1.
const LONGEST_FRAME: usize = 1275;

/// Section 3.2.5: 120 ms, in samples at 48 kHz.
const LONGEST_PACKET: usize = 5760;

const FORMLESS: Fault = "an Opus packet whose frames do not fill it";

/// An encoder that changes its mind with each packet has fewer kinds of them among 50. Of random
/// first bytes, which encryption makes, 45 are different.
const KINDS: u32 = 24;

#[derive(Debug, Default)]
pub(crate) struct Opus {
    /// The first bytes of packets (section 3.1), one bit for each value.
    kinds: [u64; 4],
}

impl Opus {
    pub(super) fn check(&mut self, payload: &[u8]) -> Result<(), Fault> {
        let first = payload.first().copied().unwrap_or_default();
        if let Some(kinds) = self.kinds.get_mut(usize::from(first / 64)) {
            *kinds |= 1 << (first % 64);
        }
        check(payload)
    }

    /// Begins anew.
    pub(super) fn was_strange(&mut self) -> bool {
        let kinds = std::mem::take(&mut self.kinds);
        kinds.iter().map(|kinds| kinds.count_ones()).sum::<u32>() >= KINDS
    }
}

fn check(payload: &[u8]) -> Result<(), Fault> {
    let mut rest = Bytes(payload);
    let toc = rest.u8()?;
    match toc & 3 {
        0 => frames(rest.len(), 1),
        1 => frames(rest.len(), 2),
        2 => {
            let first = length(&mut rest)?;
            frames(rest.take(first)?.len(), 1)?;
            frames(rest.len(), 1)
        }
        _ => any_number(toc, rest),
    }
}

/// Section 3.2.5.
fn any_number(toc: u8, mut rest: Bytes<'_>) -> Result<(), Fault> {
    let counted = rest.u8()?;
    let count = usize::from(counted & 0x3f);
    if count == 0 || count * samples(toc) > LONGEST_PACKET {
        return Err("an Opus packet of no length, or of more than 120 ms");
    }
    if counted & 0x40 != 0 {
        let mut padding = 0;
        loop {
            let byte = rest.u8()?;
            // 255 stands for 254 bytes, and another count behind it.
            padding += usize::from(byte).min(254);
            if byte < 255 {
                break;
            }
        }
        let filled = rest.len().checked_sub(padding).ok_or(FORMLESS)?;
        rest = Bytes(rest.take(filled)?);
    }
    if counted & 0x80 == 0 {
        return frames(rest.len(), count);
    }
    let mut sum = 0;
    for _ in 1..count {
        let one = length(&mut rest)?;
        frames(one, 1)?;
        sum += one;
    }
    let last = rest.len().checked_sub(sum).ok_or(FORMLESS)?;
    frames(last, 1)
}

/// So many bytes are so many frames of the same length.
fn frames(bytes: usize, count: usize) -> Result<(), Fault> {
    match bytes.is_multiple_of(count) && bytes / count <= LONGEST_FRAME {
        true => Ok(()),
        false => Err(FORMLESS),
    }
}

/// Section 3.2.1.
fn length(rest: &mut Bytes<'_>) -> Result<usize, Fault> {
    let first = usize::from(rest.u8()?);
    match first {
        ..=251 => Ok(first),
        _ => Ok(first + 4 * usize::from(rest.u8()?)),
    }
}

/// Section 3.1: of one frame, at 48 kHz.
fn samples(toc: u8) -> usize {
    let config = toc >> 3;
    match config {
        // SILK: 10, 20, 40, 60 ms.
        0..=11 => [480, 960, 1920, 2880][usize::from(config & 3)],
        // Hybrid: 10, 20 ms.
        12..=15 => [480, 960][usize::from(config & 1)],
        // CELT: 2.5, 5, 10, 20 ms.
        _ => 120 << (config & 3),
    }
}
