// SPDX-License-Identifier: MPL-2.0
//! Which file goes where: the manifest without what cannot be placed.

use std::path::{Path, PathBuf};

use url::Url;

use crate::manifest::{Manifest, Mark, Part};

/// A recording, laid out from the moment at which the first part begins.
#[derive(Debug, Default)]
pub struct Plan {
    /// In the order in which they came.
    pub people: Vec<Person>,
    /// In the order of their time.
    pub markers: Vec<Marker>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

/// A moment that somebody marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Nanoseconds on the timeline.
    pub at: u64,
    /// Fit to be shown.
    pub text: String,
}

#[derive(Debug)]
pub struct Person {
    /// Label and stream ID, fit to be shown.
    pub name: String,
    room: String,
    stream: String,
    /// In the order in which they began.
    pub pieces: Vec<Piece>,
}

/// A file on the timeline.
#[derive(Debug, Clone)]
pub struct Piece {
    pub file: PathBuf,
    pub uri: String,
    /// Nanoseconds on the timeline.
    pub start: u64,
    pub duration: u64,
    /// Nanoseconds in the file, where it is shown from.
    pub inpoint: u64,
    pub has_audio: bool,
    /// Frame size when the part began, in pixels.
    pub size: Option<(u32, u32)>,
}

impl Piece {
    /// Nanoseconds on the timeline.
    pub fn end(&self) -> u64 {
        self.start + self.duration
    }
}

impl Person {
    /// The size of their first frame; `None` for who was only heard.
    pub fn size(&self) -> Option<(u32, u32)> {
        self.pieces.iter().find_map(|piece| piece.size)
    }

    pub fn has_audio(&self) -> bool {
        self.pieces.iter().any(|piece| piece.has_audio)
    }
}

impl Plan {
    pub fn of(manifest: &Manifest) -> Self {
        let mut plan = Self::default();
        for damage in &manifest.damage {
            let path = manifest.path.display();
            plan.warnings.push(printable(&format!("{path}: {damage}")));
        }
        let mut parts: Vec<_> = manifest.parts.iter().collect();
        parts.sort_by_key(|part| part.start);
        let mut origin = None;
        for part in parts {
            let file = part.locate(&manifest.path);
            if let Some(duration) = plan.judge(part, &file) {
                let origin = *origin.get_or_insert(part.start);
                plan.place(part, &file, part.start.abs_diff(origin), duration);
            }
        }
        if let Some(origin) = origin {
            plan.place_marks(&manifest.marks, origin);
        }
        plan
    }

    /// A mark that was set before or after everything that can be placed is at the beginning, or
    /// at the end.
    fn place_marks(&mut self, marks: &[Mark], origin: i64) {
        let pieces = self.people.iter().flat_map(|p| &p.pieces);
        let end = pieces.map(Piece::end).max().unwrap_or(0);
        let marker = |mark: &Mark| Marker {
            at: u64::try_from(mark.at.saturating_sub(origin)).map_or(0, |at| at.min(end)),
            text: printable(&mark.text),
        };
        self.markers = marks.iter().map(marker).collect();
        self.markers.sort_by_key(|marker| marker.at);
    }

    /// An error with the reasons if there is nothing to show.
    pub(super) fn has_something(&self) -> Result<(), String> {
        match self.people.is_empty() {
            true => {
                let why = [&self.warnings[..], &self.notes].concat().join("; ");
                Err(format!("nothing of this recording can be placed: {why}"))
            }
            false => Ok(()),
        }
    }

    /// How long the part is, if it can be placed.
    fn judge(&mut self, part: &Part, file: &Path) -> Option<u64> {
        let name = printable(&file.display().to_string());
        let end = part.end.filter(|end| *end > part.start);
        if part.has_failed() {
            self.notes.push(format!("{name} is left out: it failed"));
        } else if !part.is_over() {
            let note = format!("{name} is left out: it was never closed, or is being recorded");
            self.notes.push(note);
        } else if !file.is_file() {
            self.warnings.push(format!("{name} is not there"));
        } else if end.is_none() {
            self.notes.push(format!("{name} is left out: it is empty"));
        } else {
            return end.map(|end| end.abs_diff(part.start));
        }
        None
    }

    fn place(&mut self, part: &Part, file: &Path, start: u64, duration: u64) {
        let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let name = printable(&absolute.display().to_string());
        let Some(uri) = uri(&absolute) else {
            return self.warnings.push(format!("{name} has no URI"));
        };
        let mut video = part.tracks.iter().filter(|t| t.kind == "video");
        let size = video.next().and_then(|t| size(t.sizes.first()?));
        let further = video.count();
        if further > 0 {
            let note = format!("{name}: of {} videos only the first is placed", further + 1);
            self.notes.push(note);
        }
        let person = self.person(part);
        // A part may begin a moment before the one before has ended.
        let until = person.pieces.last().map_or(0, Piece::end);
        let inpoint = until.saturating_sub(start);
        if inpoint >= duration {
            let note = format!("{name} is left out: the part before it is as long");
            return self.notes.push(note);
        }
        person.pieces.push(Piece {
            file: absolute,
            uri,
            start: start + inpoint,
            duration: duration - inpoint,
            inpoint,
            has_audio: part.tracks.iter().any(|t| t.kind == "audio"),
            size,
        });
    }

