// SPDX-License-Identifier: MPL-2.0
//! What is known about one part: the same fields go into the manifest, the element messages and
//! the signals.

use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::clock::Anchor;
use super::damage::Damage;
use super::field::{Field, utc_text};
use crate::roomfilesink::media::{Caption, Container, Format, Heading, Kind, Language};

/// A manifest stays readable: a publisher may change the frame size with each keyframe for hours.
const MAX_SIZES: usize = 100;

/// Who a part shows, as far as the source says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Person {
    pub room: String,
    pub stream: String,
    pub session: Option<u32>,
    pub label: String,
}

/// Why a part began or ended. The names are in the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Reason {
    Start,
    LateTrack,
    CodecChange,
    MaxSizeTime,
    MaxSizeBytes,
    /// The timestamps of the container come to their end.
    ContainerLimit,
    MinFreeSpace,
    Retry,
    Eos,
    Unlinked,
    Stop,
    Failed,
}

#[derive(Debug, Clone)]
pub(crate) struct TrackRecord {
    pub kind: Kind,
    pub codec: &'static str,
    /// The source's ID of the stream, and the name of the recorder's pad.
    pub stream_id: Option<String>,
    pub pad: Option<String>,
    pub caption: Caption,
    /// Sample rate in Hz and channels of audio, as of its first frame.
    pub audio: Option<(u32, u32)>,
    /// The frame sizes of the part in order, the first [`MAX_SIZES`] of them.
    pub sizes: Vec<(u32, u32)>,
    /// How many changes of size followed.
    pub further_sizes: u64,
    pub first: Option<i64>,
    pub last: i64,
    pub frames: u64,
    /// Frames that came in but are in no file: they waited for a keyframe or for the disk.
    pub dropped: u64,
    /// Frames before which the source reported a loss.
    pub discontinuities: u64,
    /// Frames that the source gave out as corrupted.
    pub corrupted: u64,
    pub damage: Damage,
    /// Whether the source has said so of it.
    pub undecodable: Option<Arc<AtomicBool>>,
    /// The sender's clock at the first frame, nanoseconds, and what kind of clock that is.
    pub sender_clock: Option<(String, u64)>,
}

impl TrackRecord {
    pub(crate) fn new(
        format: &Format,
        caption: Caption,
        stream_id: Option<String>,
        pad: Option<String>,
    ) -> Self {
        let kind = format.codec.kind();
        Self {
            kind,
            codec: format.codec.name(),
            stream_id,
            pad,
            caption,
            audio: (kind == Kind::Audio).then_some((format.rate, format.channels)),
            sizes: format.size().into_iter().collect(),
            further_sizes: 0,
            first: None,
            last: 0,
            frames: 0,
            dropped: 0,
            discontinuities: 0,
            corrupted: 0,
            damage: Damage::default(),
            undecodable: None,
            sender_clock: None,
        }
    }

    /// A frame of this size comes, `changed` from the one before.
    pub(crate) fn note_size(&mut self, size: (u32, u32), changed: bool) {
        if self.sizes.len() < MAX_SIZES {
            if self.sizes.last() != Some(&size) {
                self.sizes.push(size);
            }
        } else if changed {
            self.further_sizes += 1;
        }
    }

    /// The counters belong to a part that is over.
    fn fields(&self, with_counters: bool) -> Vec<(&'static str, Field)> {
        let mut fields = vec![
            ("kind", Field::Text(<&str>::from(self.kind).into())),
            ("codec", Field::Text(self.codec.into())),
        ];
        let mut text = |name, value: &Option<String>| {
            fields.extend(value.iter().map(|text| (name, Field::Text(text.clone()))));
        };
        text("stream-id", &self.stream_id);
        text("pad", &self.pad);
        text("name", &self.caption.name().map(str::to_owned));
        let language = self.caption.language.map(Language::bcp47);
        text("language", &language.map(str::to_owned));
        if let Some((rate, channels)) = self.audio {
            fields.push(("rate", Field::Uint(rate.into())));
            fields.push(("channels", Field::Uint(channels.into())));
        }
        if with_counters {
            fields.push(("frames", Field::Uint(self.frames)));
            fields.push(("dropped", Field::Uint(self.dropped)));
            fields.push(("discontinuities", Field::Uint(self.discontinuities)));
            fields.push(("corrupted", Field::Uint(self.corrupted)));
            fields.extend(self.damage.field().map(|damage| ("damage", damage)));
            let undecodable = self.undecodable.as_ref();
            if undecodable.is_some_and(|is| is.load(Ordering::Relaxed)) {
                fields.push(("undecodable", Field::Bool(true)));
            }
            if let Some(first) = self.first {
                fields.push(("start", Field::Int(first)));
                fields.push(("end", Field::Int(self.last)));
            }
        }
        if self.kind == Kind::Video {
            let sizes = self.sizes.iter();
            let sizes = sizes.map(|(w, h)| Field::Text(format!("{w}x{h}")));
            fields.push(("sizes", Field::List(sizes.collect())));
            if self.further_sizes > 0 {
                fields.push(("further-sizes", Field::Uint(self.further_sizes)));
            }
        }
        if let Some((clock, time)) = &self.sender_clock {
            fields.push(("sender-clock", Field::Text(clock.clone())));
            fields.push(("sender-time", Field::Uint(*time)));
        }
        fields
    }
}

