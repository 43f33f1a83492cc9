// SPDX-License-Identifier: MPL-2.0
//! What the header of a Matroska file says of the video. Players size their window by it, and
//! decoders do not tell.

use std::path::Path;

/// How far into the file the header goes, at most.
const HEADER: usize = 4096;

/// PixelWidth and PixelHeight of the first video, which the recorder writes in four bytes each.
pub fn size_in_header(path: impl AsRef<Path>) -> Option<(u32, u32)> {
    let file = std::fs::read(path).ok()?;
    let is_size = |bytes: &&[u8]| bytes[..2] == [0xb0, 0x84] && bytes[6..8] == [0xba, 0x84];
    let mut places = file[..file.len().min(HEADER)].windows(12).filter(is_size);
    let size = places.next()?;
    let number = |at: usize| {
        size[at..at + 4]
            .iter()
            .fold(0, |n, byte| n << 8 | u32::from(*byte))
    };
    Some((number(2), number(8)))
}
