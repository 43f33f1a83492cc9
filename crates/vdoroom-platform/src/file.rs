// SPDX-License-Identifier: MPL-2.0
//! Files that are made, written at a place and renamed.

use std::fs::{File, OpenOptions};
#[cfg(any(test, unix))]
use std::io::IoSlice;
use std::io::{self, Write};
#[cfg(any(test, windows))]
use std::io::{Seek, SeekFrom};
use std::path::Path;

/// Identifies a file: the same for all of its hard links, different for any other file that exists.
pub use file_id::{FileId, get_file_id as id};

/// Makes a file, to be written, and to be read if that is wanted. Fails if there is anything of this
/// name, also a link that leads nowhere. On Windows the file cannot be removed or renamed
/// while it is open.
pub fn create_new(path: &Path, is_read: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).read(is_read).create_new(true);
    #[cfg(windows)]
    {
        /// Others may open it to read and to write it.
        const SHARED: u32 = 1 | 2;
        std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, SHARED);
    }
    options.open(path)
}

/// How many names (hard links) a file has; 0 if the file system does not count them, and always on
/// Windows.
#[cfg(unix)]
pub fn links(file: &File) -> io::Result<u64> {
    Ok(std::os::unix::fs::MetadataExt::nlink(&file.metadata()?))
}

/// Always 0: not counted here.
#[cfg(windows)]
pub fn links(_file: &File) -> io::Result<u64> {
    Ok(0)
}

/// Writes bytes in several places, one after the other, in as few calls as there can be. They are not
/// copied before.
#[cfg(unix)]
pub fn write_all_vectored(file: &File, pieces: &[Vec<u8>]) -> io::Result<()> {
    write_gathered(file, pieces)
}

/// Writes bytes in several places, one after the other. They are joined first, since no call here takes
/// more than one place.
#[cfg(windows)]
pub fn write_all_vectored(file: &File, pieces: &[Vec<u8>]) -> io::Result<()> {
    write_joined(file, pieces)
}

/// For systems on which one call takes bytes in several places.
#[cfg(any(test, unix))]
fn write_gathered(mut file: impl Write, pieces: &[Vec<u8>]) -> io::Result<()> {
    let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut rest = slices.as_mut_slice();
    // Removes empty ones at the beginning: of them alone a call would take nothing, as a full disk does.
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut rest, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// For all others.
#[cfg(any(test, windows))]
fn write_joined(mut file: impl Write, pieces: &[Vec<u8>]) -> io::Result<()> {
    file.write_all(&pieces.concat())
}

/// Writes all of it at a position. The position of the next plain write stays the same.
#[cfg(unix)]
pub fn write_all_at(file: &File, data: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, data, at)
}

/// Writes all of it at a position. The position of the next plain write stays the same. Nothing else may
/// write at the same time.
#[cfg(windows)]
pub fn write_all_at(file: &File, data: &[u8], at: u64) -> io::Result<()> {
    seek_and_write(file, data, at)
}

/// For systems on which each write moves the file position.
#[cfg(any(test, windows))]
fn seek_and_write(mut file: &File, data: &[u8], at: u64) -> io::Result<()> {
    let before = file.stream_position()?;
    file.seek(SeekFrom::Start(at))?;
    let written = file.write_all(data);
    file.seek(SeekFrom::Start(before))?;
    written
}

/// Reads at a place, of a file that is not appended to any more: on Windows this moves the place of
/// the next write.
#[cfg(unix)]
pub fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

/// Reads at a place, of a file that is not appended to any more: this moves the place of the next
/// write.
#[cfg(windows)]
pub fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

/// Renames a file. Fails if the new name is taken; where the file system cannot check that, the other
/// file is replaced.
#[cfg(target_os = "linux")]
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => std::fs::rename(from, to),
        result => Ok(result?),
    }
}

/// Renames a file. Fails if the new name is taken; where the file system cannot check that, the other
/// file is replaced.
#[cfg(not(target_os = "linux"))]
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    link_and_remove(from, to)
}

