// SPDX-License-Identifier: MPL-2.0
//! What is seen of one person: decoded frames of all pieces, as changes on the file's timeline.

use std::collections::VecDeque;
use std::slice::Iter;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::export::Piece;

use super::problems::Problems;
use super::reader::{self, Kind, Reader};
use super::retime::Change;

pub struct DecodedVideo<'a> {
    pieces: Iter<'a, Piece>,
    tail: String,
    problems: &'a Problems,
    stop: &'a AtomicBool,
    current: Option<Current<'a>>,
    changes: VecDeque<Change<gst::Sample>>,
}

struct Current<'a> {
    piece: &'a Piece,
    reader: Reader,
    /// The last frame before the piece begins.
    early: Option<gst::Sample>,
    last: Option<u64>,
}

impl<'a> DecodedVideo<'a> {
    /// Frames go through `tail`, elements in GStreamer's syntax.
    pub fn new(
        pieces: &'a [Piece],
        tail: &str,
        problems: &'a Problems,
        stop: &'a AtomicBool,
    ) -> Self {
        Self {
            pieces: pieces.iter(),
            tail: tail.to_owned(),
            problems,
            stop,
            current: None,
            changes: VecDeque::from([(0, None)]),
        }
    }

    /// `false` when there are no more.
    fn begin_piece(&mut self) -> bool {
        let is_stopped = self.stop.load(Ordering::Relaxed);
        let Some(piece) = self.pieces.next().filter(|_| !is_stopped) else {
            return false;
        };
        self.changes.push_back((piece.from, None));
        match Reader::decoded(&piece.file, Kind::Video, &self.tail) {
            Ok(reader) => {
                self.current = Some(Current {
                    piece,
                    reader,
                    early: None,
                    last: None,
                });
            }
            Err(error) => self.report(piece, &error),
        }
        true
    }

    fn report(&self, piece: &Piece, error: &str) {
        let file = piece.file.display();
        self.problems.add(format!("{file}: {error}"));
    }

    fn step(&mut self, mut current: Current<'a>) {
        let piece = current.piece;
        let sample = match current.reader.next(self.stop) {
            Ok(Some(sample)) => sample,
            Ok(None) => return self.end_piece(current),
            Err(error) => {
                self.report(piece, &error);
                return self.end_piece(current);
            }
        };
        let at = reader::time(&sample).map(|time| time + piece.zero);
        let from = i64::try_from(piece.from).unwrap_or(i64::MAX);
        match at {
            Some(at) if at < from => current.early = Some(sample),
            Some(at) => {
                let at = at.unsigned_abs();
                if at >= piece.until {
                    return self.end_piece(current);
                }
                self.show_early(&mut current, at);
                if current.last.is_none_or(|last| at > last) {
                    current.last = Some(at);
                    self.changes.push_back((at, Some(sample)));
                }
            }
            None => {}
        }
        self.current = Some(current);
    }

    fn show_early(&mut self, current: &mut Current, next: u64) {
        let early = current.early.take();
        if let Some(early) = early.filter(|_| next > current.piece.from) {
            self.changes.push_back((current.piece.from, Some(early)));
        }
    }

    fn end_piece(&mut self, mut current: Current) {
        let until = current.piece.until;
        self.show_early(&mut current, until);
        self.changes.push_back((until, None));
    }
}

impl Iterator for DecodedVideo<'_> {
    type Item = Change<gst::Sample>;

    fn next(&mut self) -> Option<Change<gst::Sample>> {
        while self.changes.is_empty() {
            match self.current.take() {
                Some(current) => self.step(current),
                None if self.begin_piece() => {}
                None => return None,
            }
        }
        self.changes.pop_front()
    }
}
