// SPDX-License-Identifier: MPL-2.0
//! Looks at a few bytes anywhere in a file, without reading the others.

use std::io::{self, Read, Seek, SeekFrom};

/// Read at once: some headers, not whole frames.
const STEP: usize = 4 << 10;

pub(crate) struct Window<R> {
    source: R,
    len: u64,
    /// Where the bytes lie that were read last.
    at: u64,
    bytes: Vec<u8>,
}

impl<R: Read + Seek> Window<R> {
    pub(crate) fn new(mut source: R) -> io::Result<Self> {
        Ok(Self {
            len: source.seek(SeekFrom::End(0))?,
            source,
            at: 0,
            bytes: Vec::new(),
        })
    }

    /// Of the file, when it was opened.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// So many bytes from this position, or those that are there.
    pub(crate) fn peek(&mut self, at: u64, count: usize) -> io::Result<&[u8]> {
        let count = count.min(usize::try_from(self.len.saturating_sub(at)).unwrap_or(count));
        if count == 0 {
            return Ok(&[]);
        }
        let has = |at: u64, bytes: &[u8]| {
            let offset = usize::try_from(at).ok()?;
            bytes
                .get(offset..offset.checked_add(count)?)
                .map(|_| offset)
        };
        let there = at.checked_sub(self.at).and_then(|at| has(at, &self.bytes));
        let offset = match there {
            Some(offset) => offset,
            None => {
                self.fill(at, count.max(STEP))?;
                0
            }
        };
        let bytes = self.bytes.get(offset..).unwrap_or_default();
        Ok(bytes.get(..count).unwrap_or(bytes))
    }

    fn fill(&mut self, at: u64, count: usize) -> io::Result<()> {
        self.bytes.clear();
        self.at = at;
        self.source.seek(SeekFrom::Start(at))?;
        let mut some = (&mut self.source).take(count as u64);
        some.read_to_end(&mut self.bytes).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_seen_and_at_the_end_those_that_are_there() {
        let bytes: Vec<u8> = (0..20_000_u32).map(|n| (n % 251) as u8).collect();
        let mut window = Window::new(io::Cursor::new(&bytes)).unwrap();
        for (at, count) in [(0, 4), (19_990, 10), (4_090, 12), (4_094, 4), (7, 9_000)] {
            let seen = window.peek(at as u64, count).unwrap();
            assert_eq!(seen, &bytes[at..at + count]);
        }
        assert_eq!(window.peek(19_998, 12).unwrap(), &bytes[19_998..]);
        assert!(window.peek(u64::MAX, 12).unwrap().is_empty());
    }
}
