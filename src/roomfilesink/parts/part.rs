// SPDX-License-Identifier: MPL-2.0
//! One part: a multiplexer, the file it goes to, and the record of both.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::progress::Progress;
use super::record::{PartRecord, Reason};
use crate::roomfilesink::files::{FileEvent, FileSpec, FileWork, FileWriter, Op};
use crate::roomfilesink::media::{Container, Format, Frame, Leading};
use crate::roomfilesink::mux::{DocType, MatroskaMux, Mp4Mux, MpegTsMux, MuxEvent};

/// An MPEG-TS multiplexer that gives nothing for this long at its end never will.
const MUX_TIMEOUT: Duration = Duration::from_secs(1);
/// What waits for a file beyond this much waits in the tracks instead, so that sources slow down.
pub(crate) const MAX_WAITING: u64 = 16 << 20;
/// Lost, beside what waits elsewhere, if the process is killed.
const GATHER: Duration = Duration::from_millis(100);
/// So much is gathered for a fragment of MP4, and lost beside it. Shorter ones make the file larger.
const FRAGMENT: Duration = Duration::from_millis(150);

pub(crate) type PartId = u64;

/// What a part says of itself, from its threads.
pub(crate) enum PartEvent {
    Opened(PathBuf),
    SpaceLow,
    /// The MPEG-TS multiplexer is through.
    MuxEnded,
    Closed {
        /// In hexadecimal digits, if it was asked for and there was time.
        sha256: Option<String>,
    },
    Failed {
        file: Option<PathBuf>,
        error: String,
        /// The disk has no space for it.
        no_space: bool,
    },
}

enum Mux {
    Matroska(MatroskaMux),
    Mp4(Mp4Mux),
    MpegTs(MpegTsMux),
}

/// What [`Part::open`] needs to know.
pub(crate) struct PartSpec {
    pub record: PartRecord,
    pub formats: Vec<Arc<Format>>,
    /// The frames with which the tracks begin, where they are there.
    pub firsts: Vec<Option<Frame>>,
    pub create_folders: bool,
    pub min_free: u64,
    /// Whether the SHA-256 of the file is wanted.
    pub checksum: bool,
}

pub(crate) struct Part {
    pub record: PartRecord,
    formats: Vec<Arc<Format>>,
    mux: Mux,
    file: Arc<FileWriter>,
    /// Since when the multiplexer has held frames back for a fragment.
    held: Option<Instant>,
    /// Since the multiplexer was told to end, what it gave.
    finishing: Option<Progress>,
    is_closed: bool,
    /// What the frames so far come to in MPEG-TS: the multiplexer lags behind.
    pushed: u64,
    leading: Leading,
}

impl Part {
    /// `report` is called from the threads of the file and of the multiplexer.
    pub(crate) fn open(
        spec: PartSpec,
        report: impl Fn(PartEvent) + Clone + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let PartSpec {
            record,
            formats,
            firsts,
            create_folders,
            min_free,
            checksum,
        } = spec;
        let path = record.file.clone();
        let of_file = report.clone();
        let file = FileWriter::start(
            FileSpec {
                path,
                create_folders,
                min_free,
                gather: GATHER,
                checksum,
            },
            move |event| of_file(file_event(event)),
        )
        .map_err(|e| e.to_string())?;
        let file = Arc::new(file);
        let captions: Vec<_> = record.tracks.iter().map(|t| t.caption.clone()).collect();
        let heading = record.heading();
        let matroska = |doc_type, heading| {
            MatroskaMux::new(doc_type, &formats, &captions, &firsts, heading).map(Mux::Matroska)
        };
        let mux = match record.container {
            Container::Matroska => matroska(DocType::Matroska, heading)?,
            Container::WebM => matroska(DocType::WebM, heading)?,
            Container::Mp4 => Mux::Mp4(Mp4Mux::new((), &formats, &captions, &firsts, heading)?),
            Container::MpegTs => {
                let file = file.clone();
                Mux::MpegTs(MpegTsMux::new(
                    &formats,
                    &captions,
                    move |event| match event {
                        MuxEvent::Data(data) => file.send(Op::Append(data)),
                        MuxEvent::End => report(PartEvent::MuxEnded),
                        MuxEvent::Failed(error) => report(PartEvent::Failed {
                            file: None,
                            error,
                            no_space: false,
                        }),
                    },
                )?)
            }
        };
        Ok(Self {
            record,
            formats,
            mux,
            file,
            held: None,
            finishing: None,
            is_closed: false,
            pushed: 0,
            leading: Leading::default(),
        })
    }