#[derive(Debug, Clone)]
pub(crate) struct PartRecord {
    /// Counts the parts of this run.
    pub id: u64,
    /// Counts the parts of this stream: `%n` of the location.
    pub number: u32,
    pub person: Person,
    pub file: PathBuf,
    pub container: Container,
    pub tracks: Vec<TrackRecord>,
    /// Running time at which the file starts.
    pub start: i64,
    /// The anchors at the start of the file, and at its newest frame.
    pub start_anchor: Anchor,
    pub end_anchor: Anchor,
    pub began: Reason,
    pub ended: Option<Reason>,
    /// What the source said when it ended the session.
    pub session_end: Option<String>,
    pub error: Option<String>,
    pub bytes: u64,
    /// Of the file, in hexadecimal digits.
    pub sha256: Option<String>,
}

impl PartRecord {
    /// What the file is called: the person's label, or the stream ID.
    pub(crate) fn heading(&self) -> Heading {
        let title = match self.person.label.as_str() {
            "" => &self.person.stream,
            label => label,
        };
        Heading::new(title, self.start_anchor.utc_ns(self.start))
    }

    pub(crate) fn end(&self) -> i64 {
        let ends = self.tracks.iter().map(|t| t.last);
        ends.max().unwrap_or(0).max(self.start)
    }

    /// `folder` is the manifest's.
    pub(crate) fn fields(&self, folder: Option<&Path>) -> Vec<(&'static str, Field)> {
        let utc = |anchor: Anchor, t| Field::Text(utc_text(anchor.utc_ns(t)));
        let text = |t: &str| Field::Text(t.to_owned());
        let mut fields = vec![
            ("part", Field::Uint(self.id)),
            ("number", Field::Uint(self.number.into())),
            ("room", text(&self.person.room)),
            ("stream", text(&self.person.stream)),
            ("label", text(&self.person.label)),
            ("file", text(&self.file.to_string_lossy())),
            ("container", text(self.container.into())),
            ("start", Field::Int(self.start)),
            ("start-utc", utc(self.start_anchor, self.start)),
            ("began", text(self.began.into())),
        ];
        if let Some(session) = self.person.session {
            fields.push(("session", Field::Uint(session.into())));
        }
        if let Some(name) = folder.and_then(|folder| self.file.strip_prefix(folder).ok()) {
            // Every system reads slashes, and the folder may move to another one.
            let name = name.to_string_lossy().replace(MAIN_SEPARATOR, "/");
            fields.push(("relative-file", text(&name)));
        }
        let tracks = self
            .tracks
            .iter()
            .map(|t| Field::Map(t.fields(self.ended.is_some())));
        fields.push(("tracks", Field::List(tracks.collect())));
        if let Some(ended) = self.ended {
            fields.push(("end", Field::Int(self.end())));
            fields.push(("end-utc", utc(self.end_anchor, self.end())));
            fields.push(("duration", Field::Int(self.end() - self.start)));
            fields.push(("bytes", Field::Uint(self.bytes)));
            fields.push(("ended", text(ended.into())));
        }
        if let Some(sha256) = &self.sha256 {
            fields.push(("sha256", text(sha256)));
        }
        if let Some(reason) = &self.session_end {
            fields.push(("session-end", text(reason)));
        }
        if let Some(error) = &self.error {
            fields.push(("error", text(error)));
        }
        fields
    }
}
