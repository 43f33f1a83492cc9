// SPDX-License-Identifier: MPL-2.0
//! The SHA-256 of a file. Of one that only grows it is computed while it is written. One in which
//! something was overwritten is read again when all of it is on the disk.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use vdoroom_platform::file::read_at;

/// Bytes that are read at once. After each of them it is looked whether somebody waits.
const CHUNK: usize = 256 << 10;

pub(crate) struct Checksum {
    /// Guards itself only.
    state: Mutex<State>,
    is_hurried: AtomicBool,
}

enum State {
    NotWanted,
    /// Of all that was appended.
    Grows(Box<Sha256>),
    /// Something was overwritten.
    IsRead,
}

impl Checksum {
    pub(crate) fn new(is_wanted: bool) -> Self {
        let state = match is_wanted {
            true => State::Grows(Box::default()),
            false => State::NotWanted,
        };
        Self {
            state: Mutex::new(state),
            is_hurried: AtomicBool::new(false),
        }
    }

    pub(crate) fn append(&self, data: &[u8]) {
        if let State::Grows(sha256) = &mut *self.state() {
            sha256.update(data);
        }
    }

    pub(crate) fn overwrite(&self) {
        let mut state = self.state();
        if matches!(*state, State::Grows(_)) {
            *state = State::IsRead;
        }
    }

    /// From now on nobody waits for a file to be read again.
    pub(crate) fn hurry(&self) {
        self.is_hurried.store(true, Ordering::Relaxed);
    }

    /// In hexadecimal digits; `None` if it is not wanted, or was hurried. The file has to be readable
    /// and to have so many bytes.
    pub(crate) fn finish(&self, file: &File, bytes: u64) -> io::Result<Option<String>> {
        let state = std::mem::replace(&mut *self.state(), State::NotWanted);
        match state {
            State::NotWanted => Ok(None),
            State::Grows(sha256) => Ok(Some(hex::encode(sha256.finalize()))),
            State::IsRead => self.read(file, bytes),
        }
    }

    fn read(&self, file: &File, bytes: u64) -> io::Result<Option<String>> {
        let mut sha256 = Sha256::new();
        let mut chunk = vec![0; CHUNK];
        let mut at = 0;
        while !self.is_hurried.load(Ordering::Relaxed) {
            match read_at(file, &mut chunk, at) {
                Ok(0) if at == bytes => return Ok(Some(hex::encode(sha256.finalize()))),
                Ok(0) => {
                    let text = format!("{at} of {bytes} bytes are there");
                    return Err(again(&text));
                }
                Ok(count) => {
                    sha256.update(chunk.get(..count).unwrap_or_default());
                    at += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(again(&error.to_string())),
            }
        }
        Ok(None)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn again(text: &str) -> io::Error {
    io::Error::other(format!("it cannot be read again for its checksum: {text}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Of "abc" (FIPS 180-4).
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn file(name: &str, content: &[u8]) -> File {
        let name = format!("roomfile-{}-checksum-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(true);
        let mut file = options.open(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        file.write_all(content).unwrap();
        file
    }

    fn overwritten() -> Checksum {
        let checksum = Checksum::new(true);
        checksum.append(b"abd");
        checksum.overwrite();
        checksum
    }

    #[test]
    fn what_only_grows_is_not_read_again() {
        let checksum = Checksum::new(true);
        checksum.append(b"a");
        checksum.append(b"bc");
        let other = file("grows", b"other bytes");
        assert_eq!(checksum.finish(&other, 3).unwrap().as_deref(), Some(ABC));
    }

    #[test]
    fn what_was_overwritten_is_read_as_it_is_in_the_end() {
        let found = overwritten().finish(&file("overwritten", b"abc"), 3);
        assert_eq!(found.unwrap().as_deref(), Some(ABC));
    }

    #[test]
    fn nothing_is_claimed_of_a_file_that_is_shorter_than_what_was_written() {
        let error = overwritten().finish(&file("short", b"ab"), 3).unwrap_err();
        assert!(error.to_string().contains("2 of 3 bytes"), "{error}");
    }

    #[test]
    fn nothing_is_claimed_of_a_file_that_cannot_be_read() {
        let path = std::env::temp_dir().join(format!("roomfile-{}-unreadable", std::process::id()));
        let unreadable = File::create(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        let error = overwritten().finish(&unreadable, 3).unwrap_err();
        assert!(
            error.to_string().contains("cannot be read again"),
            "{error}"
        );
    }

    #[test]
    fn who_hurries_gets_none_and_no_error() {
        let checksum = overwritten();
        checksum.hurry();
        assert_eq!(checksum.finish(&file("hurried", b"abc"), 3).unwrap(), None);
    }

    #[test]
    fn what_is_not_wanted_is_not_computed() {
        let checksum = Checksum::new(false);
        checksum.append(b"abc");
        checksum.overwrite();
        assert_eq!(checksum.finish(&file("unwanted", b"abc"), 3).unwrap(), None);
    }
}
