// SPDX-License-Identifier: MPL-2.0
//! What is done to a file, in an order in which it plays after each of the steps as it did before.

use std::fs::File;
use std::io;

use vdoroom_platform::file::write_all_at;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// The file ends here.
    Cut(u64),
    Write(u64, Vec<u8>),
    /// What follows is not on the disk before all that comes before.
    Sync,
}

/// Carries out the steps, one after the other.
pub(crate) fn apply(steps: &[Step], file: &File) -> io::Result<()> {
    for step in steps {
        match step {
            Step::Cut(len) => file.set_len(*len)?,
            Step::Write(at, data) => write_all_at(file, data, *at)?,
            Step::Sync => sync(file)?,
        }
    }
    Ok(())
}

fn sync(file: &File) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, Unsupported};
    match file.sync_data() {
        // Some file systems cannot.
        Err(error) if matches!(error.kind(), InvalidInput | Unsupported) => Ok(()),
        result => result,
    }
}
