// SPDX-License-Identifier: MPL-2.0
//! How large the open files are, and how much is free. Asked on a thread of its own: a disk that
//! hangs must not block the program.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use vdoroom_platform::disk::free;

/// What the disk last said.
#[derive(Default)]
pub struct Seen {
    pub bytes: HashMap<PathBuf, u64>,
    /// Missing as long as there is no folder.
    pub free: Option<u64>,
}

pub struct Disk {
    questions: SyncSender<Vec<PathBuf>>,
    answers: Receiver<Seen>,
    pub seen: Seen,
}

impl Disk {
    /// `location` is the recorder's.
    pub fn new(location: &str) -> Self {
        let (questions, asked) = mpsc::sync_channel::<Vec<PathBuf>>(1);
        let (answer, answers) = mpsc::channel();
        let folder = Path::new(location).to_owned();
        // Ends with the sender of questions.
        thread::spawn(move || {
            for files in asked {
                if answer.send(look(&files, &folder)).is_err() {
                    return;
                }
            }
        });
        Self {
            questions,
            answers,
            seen: Seen::default(),
        }
    }

    /// Takes the newest answer, and asks again.
    pub fn ask(&mut self, files: Vec<PathBuf>) {
        if let Some(newest) = self.answers.try_iter().last() {
            self.seen = newest;
        }
        // Full while the disk does not answer.
        let _ = self.questions.try_send(files);
    }
}

fn look(files: &[PathBuf], location: &Path) -> Seen {
    let size = |file: &PathBuf| Some((file.clone(), std::fs::metadata(file).ok()?.len()));
    let folder = files.first().map_or(location, PathBuf::as_path);
    // The folders of a location may still have to be made.
    let mut existing = folder.ancestors().map(|folder| match folder {
        _ if folder.as_os_str().is_empty() => Path::new("."),
        _ => folder,
    });
    Seen {
        bytes: files.iter().filter_map(size).collect(),
        free: existing.find_map(|folder| free(folder).ok()),
    }
}
