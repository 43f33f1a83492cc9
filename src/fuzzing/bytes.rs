// SPDX-License-Identifier: MPL-2.0
//! What is done to bytes, whatever they mean.

/// One change: what, where, and two operands.
pub(super) type Change = [u8; 4];

/// The seed's number and the changes that an input stands for.
pub(super) fn read(input: &[u8]) -> Option<(u8, Vec<Change>)> {
    let (seed, changes) = input.split_first()?;
    let changes = changes.chunks_exact(4).take(MAX_CHANGES);
    Some((*seed, changes.map(|c| [c[0], c[1], c[2], c[3]]).collect()))
}

/// More of them make an input slow and find nothing new.
const MAX_CHANGES: usize = 32;

/// Where in `length` a byte points: near the beginning, where headers are, or anywhere.
pub(super) fn place(length: usize, at: u8) -> usize {
    let at = usize::from(at);
    match (length, at) {
        (0, _) => 0,
        (_, 0..64) => at % length,
        _ => (at - 64) * length / 192,
    }
}

/// Changes the bytes of `data` from `from` on.
pub(super) fn change(data: &mut Vec<u8>, from: usize, how: u8, [a, b]: [u8; 2]) {
    let from = from.min(data.len());
    let at = from + place(data.len() - from, a);
    match how % 7 {
        0 => data.truncate(at),
        1 => {
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 << (b % 8);
            }
        }
        2 => {
            if let Some(byte) = data.get_mut(at) {
                *byte = b;
            }
        }
        3 => {
            let end = data.len().min(at + usize::from(b % 16));
            data.drain(at..end);
        }
        4 => {
            let end = data.len().min(at + usize::from(b));
            let piece = data[at..end].to_vec();
            data.splice(at..at, piece);
        }
        5 => {
            let end = data.len().min(at + 8);
            data[at..end].fill(if b % 2 == 0 { 0 } else { 0xff });
        }
        // Lengths of two bytes are at their limits there.
        _ => data.resize(at + (usize::from(b) << 8), b),
    }
}
