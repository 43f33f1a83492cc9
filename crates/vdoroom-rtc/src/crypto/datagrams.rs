// SPDX-License-Identifier: MPL-2.0
//! What OpenSSL reads and writes instead of a socket: whole datagrams, a bounded number of them.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

/// A flight of a handshake is a few datagrams. What comes beyond that is sent again.
const MAX_WAITING: usize = 32;

#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    received: VecDeque<Vec<u8>>,
    written: VecDeque<Vec<u8>>,
}

impl Datagrams {
    pub(crate) fn receive(&mut self, datagram: &[u8]) {
        if self.received.len() < MAX_WAITING {
            self.received.push_back(datagram.to_vec());
        }
    }

    pub(crate) fn has_written(&self) -> bool {
        !self.written.is_empty()
    }

    pub(crate) fn take_written(&mut self) -> Option<Vec<u8>> {
        self.written.pop_front()
    }
}

impl Read for Datagrams {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let datagram = self.received.pop_front();
        let datagram = datagram.ok_or(io::ErrorKind::WouldBlock)?;
        // As a socket does, which cuts what finds no space.
        let length = datagram.len().min(into.len());
        into[..length].copy_from_slice(&datagram[..length]);
        Ok(length)
    }
}

impl Write for Datagrams {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        if self.written.len() < MAX_WAITING {
            self.written.push_back(datagram.to_vec());
        }
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_stay_apart_and_are_bounded() {
        let mut datagrams = Datagrams::default();
        for number in 0..100 {
            datagrams.receive(&[number; 3]);
        }
        let mut space = [0; 2];
        assert_eq!(datagrams.read(&mut space).unwrap(), 2);
        assert_eq!(space, [0, 0], "the rest is cut off");
        assert_eq!(datagrams.read(&mut space).unwrap(), 2);
        assert_eq!(space, [1, 1]);
        let left = std::iter::from_fn(|| datagrams.read(&mut space).ok()).count();
        assert_eq!(left, MAX_WAITING - 2);
        let nothing = datagrams.read(&mut space).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    }
}