    pub(crate) fn id(&self) -> PartId {
        self.record.id
    }

    /// Whether the file can go on with a frame of this format.
    pub(crate) fn takes(&self, track: usize, format: &Arc<Format>) -> bool {
        let fits = |now: &Arc<Format>| match &self.mux {
            _ if Arc::ptr_eq(now, format) => true,
            Mux::MpegTs(mux) if !mux.takes(track, format) => false,
            _ => now.can_become(format, self.record.container),
        };
        let has_track = match &self.mux {
            Mux::Matroska(mux) => mux.has(track),
            Mux::Mp4(mux) => mux.has(track),
            Mux::MpegTs(_) => true,
        };
        has_track && self.formats.get(track).is_some_and(fits)
    }

    pub(crate) fn format(&self, track: usize) -> Option<Arc<Format>> {
        self.formats.get(track).cloned()
    }

    pub(crate) fn push(&mut self, track: usize, frame: &Frame) -> Result<(), String> {
        if self.leading.contain(track, frame) {
            self.add_dropped(track, 1);
            return Ok(());
        }
        self.note(track, frame);
        let start = self.record.start;
        let mut ops = Vec::new();
        let result = match &mut self.mux {
            Mux::MpegTs(mux) => {
                self.pushed += mpegts_size(frame.buffer.size());
                mux.push(track, frame, start)
            }
            Mux::Matroska(mux) => mux.push(track, frame, start, &mut ops),
            Mux::Mp4(mux) => mux.push(track, frame, start, &mut ops),
        };
        self.send(ops);
        result
    }

    /// Writes what is held back for a fragment, if it has waited long enough.
    pub(crate) fn flush_in_time(&mut self, now: Instant) {
        let holds = match &self.mux {
            Mux::Mp4(mux) => mux.holds(),
            Mux::Matroska(_) | Mux::MpegTs(_) => false,
        };
        if !holds {
            self.held = None;
        } else if now.duration_since(*self.held.get_or_insert(now)) >= FRAGMENT {
            self.flush();
        }
    }

    /// Writes what is held back for a fragment.
    pub(crate) fn flush(&mut self) {
        self.held = None;
        if let Mux::Mp4(mux) = &mut self.mux {
            let mut ops = Vec::new();
            mux.flush(&mut ops);
            self.send(ops);
        }
    }

    fn send(&self, ops: Vec<Op>) {
        ops.into_iter().for_each(|op| self.file.send(op));
    }

    /// A silent track never delays the others: it has nothing before `until`.
    pub(crate) fn gap(&mut self, track: usize, until: i64) {
        if let Mux::MpegTs(mux) = &mut self.mux {
            mux.gap(track, until, self.record.start);
        }
    }

    pub(crate) fn end_track(&mut self, track: usize) {
        if let Mux::MpegTs(mux) = &mut self.mux {
            mux.end_track(track);
        }
    }

    pub(crate) fn add_dropped(&mut self, track: usize, frames: u64) {
        if let Some(track) = self.record.tracks.get_mut(track) {
            track.dropped += frames;
        }
    }

    /// Ends the file in order; [`PartEvent::Closed`] or `Failed` follows.
    pub(crate) fn finish(&mut self, reason: Reason, now: Instant) -> Result<(), String> {
        if self.finishing.is_some() {
            return Ok(());
        }
        self.finishing = Some(Progress::new(self.bytes(), now));
        self.record.ended = Some(reason);
        let mut ops = Vec::new();
        let result = match &mut self.mux {
            Mux::MpegTs(mux) => {
                mux.finish();
                return Ok(());
            }
            Mux::Matroska(mux) => mux.finish(&mut ops),
            Mux::Mp4(mux) => mux.finish(&mut ops),
        };
        self.is_closed = true;
        self.send(ops);
        result
    }

    pub(crate) fn is_finishing(&self) -> bool {
        self.finishing.is_some()
    }

    /// Closes the file as it is if the multiplexer does not end and gives nothing any more.
    pub(crate) fn close_if_stuck(&mut self, now: Instant) {
        let bytes = self.bytes();
        let Some(progress) = self.finishing.as_mut().filter(|_| !self.is_closed) else {
            return;
        };
        if progress.idle(bytes, now) > MUX_TIMEOUT {
            let seconds = MUX_TIMEOUT.as_secs();
            let error = format!("the end may be missing: mpegtsmux gave nothing for {seconds} s");
            self.record.error = Some(error);
            self.close_file();
        }
    }

