// SPDX-License-Identifier: MPL-2.0
//! A small writer of MP4 (ISO/IEC 14496-12). Plain Rust: frames in, [`Op`]s out.
//!
//! GStreamer's `mp4mux` (1.22) writes nothing that plays before its end, and `isofmp4mux` waits for
//! every track before each fragment. Here a fragment has what came, from whichever track, so that a
//! silent one has no effect, and whoever calls decides how long frames are held back.
//!
//! When the file ends, one index of all frames is appended. Then one write turns the 16 bytes behind
//! `ftyp` into the header of an `mdat` that covers everything up to that index: the index for the
//! fragments, and the fragments. Until then these 16 bytes are an empty `free` box, and readers find
//! the fragments.

use super::boxes::Boxes;
use super::fragment;
use super::movie::Movie;
use super::track::Track;
use crate::roomfilesink::files::Op;
use crate::roomfilesink::media::Heading;
use crate::roomfilesink::mux::frames::{Block, FrameWriter, TrackEntry};

const MS: i64 = 1_000_000;
/// No fragment has more, in time and in bytes: that of a fast source is not to grow.
const MAX_FRAGMENT: i64 = 500 * MS;
const MAX_FRAGMENT_BYTES: usize = 1 << 20;
/// Frames that are remembered: at 12 bytes each, 96 MiB. Twelve hours of 60 frames per second and
/// 50 packets of audio are 4.8 million.
const MAX_SAMPLES: usize = 8 << 20;
/// Where the header of the file's one `mdat` comes to be: behind `ftyp`. The 16 bytes are in one
/// sector of the disk.
const COVER_AT: u64 = 32;
const COVER: u64 = 16;

pub(crate) struct Writer {
    /// Bytes appended so far.
    position: u64,
    movie: Movie,
    tracks: Vec<Track>,
    fragments: u32,
    /// When the first frame is decoded that is held back.
    since: Option<i64>,
}

impl FrameWriter for Writer {
    type Kind = ();

    fn new((): (), tracks: &[TrackEntry], heading: &Heading, out: &mut Vec<Op>) -> Self {
        let mut writer = Self {
            position: 0,
            movie: Movie::new(heading),
            tracks: tracks.iter().map(Track::new).collect(),
            fragments: 0,
            since: None,
        };
        let mut b = Boxes::default();
        b.node(b"ftyp", |b| {
            // A version that says nothing, and what a reader has to know.
            b.bytes(b"isom").u32(0x200).bytes(b"isomiso6av01mp41");
        });
        b.node(b"free", |b| {
            b.zeros(8);
        });
        writer.movie.begin(&mut b, &writer.tracks);
        writer.append(b.0, out);
        writer
    }

    fn resize(&mut self, track: usize, size: (u32, u32), out: &mut Vec<Op>) {
        let track = self.tracks.get_mut(track);
        if track.is_some_and(|track| track.entry.grow(size)) {
            let mut b = Boxes::default();
            self.movie.begin(&mut b, &self.tracks);
            out.push(Op::At(COVER_AT + COVER, b.0));
        }
    }

    fn block(&mut self, block: &Block<'_>, out: &mut Vec<Op>) -> Result<(), String> {
        if self.ends_before(block) {
            self.flush(out);
        }
        let Some(track) = self.tracks.get_mut(block.track) else {
            return Ok(());
        };
        if track.samples.len() > 2 * MAX_SAMPLES {
            return Err(format!(
                "MP4 has no index of {} frames",
                track.samples.len()
            ));
        }
        track.push(block)?;
        self.since.get_or_insert(block.dts);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<Op>) {
        if self.since.take().is_none() {
            return;
        }
        self.fragments = self.fragments.wrapping_add(1);
        for piece in fragment::write(self.fragments, self.position, &mut self.tracks) {
            self.append(piece, out);
        }
    }

    fn holds(&self) -> bool {
        self.since.is_some()
    }

    fn is_at_limit(&self) -> bool {
        let samples = self.tracks.iter().map(|t| t.samples.len());
        samples.sum::<usize>() > MAX_SAMPLES
    }

    fn finish(&mut self, out: &mut Vec<Op>) {
        self.flush(out);
        let covered = self.position.saturating_sub(COVER_AT);
        let mut b = Boxes::default();
        self.movie.finish(&mut b, &self.tracks);
        self.append(b.0, out);
        // The index has to be on the disk before it is the only one.
        out.push(Op::Sync);
        let mut cover = Boxes::default();
        cover.u32(1).bytes(b"mdat").u64(covered);
        out.push(Op::At(COVER_AT, cover.0));
        out.push(Op::Finish);
    }
}

impl Writer {
    /// Whether the fragment so far is written before this frame comes.
    fn ends_before(&self, block: &Block<'_>) -> bool {
        let Some(since) = self.since else {
            return false;
        };
        let track = self.tracks.get(block.track);
        let begins = |t: &Track| {
            let has_some = !t.samples.new_ones().is_empty();
            t.entry.is_video() && block.keyframe && has_some
        };
        let bytes: usize = self.tracks.iter().map(|t| t.data.len()).sum();
        track.is_some_and(begins)
            || block.dts.saturating_sub(since) >= MAX_FRAGMENT
            || bytes >= MAX_FRAGMENT_BYTES
    }

    fn append(&mut self, bytes: Vec<u8>, out: &mut Vec<Op>) {
        self.position += bytes.len() as u64;
        out.push(Op::Append(bytes));
    }
}

#[cfg(test)]
mod tests;
