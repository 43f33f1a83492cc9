// SPDX-License-Identifier: MPL-2.0
//! One part: a multiplexer, the file it goes to, and the record of both.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::record::{PartRecord, Reason};
use crate::roomfilesink::files::{FileEvent, FileSpec, FileWork, FileWriter};
use crate::roomfilesink::media::{Container, Format, Frame, Leading};
use crate::roomfilesink::mux::{DocType, MatroskaMux, Mp4Mux, MpegTsMux, Mux};

/// What waits for a file beyond this much waits in the tracks instead, so that sources slow down.
const MAX_WAITING: u64 = 16 << 20;
/// Lost, beside what waits elsewhere, if the process is killed.
const GATHER: Duration = Duration::from_millis(100);
/// So much is gathered for a fragment of MP4, and lost beside it. Shorter ones make the file larger.
const FRAGMENT: Duration = Duration::from_millis(150);

pub(crate) type PartId = u64;

/// What a part says of itself, from its threads.
pub(crate) enum PartEvent {
    Opened(PathBuf),
    SpaceLow,
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
    mux: Box<dyn Mux + Send>,
    file: FileWriter,
    /// Since when the multiplexer has held frames back for a fragment.
    held: Option<Instant>,
    is_finishing: bool,
    leading: Leading,
}

impl Part {
    /// `report` is called from the threads of the file.
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
        let file = FileWriter::start(
            FileSpec {
                path,
                create_folders,
                min_free,
                gather: GATHER,
                checksum,
            },
            move |event| report(file_event(event)),
        )
        .map_err(|e| e.to_string())?;
        let captions: Vec<_> = record.tracks.iter().map(|t| t.caption.clone()).collect();
        let heading = record.heading();
        let (formats_of, captions, firsts) = (&formats, &captions, &firsts);
        let matroska =
            |kind, heading| MatroskaMux::new(kind, formats_of, captions, firsts, heading);
        let mux: Box<dyn Mux + Send> = match record.container {
            Container::Matroska => Box::new(matroska(DocType::Matroska, heading)?),
            Container::WebM => Box::new(matroska(DocType::WebM, heading)?),
            Container::Mp4 => Box::new(Mp4Mux::new((), formats_of, captions, firsts, heading)?),
            Container::MpegTs => {
                Box::new(MpegTsMux::new((), formats_of, captions, firsts, heading)?)
            }
        };
        Ok(Self {
            record,
            formats,
            mux,
            file,
            held: None,
            is_finishing: false,
            leading: Leading::default(),
        })
    }

    pub(crate) fn id(&self) -> PartId {
        self.record.id
    }

    /// Whether the file can go on with a frame of this format.
    pub(crate) fn takes(&self, track: usize, format: &Arc<Format>) -> bool {
        let fits = |now: &Arc<Format>| {
            let may_become = || now.can_become(format, self.record.container);
            Arc::ptr_eq(now, format) || self.mux.takes(track, format) && may_become()
        };
        self.mux.has(track) && self.formats.get(track).is_some_and(fits)
    }

    pub(crate) fn format(&self, track: usize) -> Option<Arc<Format>> {
        self.formats.get(track).cloned()
    }

    pub(crate) fn push(&mut self, track: usize, frame: Frame) -> Result<(), String> {
        if self.leading.contain(track, &frame) {
            self.add_dropped(track, 1);
            return Ok(());
        }
        self.note(track, &frame);
        let start = self.record.start;
        let mut ops = Vec::new();
        let result = self.mux.push(track, frame, start, &mut ops);
        self.file.send(ops);
        result
    }

    /// Writes what is held back for a fragment, if it has waited long enough.
    pub(crate) fn flush_in_time(&mut self, now: Instant) {
        if !self.mux.holds() {
            self.held = None;
        } else if now.duration_since(*self.held.get_or_insert(now)) >= FRAGMENT {
            self.flush();
        }
    }

    /// Writes what is held back for a fragment.
    pub(crate) fn flush(&mut self) {
        self.held = None;
        let mut ops = Vec::new();
        self.mux.flush(&mut ops);
        self.file.send(ops);
    }

    pub(crate) fn add_dropped(&mut self, track: usize, frames: u64) {
        if let Some(track) = self.record.tracks.get_mut(track) {
            track.dropped += frames;
        }
    }

    /// Ends the file in order; [`PartEvent::Closed`] or `Failed` follows.
    pub(crate) fn finish(&mut self, reason: Reason) -> Result<(), String> {
        if std::mem::replace(&mut self.is_finishing, true) {
            return Ok(());
        }
        self.record.ended = Some(reason);
        let mut ops = Vec::new();
        let result = self.mux.finish(&mut ops);
        self.file.send(ops);
        result
    }

    pub(crate) fn is_finishing(&self) -> bool {
        self.is_finishing
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.file.bytes()
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

    /// The disk lags behind: new frames wait in the tracks, so that sources slow down.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting() > MAX_WAITING
    }

    /// Whether the index of the file has become too large.
    pub(crate) fn is_at_limit(&self) -> bool {
        self.mux.is_at_limit()
    }

    fn note(&mut self, index: usize, frame: &Frame) {
        let mut changed = false;
        if let Some(format) = self.formats.get_mut(index)
            && !Arc::ptr_eq(format, &frame.format)
        {
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