    /// Closes the file with what it has: the multiplexer is through, or will never be.
    pub(crate) fn close_file(&mut self) {
        if !std::mem::replace(&mut self.is_closed, true) {
            self.file.send(Op::Finish);
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    /// Bytes of the file when everything that was pushed is in it, or a little less.
    pub(crate) fn size(&self) -> u64 {
        self.bytes().max(self.pushed)
    }

    pub(crate) fn written(&self) -> u64 {
        self.file.written()
    }

    pub(crate) fn waiting(&self) -> u64 {
        self.file.waiting()
    }

    /// The file is closed without a checksum that is not there yet.
    pub(crate) fn hurry(&self) {
        self.file.hurry();
    }

    pub(crate) fn file_work(&self) -> FileWork {
        self.file.work()
    }

    /// Something waits for the disk, or too much for the multiplexer.
    pub(crate) fn lags(&self) -> bool {
        self.waiting() > 0 || self.is_full()
    }

    /// The multiplexer or the disk lags behind: new frames wait in the tracks, so that sources
    /// slow down.
    pub(crate) fn is_full(&self) -> bool {
        let mux_is_full = match &self.mux {
            Mux::MpegTs(mux) => mux.is_full(),
            Mux::Matroska(_) | Mux::Mp4(_) => false,
        };
        mux_is_full || self.waiting() > MAX_WAITING
    }

    /// Whether the index of the file has become too large.
    pub(crate) fn is_at_limit(&self) -> bool {
        match &self.mux {
            Mux::Mp4(mux) => mux.is_at_limit(),
            Mux::Matroska(_) | Mux::MpegTs(_) => false,
        }
    }

    #[cfg(test)]
    pub(crate) fn stall(&self) {
        if let Mux::MpegTs(mux) = &self.mux {
            mux.stall();
        }
    }

    fn note(&mut self, index: usize, frame: &Frame) {
        let mut changed = false;
        if let Some(format) = self.formats.get_mut(index) {
            changed = format.size() != frame.format.size();
            *format = frame.format.clone();
        }
        let Some(track) = self.record.tracks.get_mut(index) else {
            return;
        };
        let first = *track.first.get_or_insert(frame.pts);
        if track.sender_clock.is_none() {
            // Known from the first sender report on.
            track.sender_clock = sender_clock(&frame.buffer, frame.pts.saturating_sub(first));
        }
        if track.undecodable.is_none() {
            track.undecodable = Some(frame.undecodable.clone());
        }
        let flags = frame.buffer.flags();
        if track.frames > 0 && flags.contains(gst::BufferFlags::DISCONT) {
            track.discontinuities += 1;
            let since = track.last;
            track.damage.missing(track.kind, since, frame.pts);
        }
        let is_corrupted = flags.contains(gst::BufferFlags::CORRUPTED);
        track.corrupted += u64::from(is_corrupted);
        track.damage.frame(is_corrupted, frame.pts, frame.end());
        track.frames += 1;
        track.last = track.last.max(frame.end());
        if let Some(size) = frame.format.size() {
            track.note_size(size, changed);
        }
    }
}

/// Bytes of a frame in MPEG-TS: a PES header of 14 bytes, then packets of 188 bytes with 184 of
/// payload.
fn mpegts_size(frame: usize) -> u64 {
    (frame as u64 + 14).div_ceil(184) * 188
}

fn file_event(event: FileEvent) -> PartEvent {
    match event {
        FileEvent::Opened(path) => PartEvent::Opened(path),
        FileEvent::SpaceLow => PartEvent::SpaceLow,
        FileEvent::Closed { sha256 } => PartEvent::Closed { sha256 },
        FileEvent::Failed { path, error } => PartEvent::Failed {
            file: Some(path),
            no_space: error.kind() == io::ErrorKind::StorageFull,
            error: error.to_string(),
        },
    }
}

/// The sender's clock, `before` earlier than this frame, from the source (or rtpjitterbuffer with
/// `add-reference-timestamp-meta`).
fn sender_clock(buffer: &gst::BufferRef, before: i64) -> Option<(String, u64)> {
    let meta = buffer.meta::<gst::ReferenceTimestampMeta>()?;
    let clock = meta.reference().structure(0)?.name().to_string();
    let time = meta.timestamp().nseconds().checked_sub_signed(before)?;
    Some((clock, time))
}
