// SPDX-License-Identifier: MPL-2.0
//! Who was recorded when, on one timeline: the manifest without what cannot be placed.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::manifest::{Manifest, Part, Track};

/// What is in a file: measured where the recorder did not close it.
pub type Measure<'a> = &'a dyn Fn(&Path) -> Measured;

/// What a manifest tells of a part when it is closed.
#[derive(Debug, Default)]
pub struct Measured {
    /// How long it plays, in nanoseconds.
    pub length: u64,
    /// Of its video, in pixels.
    pub sizes: Vec<(u32, u32)>,
}

/// All times in nanoseconds after the moment at which the first part begins.
#[derive(Debug, Default)]
pub struct Recording {
    /// That moment, in nanoseconds since 1970.
    pub zero_utc: u64,
    /// When the last part ends.
    pub length: u64,
    /// In the order in which they came.
    pub people: Vec<Person>,
    /// When, and with which words.
    pub marks: Vec<(u64, String)>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

#[derive(Debug)]
pub struct Person {
    /// Label and stream ID, fit to be shown.
    pub name: String,
    pub label: String,
    pub stream: String,
    room: String,
    /// In the order in which they began.
    pub parts: Vec<Placed>,
}

/// A part that can be exported.
#[derive(Debug)]
pub struct Placed {
    pub file: PathBuf,
    /// Where its file's time 0 is.
    pub zero: u64,
    pub zero_utc: u64,
    /// What of it is to be seen and heard: the part before may last longer.
    pub start: u64,
    pub end: u64,
    pub tracks: Vec<Track>,
}

impl Placed {
    /// The first track of a kind, if it can be decoded.
    pub fn track(&self, kind: &str) -> Option<&Track> {
        let first = self.tracks.iter().find(|track| track.kind == kind);
        first.filter(|track| !track.undecodable)
    }
}

impl Recording {
    pub fn of(manifest: &Manifest, measure: Measure) -> Self {
        let mut recording = Self::default();
        for damage in &manifest.damage {
            let path = manifest.path.display();
            recording.warn(&format!("{path}: {damage}"));
        }
        let goes_on = manifest.run.as_ref().is_some_and(|run| run.is_running());
        let mut parts: Vec<_> = manifest.parts.iter().collect();
        parts.sort_by_key(|part| part.start);
        let Some(first) = parts.first() else {
            return recording;
        };
        let origin = first.start;
        recording.zero_utc = utc(&first.start_utc).unwrap_or_default();
        for part in parts {
            let file = part.locate(&manifest.path);
            if let Some(measured) = recording.judge(part, &file, goes_on, measure) {
                let zero = part.start.abs_diff(origin);
                recording.place(part, file, zero, measured);
            }
        }
        let marks = manifest.marks.iter().filter_map(|mark| {
            let at = u64::try_from(mark.at.checked_sub(origin)?).ok()?;
            Some((at, printable(&mark.text)))
        });
        recording.marks = marks.collect();
        recording.marks.sort();
        recording
    }

    fn warn(&mut self, text: &str) {
        self.warnings.push(printable(text));
    }

    /// What is in the part, if it can be exported. Sizes only if its manifest does not tell them.
    fn judge(
        &mut self,
        part: &Part,
        file: &Path,
        goes_on: bool,
        measure: Measure,
    ) -> Option<Measured> {
        let name = printable(&file.display().to_string());
        if !file.is_file() {
            match part.has_failed() {
                true => self.notes.push(format!("{name} is left out: it failed")),
                false => self.warnings.push(format!("{name} is not there")),
            }
            return None;
        }
        if !part.is_over() && goes_on {
            let note = format!("{name} is left out: it is being recorded");
            self.notes.push(note);
            return None;
        }
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        if let Some(bytes) = part.bytes.filter(|bytes| *bytes > size) {
            self.warn(&format!("{name} is cut: {size} of {bytes} bytes are there"));
        }
        let told = part
            .end
            .map(|end| u64::try_from(end - part.start).unwrap_or(0));
        if part.has_failed() {
            self.warn(&format!("{name} ends early: its recording failed"));
        } else if told.is_none() {
            self.warn(&format!(
                "{name} was never closed: the recorder was killed or lost power"
            ));
        }
        let measured = match told {
            Some(length) => Measured {
                length,
                sizes: Vec::new(),
            },
            None => measure(file),
        };
        if measured.length == 0 {
            self.notes.push(format!("{name} is left out: it is empty"));
        }
        Some(measured).filter(|measured| measured.length > 0)
    }

    fn place(&mut self, part: &Part, file: PathBuf, zero: u64, measured: Measured) {
        let name = printable(&file.display().to_string());
        for track in part.tracks.iter().filter(|track| track.undecodable) {
            let (kind, codec) = (&track.kind, &track.codec);
            self.warn(&format!("{name}: the {kind} ({codec}) cannot be decoded"));
        }
        for kind in ["video", "audio"] {
            let count = part
                .tracks
                .iter()
                .filter(|track| track.kind == kind)
                .count();
            if count > 1 {
                let note = format!("{name}: of {count} {kind} tracks only the first is exported");
                self.notes.push(note);
            }
        }
        let end = zero.saturating_add(measured.length);
        let mut tracks = part.tracks.clone();
        let video = tracks.iter_mut().find(|track| track.kind == "video");
        if let Some(video) = video.filter(|_| !measured.sizes.is_empty()) {
            let mut sizes: Vec<_> = measured
                .sizes
                .iter()
                .map(|(w, h)| format!("{w}x{h}"))
                .collect();
            sizes.dedup();
            video.sizes = sizes;
        }
        let person = self.person(part);
        let until = person.parts.last().map_or(0, |before| before.end);
        let start = zero.max(until);
        if start >= end {
            let note = format!("{name} is left out: the part before it is as long");
            return self.notes.push(note);
        }
        person.parts.push(Placed {
            file,
            zero,
            zero_utc: utc(&part.start_utc).unwrap_or_default(),
            start,
            end,
            tracks,
        });
        self.length = self.length.max(end);
    }

    fn person(&mut self, part: &Part) -> &mut Person {
        let known = |p: &Person| p.room == part.room && p.stream == part.stream;
        let index = self.people.iter().position(known).unwrap_or_else(|| {
            self.people.push(Person {
                name: printable(&part.who()),
                label: part.label.clone(),
                stream: part.stream.clone(),
                room: part.room.clone(),
                parts: Vec::new(),
            });
            self.people.len() - 1
        });
        &mut self.people[index]
    }
}

/// Nanoseconds since 1970.
fn utc(text: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(text).ok()?;
    nanoseconds(time)
}

/// Since 1970.
pub fn nanoseconds(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

/// Names come from strangers; terminals obey control characters.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}
