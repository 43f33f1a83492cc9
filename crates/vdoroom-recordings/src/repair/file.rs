// SPDX-License-Identifier: MPL-2.0
//! The file that is repaired, or its copy.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use super::report::{Error, Report};
use super::steps::{Step, apply};
use super::{matroska, mpegts};

/// Where the repaired file goes.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// Only reserved space is written, and what comes behind the last whole frame.
    InPlace,
    /// A new file. None is made of a file that needs nothing.
    Copy(&'a Path),
}

/// Bytes at the beginning by which a container is known.
const BEGINNING: usize = 5 * mpegts::PACKET;

/// Repairs one file. Whatever happens, a file that is repaired in place plays as far as it did before,
/// and repairing it again goes on; a copy that is not finished has another name, ending in `.part`.
pub fn repair(path: &Path, target: Target<'_>) -> Result<Report, Error> {
    let in_place = matches!(target, Target::InPlace);
    let mut file = OpenOptions::new().read(true).write(in_place).open(path)?;
    let before = file.metadata()?;
    if !before.is_file() {
        return Error::refuse("is no file");
    }
    let (report, steps) = look(&mut file)?;
    if steps.is_empty() {
        return Ok(report);
    }
    match target {
        Target::InPlace => {
            let after = file.metadata()?;
            if (after.len(), after.modified()?) != (before.len(), before.modified()?) {
                return Error::refuse("is being written: repair it when that is over");
            }
            apply(&steps, &file)?;
        }
        Target::Copy(copy) => write_copy(&file, &steps, copy)?,
    }
    Ok(report)
}

/// What the file needs.
fn look(file: &mut File) -> Result<(Report, Vec<Step>), Error> {
    let mut beginning = Vec::new();
    file.rewind()?;
    (&mut *file)
        .take(BEGINNING as u64)
        .read_to_end(&mut beginning)?;
    match beginning.as_slice() {
        [] => Error::refuse("is empty: nothing was recorded"),
        bytes if matroska::begins(bytes) => matroska::look(file),
        bytes if mpegts::begins(bytes) => mpegts::look(file),
        _ => Error::refuse("is neither Matroska nor MPEG-TS, or its beginning is damaged"),
    }
}

fn write_copy(file: &File, steps: &[Step], target: &Path) -> Result<(), Error> {
    if target.symlink_metadata().is_ok() {
        return Error::refuse(format!("{} is there already", target.display()));
    }
    let part = part_of(target);
    let written = write_part(file, steps, &part).and_then(|()| publish(&part, target));
    if written.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    Ok(written?)
}

/// One that was left before is replaced.
fn write_part(mut file: &File, steps: &[Step], part: &Path) -> io::Result<()> {
    match std::fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut copy = OpenOptions::new().write(true).create_new(true).open(part)?;
    file.rewind()?;
    io::copy(&mut file, &mut copy)?;
    apply(steps, &copy)?;
    copy.sync_all()
}

/// What a copy is called while it is written.
fn part_of(target: &Path) -> PathBuf {
    let mut name = OsString::from(target);
    name.push(".part");
    name.into()
}

/// Gives the copy its name, and takes it from no other file.
fn publish(part: &Path, target: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, part, CWD, target, RenameFlags::NOREPLACE) {
        // Some file systems cannot.
        Err(Errno::INVAL | Errno::NOSYS) => std::fs::rename(part, target)?,
        result => result?,
    }
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    // Without this a loss of power can take the name. A folder that cannot be read cannot be synced.
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
    Ok(())
}
