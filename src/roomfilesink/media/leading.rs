// SPDX-License-Identifier: MPL-2.0
//! Leading frames: they follow the frame that a file begins with, are shown before it, and refer to
//! frames that the file does not have (H.264 section 3.69, H.265 section 3.62).

use super::format::Frame;
use crate::bitstream::Entry;

/// When the frame with which each track began is shown, as long as leading ones may follow.
#[derive(Default)]
pub(crate) struct Leading(Vec<Track>);

#[derive(Clone, Copy, Default)]
enum Track {
    #[default]
    Empty,
    Begins(i64),
    GoesOn,
}

impl Leading {
    /// Whether this frame, the next one of its track, cannot be decoded.
    pub(crate) fn contain(&mut self, track: usize, frame: &Frame) -> bool {
        if self.0.len() <= track {
            self.0.resize(track + 1, Track::default());
        }
        let Some(track) = self.0.get_mut(track) else {
            return false;
        };
        match *track {
            Track::Empty if frame.entry == Entry::Open => *track = Track::Begins(frame.pts),
            Track::Begins(start) if frame.pts < start => return true,
            Track::Empty | Track::Begins(_) => *track = Track::GoesOn,
            Track::GoesOn => {}
        }
        false
    }
}
