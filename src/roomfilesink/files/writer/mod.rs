// SPDX-License-Identifier: MPL-2.0
//! One file that is written by other threads, so that a disk which stalls or fails costs this file
//! only.
//!
//! Data is written soon ([`FileSpec::gather`]; everything that waits goes out in one write), and
//! `fdatasync` follows once a second: killing the process loses what waits, losing power at most a
//! second more. Whoever holds a [`FileWriter`] may call it on any thread, and is never blocked: it
//! looks at [`FileWriter::waiting`].
//!
//! All files share their threads (`workers`). What is due when (`schedule`) and whose turn it is
//! with a file (`desk`) are values; `job` carries it out, by what `disk` knows of the file system.
//! `checksum` has the SHA-256 of a file that is closed.

mod checksum;
mod choices;
mod desk;
mod disk;
mod file;
mod job;
mod schedule;
mod spec;
mod workers;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use choices::alternative;
pub(crate) use disk::free_space;
pub(crate) use file::{FileWork, FileWriter};
pub(crate) use spec::{FileEvent, FileSpec, Op};
