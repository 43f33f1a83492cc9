// SPDX-License-Identifier: MPL-2.0
//! The calls into the file system. Each of them can hang for as long as a disk does.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use vdoroom_platform::{disk, file};

use super::choices::{alternative, is_free};
use super::spec::FileSpec;

/// Names tried before a folder full of namesakes counts as an error.
const MAX_ALTERNATIVES: u32 = 10_000;

/// A file that was made, until it is closed.
pub(crate) struct Open {
    pub path: PathBuf,
    pub file: File,
    /// The folders that got an entry with it.
    folders: Vec<PathBuf>,
    /// Some file systems count none. Asked at once, before anybody can know of the file.
    counts_links: bool,
}

impl Open {
    /// Creates the file under the first free name; never follows a link, never overwrites.
    pub(crate) fn create(spec: &FileSpec) -> io::Result<Self> {
        let folders = folders_to_sync(spec);
        let (path, file) = open_new(spec)?;
        Ok(Self {
            counts_links: file::links(&file)? > 0,
            path,
            file,
            folders,
        })
    }

    /// Without this a loss of power can take the file's name. A folder that can be written but not
    /// read cannot be opened for it.
    pub(crate) fn sync_folders(&self) {
        for folder in self.folders.iter().filter_map(|f| File::open(f).ok()) {
            let _ = folder.sync_all();
        }
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        use io::ErrorKind::{InvalidInput, Unsupported};
        match self.file.sync_data() {
            // Pipes, devices such as /dev/full and some file systems cannot sync.
            Err(e) if matches!(e.kind(), InvalidInput | Unsupported) => Ok(()),
            result => result,
        }
    }

    /// An error if the file has lost its name: what is written to it then is lost.
    pub(crate) fn check_name(&self) -> io::Result<()> {
        if self.counts_links && file::links(&self.file)? == 0 {
            let text = "the file was removed while it was written";
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        Ok(())
    }

    pub(crate) fn has_less_than(&self, min_free: u64) -> io::Result<bool> {
        Ok(min_free > 0 && disk::free_for(&self.file, &self.path)? < min_free)
    }
}

fn open_new(spec: &FileSpec) -> io::Result<(PathBuf, File)> {
    let folder = folder_of(&spec.path);
    if spec.create_folders {
        std::fs::create_dir_all(&folder)?;
    }
    if spec.min_free > 0 && disk::free(&folder)? < spec.min_free {
        let text = format!(
            "less than {} bytes are free (min-free-space)",
            spec.min_free
        );
        return Err(io::Error::new(io::ErrorKind::StorageFull, text));
    }
    for n in 1..MAX_ALTERNATIVES {
        let path = alternative(&spec.path, n);
        if !is_free(&path) {
            continue;
        }
        match file::create_new(&path, spec.checksum) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().map_or_else(|| PathBuf::from("."), or_current)
}

fn or_current(folder: &Path) -> PathBuf {
    match folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => folder.to_owned(),
    }
}

/// The folders that get an entry with this file: its own, and where folders are made for it, those
/// that hold them.
fn folders_to_sync(spec: &FileSpec) -> Vec<PathBuf> {
    let folder = folder_of(&spec.path);
    let missing = folder.ancestors().take_while(|f| !or_current(f).exists());
    let count = missing.count() + 1;
    folder.ancestors().take(count).map(or_current).collect()
}

/// Bytes that can still be written in a folder that is there or will be made.
pub(crate) fn free_space(folder: &Path) -> io::Result<u64> {
    let existing = folder.ancestors().map(or_current).find(|f| f.exists());
    disk::free(&existing.unwrap_or_else(|| ".".into()))
}
