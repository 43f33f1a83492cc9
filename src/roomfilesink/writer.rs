// SPDX-License-Identifier: MPL-2.0
//! One file that is written by other threads, so that a disk which stalls or fails costs this file
//! only.
//!
//! Data is written soon ([`FileSpec::gather`]; everything that waits goes
//! out in one write), and `fdatasync` follows once a second: killing the process loses what waits,
//! losing power at most a second more. Callers never block: they look at [`FileWriter::waiting`].
//!
//! All files share their threads (`workers`). What is due when (`schedule`) and whose turn it is
//! with a file (`desk`) are values; `job` carries it out, by what `disk` knows of the file system.

mod choices;
mod desk;
mod disk;
mod file;
mod job;
mod schedule;
mod spec;
mod workers;

#[cfg(any(test, feature = "fuzzing"))]
pub(super) use choices::alternative;
pub(super) use disk::free_space;
pub(super) use file::{FileWork, FileWriter};
pub(super) use spec::{FileEvent, FileSpec, Op};
