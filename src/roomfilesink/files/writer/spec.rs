// SPDX-License-Identifier: MPL-2.0
//! Where a file is to be written, the steps of writing it, and what became of it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A step of writing a file.
#[derive(Debug, PartialEq)]
pub(crate) enum Op {
    Append(Vec<u8>),
    /// Overwrites bytes that were appended before.
    At(u64, Vec<u8>),
    /// What came before is on the disk before what follows is written.
    Sync,
    Finish,
}

/// What became of the file.
#[derive(Debug)]
pub(crate) enum FileEvent {
    Opened(PathBuf),
    /// The disk has less space than should be free; the file continues until it is finished.
    SpaceLow,
    Closed {
        /// In hexadecimal digits, if the spec asks for it and there was time.
        sha256: Option<String>,
    },
    Failed {
        path: PathBuf,
        error: io::Error,
    },
}

/// Where to write.
#[derive(Debug, Clone)]
pub(crate) struct FileSpec {
    pub path: PathBuf,
    pub create_folders: bool,
    /// Bytes that others may need: with less left on the disk no file begins.
    pub min_free: u64,
    /// Data handed in within this time goes out in one write.
    pub gather: Duration,
    /// Whether its SHA-256 is wanted when it is closed.
    pub checksum: bool,
}