    fn person(&mut self, part: &Part) -> &mut Person {
        let known = |p: &Person| p.room == part.room && p.stream == part.stream;
        let index = self.people.iter().position(known).unwrap_or_else(|| {
            self.people.push(Person {
                name: printable(&part.who()),
                room: part.room.clone(),
                stream: part.stream.clone(),
                pieces: Vec::new(),
            });
            self.people.len() - 1
        });
        &mut self.people[index]
    }
}

/// Of an absolute path.
fn uri(path: &Path) -> Option<String> {
    Url::from_file_path(path).ok().map(String::from)
}

/// `320x180`.
fn size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    let size = (width.parse().ok()?, height.parse().ok()?);
    (size.0 > 0 && size.1 > 0).then_some(size)
}

/// Names come from strangers; terminals obey control characters, and XML has none.
pub(super) fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// A part of this stream, in a file that is there.
    fn part(event: &str, id: u64, stream: &str, start: i64, end: i64) -> String {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        format!(
            r#"{{"event":"{event}","part":{id},"room":"r","stream":"{stream}","label":"","file":"{file}","container":"mpegts","start":{start},"start-utc":"t","began":"start","tracks":[{{"kind":"video","codec":"H264","sizes":["64x48"]}}],"end":{end}}}"#
        )
    }

    fn plan(parts: &[String]) -> Plan {
        let run = r#"{"event":"run","version":1,"host":"h","pid":1}"#;
        Plan::of(&Manifest::parse(&format!("{run}\n{}", parts.join("\n"))))
    }

    /// Start, duration and in-point of each piece, in seconds.
    fn pieces(person: &Person) -> Vec<[i64; 3]> {
        let seconds = |p: &Piece| [p.start, p.duration, p.inpoint].map(|ns| ns as i64 / SECOND);
        person.pieces.iter().map(seconds).collect()
    }

    #[test]
    fn people_come_in_their_order_and_time_begins_with_the_first_part() {
        let plan = plan(&[
            part("part-closed", 1, "bob", 9 * SECOND, 12 * SECOND),
            part("part-closed", 2, "alice", 5 * SECOND, 8 * SECOND),
            part("part-closed", 3, "alice", 10 * SECOND, 12 * SECOND),
        ]);
        assert_eq!(plan.warnings, Vec::<String>::new());
        let names: Vec<_> = plan.people.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["alice", "bob"]);
        assert_eq!(pieces(&plan.people[0]), [[0, 3, 0], [5, 2, 0]]);
        assert_eq!(pieces(&plan.people[1]), [[4, 3, 0]]);
    }

    #[test]
    fn marks_are_on_the_timeline_of_the_parts() {
        let mark = |number: u64, at: i64, text: &str| {
            format!(r#"{{"event":"mark","mark":{number},"at":{at},"at-utc":"t","text":"{text}"}}"#)
        };
        let plan = plan(&[
            part("part-closed", 1, "alice", 5 * SECOND, 8 * SECOND),
            mark(1, 7 * SECOND, "two seconds\\u0007"),
            mark(2, 6 * SECOND, "one second"),
            mark(3, 4 * SECOND, "too early"),
            mark(4, 20 * SECOND, "too late"),
        ]);
        let seconds = |m: &Marker| (m.at / SECOND as u64, m.text.clone());
        let markers: Vec<_> = plan.markers.iter().map(seconds).collect();
        let text = |at: u64, text: &str| (at, text.to_owned());
        let expected = [
            text(0, "too early"),
            text(1, "one second"),
            text(2, "two seconds\u{fffd}"),
            text(3, "too late"),
        ];
        assert_eq!(markers, expected);
    }

    #[test]
    fn a_part_that_begins_before_the_last_has_ended_is_shown_from_there() {
        let plan = plan(&[
            part("part-closed", 1, "alice", 0, 5 * SECOND),
            part("part-closed", 2, "alice", 3 * SECOND, 9 * SECOND),
            part("part-closed", 3, "alice", 6 * SECOND, 8 * SECOND),
        ]);
        assert_eq!(pieces(&plan.people[0]), [[0, 5, 0], [5, 4, 2]]);
        assert_eq!(plan.notes.len(), 1, "{:?}", plan.notes);
    }

    #[test]
    fn what_is_open_or_failed_is_a_note_and_what_is_missing_a_warning() {
        let missing = part("part-closed", 3, "alice", 0, SECOND).replace("Cargo.toml", "gone.ts");
        let plan = plan(&[
            part("part-opened", 1, "alice", 0, SECOND),
            part("part-failed", 2, "alice", 0, SECOND),
            missing,
            part("part-closed", 4, "bob", 7 * SECOND, 9 * SECOND),
        ]);
        assert_eq!(plan.notes.len(), 2, "{:?}", plan.notes);
        assert_eq!(plan.warnings.len(), 1, "{:?}", plan.warnings);
        assert!(plan.warnings[0].ends_with("gone.ts is not there"));
        assert_eq!(pieces(&plan.people[0]), [[0, 2, 0]]);
    }

    #[test]
    fn a_path_with_odd_letters_is_a_uri_that_leads_back_to_it() {
        let path = Path::new("/it's 100% \"odd\" & <new> #1?, é/a;[b].ts");
        let uri = uri(path).unwrap();
        assert!(
            uri.starts_with(
                "file:///it's%20100%25%20%22odd%22%20&%20%3Cnew%3E%20%231%3F,%20%C3%A9/"
            ),
            "{uri}"
        );
        assert_eq!(Url::parse(&uri).unwrap().to_file_path().unwrap(), path);
    }
}
