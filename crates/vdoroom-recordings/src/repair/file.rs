// SPDX-License-Identifier: MPL-2.0
//! The file that is repaired, or its copy.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use vdoroom_platform::file::rename_new;

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
/// What was written so recently is watched for a moment: a recorder writes several times a second.
const RECENT: Duration = Duration::from_secs(10);
const WATCHED: Duration = Duration::from_secs(1);
/// Copies that were left unfinished.
const MOST_PARTS: u32 = 100;

/// Repairs one file. Whatever happens, a file that is repaired in place plays as far as it did before,
/// and repairing it again goes on; a copy that is not finished has another name, with `.part`.
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
    let age = SystemTime::now().duration_since(before.modified()?);
    if age.is_ok_and(|age| age < RECENT) {
        thread::sleep(WATCHED);
    }
    expect_unchanged(&file, &before)?;
    match target {
        Target::InPlace => apply(&steps, &file)?,
        Target::Copy(copy) => write_copy(&file, &before, &steps, copy)?,
    }
    Ok(report)
}

fn expect_unchanged(file: &File, before: &Metadata) -> Result<(), Error> {
    let after = file.metadata()?;
    match (after.len(), after.modified()?) == (before.len(), before.modified()?) {
        true => Ok(()),
        false => Error::refuse("is being written: repair it when that is over"),
    }
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

fn write_copy(file: &File, before: &Metadata, steps: &[Step], target: &Path) -> Result<(), Error> {
    if target.symlink_metadata().is_ok() {
        return Error::refuse(format!("{} is there already", target.display()));
    }
    let (part, copy) = new_part(target)?;
    let written = write_part(file, before, steps, copy)
        .and_then(|()| expect_unchanged(file, before))
        .and_then(|()| Ok(publish(&part, target)?));
    if written.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    written
}

fn write_part(
    mut file: &File,
    before: &Metadata,
    steps: &[Step],
    mut copy: File,
) -> Result<(), Error> {
    file.rewind()?;
    io::copy(&mut file.take(before.len()), &mut copy)?;
    apply(steps, &copy)?;
    Ok(copy.sync_all()?)
}

/// What a copy is called while it is written: a name that no file has. The file to be repaired may
/// be called so, or somebody else's.
fn new_part(target: &Path) -> io::Result<(PathBuf, File)> {
    let mut number = 1;
    loop {
        let mut name = OsString::from(target);
        name.push(match number {
            1 => ".part".into(),
            number => format!(".part{number}"),
        });
        let part = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&part) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MOST_PARTS => {
                number += 1;
            }
            opened => return Ok((part, opened?)),
        }
    }
}

/// Gives the copy its name, and takes it from no other file.
fn publish(part: &Path, target: &Path) -> io::Result<()> {
    rename_new(part, target)?;
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    // Without this a loss of power can take the name. A folder that cannot be read cannot be synced.
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
    Ok(())
}