/// A link takes no name from another file. FAT has none.
#[cfg(any(test, not(target_os = "linux")))]
fn link_and_remove(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Ok(()) => std::fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if to.symlink_metadata().is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => std::fs::rename(from, to),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("platform-{}-{name}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn file(&self, name: &str, content: &str) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, content).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_is_written_at_a_place_does_not_move_what_is_appended() {
        type WriteAt = fn(&File, &[u8], u64) -> io::Result<()>;
        let folder = Folder::new("at");
        let ways: [WriteAt; 2] = [write_all_at, seek_and_write];
        for (number, write_at) in ways.into_iter().enumerate() {
            let path = folder.0.join(number.to_string());
            let file = create_new(&path, true).unwrap();
            (&file).write_all(b"hello ").unwrap();
            write_at(&file, b"H", 0).unwrap();
            (&file).write_all(b"world").unwrap();
            let mut read = [0; 8];
            assert_eq!(read_at(&file, &mut read, 4).unwrap(), 7);
            assert_eq!(&read[..7], b"o world");
            assert_eq!(std::fs::read(&path).unwrap(), b"Hello world");
        }
    }

    /// Takes a few bytes at a time, and is interrupted before each.
    #[derive(Default)]
    struct Slow {
        taken: Vec<u8>,
        is_interrupted: bool,
    }

    impl Write for Slow {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.write_vectored(&[IoSlice::new(data)])
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            self.is_interrupted = !self.is_interrupted;
            if self.is_interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let bytes = slices.iter().flat_map(|slice| slice.iter());
            let before = self.taken.len();
            self.taken.extend(bytes.take(4));
            Ok(self.taken.len() - before)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Has no place for anything.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Ok(0)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn pieces_are_written_in_their_order_however_little_is_taken_at_a_time() {
        let pieces = ["", "", "hello", "", " ", "w", "orld", ""].map(|p| p.as_bytes().to_vec());
        let (mut gathered, mut joined) = (Slow::default(), Slow::default());
        write_gathered(&mut gathered, &pieces).unwrap();
        write_joined(&mut joined, &pieces).unwrap();
        for slow in [gathered, joined] {
            assert_eq!(slow.taken, b"hello world");
        }
    }

    #[test]
    fn what_takes_nothing_is_an_error_and_nothing_to_write_is_none() {
        let error = write_gathered(Full, &[b"a".to_vec()]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
        write_gathered(Full, &[Vec::new(), Vec::new()]).unwrap();
        write_gathered(Full, &[]).unwrap();
    }

    #[test]
    fn more_pieces_than_a_system_call_takes_are_written() {
        let folder = Folder::new("pieces");
        let path = folder.0.join("file");
        let file = create_new(&path, false).unwrap();
        let pieces: Vec<_> = (0..5000_u32).map(|n| n.to_be_bytes().to_vec()).collect();
        write_all_vectored(&file, &pieces).unwrap();
        (&file).write_all(b"end").unwrap();
        let expected = [pieces.concat(), b"end".to_vec()].concat();
        assert!(std::fs::read(&path).unwrap() == expected);
    }

    #[test]
    fn a_name_that_is_taken_stays_as_it_is() {
        type Rename = fn(&Path, &Path) -> io::Result<()>;
        let folder = Folder::new("rename");
        let taken = folder.file("taken", "other");
        let ways: [(&str, Rename); 2] = [("a", rename_new), ("b", link_and_remove)];
        for (name, rename) in ways {
            let part = folder.file(&format!("{name}.part"), name);
            let error = rename(&part, &taken).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(std::fs::read_to_string(&taken).unwrap(), "other");
            let target = folder.0.join(name);
            rename(&part, &target).unwrap();
            assert_eq!(std::fs::read_to_string(&target).unwrap(), name);
            assert!(!part.exists());
        }
        let error = create_new(&taken, false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_file_is_the_same_under_each_of_its_names() {
        let folder = Folder::new("same");
        let (one, other) = (folder.file("one", "a"), folder.file("other", "a"));
        let second = folder.0.join("second");
        std::fs::hard_link(&one, &second).unwrap();
        assert_eq!(id(&one).unwrap(), id(&second).unwrap());
        assert_ne!(id(&one).unwrap(), id(&other).unwrap());
        assert!(id(folder.0.join("missing")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_removed_has_no_name() {
        let folder = Folder::new("links");
        let path = folder.0.join("file");
        let file = create_new(&path, false).unwrap();
        assert_eq!(links(&file).unwrap(), 1);
        std::fs::remove_file(path).unwrap();
        assert_eq!(links(&file).unwrap(), 0);
    }
}
