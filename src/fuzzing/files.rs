// SPDX-License-Identifier: MPL-2.0
//! The files of a run: in a folder of their own, and whole whatever was put into them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// Removed with all that is in it.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // In memory where there is one: thousands of files are written and synced.
        let memory = Path::new("/dev/shm");
        let parent = match memory.is_dir() {
            true => memory.to_owned(),
            false => env::temp_dir(),
        };
        let path = parent.join(format!("vdoroom-fuzz-{}-{number}", process::id()));
        fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Each recorded file, by name.
    pub(super) fn recordings(&self) -> Result<Vec<(String, Vec<u8>)>, String> {
        let fault = |e: std::io::Error| format!("{}: {e}", self.0.display());
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            let name = path.file_name().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            if !name.ends_with(".jsonl") {
                files.push((name, fs::read(&path).map_err(fault)?));
            }
        }
        files.sort();
        Ok(files)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left lies in a folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether a reader finds its way through the whole file.
pub(super) fn check(name: &str, file: &[u8]) -> Result<(), String> {
    // Nothing came that a file could begin with.
    if file.is_empty() {
        return Ok(());
    }
    let whole = match name.rsplit_once('.') {
        Some((_, "ts")) => {
            file.len().is_multiple_of(188) && file.iter().step_by(188).all(|b| *b == 0x47)
        }
        Some((_, "mp4")) => is_mp4(file),
        _ => is_matroska(file),
    };
    match whole {
        true => Ok(()),
        false => Err(format!("{name} of {} bytes is broken", file.len())),
    }
}

/// A header, and a segment of that size whose elements fill it to the end (RFC 8794).
fn is_matroska(file: &[u8]) -> bool {
    let Some((0x1a45_dfa3, header, rest)) = element(file) else {
        return false;
    };
    let Some((0x1853_8067, mut segment, [])) = element(rest) else {
        return false;
    };
    while !segment.is_empty() {
        let Some((_, _, rest)) = element(segment) else {
            return false;
        };
        segment = rest;
    }
    !header.is_empty()
}

/// Its type, the frames, and an index whose boxes fill it to the end (ISO/IEC 14496-12).
fn is_mp4(file: &[u8]) -> bool {
    let Some((b"ftyp", _, rest)) = node(file) else {
        return false;
    };
    let Some((b"mdat", _, rest)) = node(rest) else {
        return false;
    };
    let Some((b"moov", mut index, [])) = node(rest) else {
        return false;
    };
    while !index.is_empty() {
        let Some((_, _, rest)) = node(index) else {
            return false;
        };
        index = rest;
    }
    true
}

/// The first box: its type, what it holds, and what comes after it.
fn node(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = match u32::from_be_bytes(*size) {
        1 => {
            let (size, rest) = rest.split_first_chunk::<8>()?;
            (u64::from_be_bytes(*size).checked_sub(16)?, rest)
        }
        size => (u64::from(size).checked_sub(8)?, rest),
    };
    let (content, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((kind, content, rest))
}

/// The first element: its ID, what it holds, and what comes after it.
fn element(bytes: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (id, bytes) = number(bytes, false)?;
    let (size, bytes) = number(bytes, true)?;
    let (content, rest) = bytes.split_at_checked(usize::try_from(size).ok()?)?;
    Some((id, content, rest))
}

/// A number of variable length, without its marker for a size.
fn number(bytes: &[u8], is_size: bool) -> Option<(u64, &[u8])> {
    let length = bytes.first()?.leading_zeros() as usize + 1;
    let (number, rest) = bytes.split_at_checked(length)?;
    let number = number
        .iter()
        .fold(0, |all, byte| all << 8 | u64::from(*byte));
    let marker = 1_u64.checked_shl(7 * length as u32)?;
    Some((if is_size { number & !marker } else { number }, rest))
}
