// SPDX-License-Identifier: MPL-2.0
//! Waiting for free space on a disk, without touching it on the control thread: the question can
//! hang for as long as the disk does.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use super::writer::free_space;

/// The least that a file needs to begin, whatever `min-free-space` says.
const SMALLEST: u64 = 64 << 10;

/// A question that is being asked.
struct Look(Receiver<bool>);

/// Holds back the parts of a session until its disk has space again.
pub(crate) struct Shortage {
    folder: PathBuf,
    wanted: u64,
    look: Option<Look>,
}

pub(crate) enum Answer {
    /// Not known yet.
    Pending,
    StillShort,
    Enough,
}

impl Shortage {
    pub(crate) fn new(file: &Path, min_free: u64) -> Self {
        Self {
            folder: file.parent().map(Path::to_owned).unwrap_or_default(),
            wanted: min_free.max(SMALLEST),
            look: None,
        }
    }

    /// Looks at the disk unless another thread does, and returns what was found.
    pub(crate) fn poll(&mut self) -> Answer {
        let look = self.look.get_or_insert_with(|| {
            let (found, answer) = channel();
            let (folder, wanted) = (self.folder.clone(), self.wanted);
            // Without a thread the sender is gone, and opening the file will tell.
            let _ = std::thread::Builder::new()
                .name("roomfile:space".into())
                .spawn(move || {
                    let free = free_space(&folder);
                    let _ = found.send(free.map_or(true, |free| free >= wanted));
                });
            Look(answer)
        });
        let answer = match look.0.try_recv() {
            Err(TryRecvError::Empty) => return Answer::Pending,
            Ok(false) => Answer::StillShort,
            Ok(true) | Err(TryRecvError::Disconnected) => Answer::Enough,
        };
        self.look = None;
        answer
    }
}
