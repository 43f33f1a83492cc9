// SPDX-License-Identifier: MPL-2.0
//! Reading a manifest: `docs/manifest.schema.json` says what the fields are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vdoroom_platform::process::{self, Running};

/// The version of the format that this program knows.
const VERSION: u64 = 1;
/// Of a second.
const NANOSECONDS: u64 = 1_000_000_000;

#[derive(Debug, Default)]
pub struct Manifest {
    pub path: PathBuf,
    pub run: Option<Run>,
    /// The newest line of each part, in the order in which they began.
    pub parts: Vec<Part>,
    /// In the order of their lines.
    pub marks: Vec<Mark>,
    /// What is wrong with the manifest itself.
    pub damage: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Run {
    pub version: u64,
    pub host: String,
    pub pid: u32,
    /// In clock ticks after the machine began. Only Linux tells.
    pub process_start: Option<u64>,
    /// A moment at which the recorder ran, not after the manifest was begun, in nanoseconds after 1970.
    pub utc_ns: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Part {
    pub event: String,
    pub part: u64,
    pub room: String,
    pub stream: String,
    pub label: String,
    pub file: PathBuf,
    pub relative_file: Option<PathBuf>,
    pub container: String,
    pub start: i64,
    pub start_utc: String,
    pub began: String,
    pub tracks: Vec<Track>,
    pub end: Option<i64>,
    pub end_utc: Option<String>,
    pub bytes: Option<u64>,
    /// Of the file when it was closed, in hexadecimal digits.
    pub sha256: Option<String>,
    pub ended: Option<String>,
    pub session_end: Option<String>,
    pub error: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Track {
    pub kind: String,
    pub codec: String,
    #[serde(default)]
    pub sizes: Vec<String>,
    /// Of audio.
    pub channels: Option<u32>,
    #[serde(default)]
    pub dropped: u64,
    #[serde(default)]
    pub discontinuities: u64,
    /// Its source said that nobody can decode it.
    #[serde(default)]
    pub undecodable: bool,
}

/// A moment that somebody wants to find again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mark {
    /// Counts the marks of the run, from 1.
    pub mark: u64,
    /// Running time, in nanoseconds: as `start` and `end` of parts.
    pub at: i64,
    pub at_utc: String,
    pub text: String,
}

impl Mark {
    /// Where the mark is in a part, in nanoseconds from its beginning.
    pub fn within(&self, part: &Part) -> Option<u64> {
        let end = part.end.unwrap_or(i64::MAX);
        let is_inside = (part.start..end).contains(&self.at);
        is_inside.then(|| self.at.abs_diff(part.start))
    }
}

impl Run {
    /// Whether the recorder still runs, as far as this machine can say.
    pub fn is_running(&self) -> bool {
        let is_here = process::host_name().is_some_and(|name| name == self.host);
        is_here && process::find(self.pid).is_some_and(|found| self.may_be(&found))
    }

    /// Whether a process with the recorder's ID is the recorder: not if it began at another time, or
    /// after the manifest.
    fn may_be(&self, found: &Running) -> bool {
        let starts = found.start.zip(self.process_start);
        let written = self.utc_ns.and_then(|ns| u64::try_from(ns).ok());
        let order = found.start_utc.zip(written);
        starts.is_none_or(|(found, known)| found == known)
            && order.is_none_or(|(began, written)| began <= written / NANOSECONDS)
    }
}

impl Part {
    pub fn is_over(&self) -> bool {
        self.event != "part-opened"
    }

    pub fn has_failed(&self) -> bool {
        self.event == "part-failed"
    }

    /// `Alice (alice7)`, or the stream ID alone.
    pub fn who(&self) -> String {
        match self.label.as_str() {
            "" => self.stream.clone(),
            label if label == self.stream => label.to_owned(),
            label => format!("{label} ({})", self.stream),
        }
    }

    /// Where the file is now: beside the manifest, or where it was written.
    pub fn locate(&self, manifest: &Path) -> PathBuf {
        let folder = manifest.parent().unwrap_or(Path::new(""));
        let moved = self.relative_file.as_ref().map(|f| folder.join(f));
        moved
            .filter(|f| f.exists())
            .unwrap_or_else(|| self.file.clone())
    }
}

impl Manifest {
    pub fn read(path: &Path) -> Self {
        let mut manifest = match std::fs::read(path) {
            Ok(bytes) => Self::parse(&String::from_utf8_lossy(&bytes)),
            Err(error) => Self {
                damage: vec![format!("cannot be read: {error}")],
                ..Self::default()
            },
        };
        manifest.path = path.to_owned();
        manifest
    }

    /// The parts that this file is, by the manifests in its folder and in the three above, each with
    /// the manifest: a `location` may have folders for rooms and days.
    pub fn about(file: &Path) -> Vec<(Self, Part)> {
        let Ok(file) = file.canonicalize() else {
            return vec![];
        };
        let folders = file.ancestors().skip(1).take(4);
        let entries = folders.filter_map(|folder| std::fs::read_dir(folder).ok());
        let paths = entries.flatten().flatten().map(|entry| entry.path());
        let paths = paths.filter(|path| path.extension().is_some_and(|e| e == "jsonl"));
        let mut found = vec![];
        for mut manifest in paths.map(|path| Self::read(&path)) {
            let is_it = |part: &Part| {
                let path = part.locate(&manifest.path);
                path.canonicalize().is_ok_and(|path| path == file)
            };
            let Some(at) = manifest.parts.iter().position(is_it) else {
                continue;
            };
            let part = manifest.parts.swap_remove(at);
            found.push((manifest, part));
        }
        found
    }

    pub fn parse(text: &str) -> Self {
        let mut manifest = Self::default();
        let mut parts = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let known = serde_json::from_str(line)
                .map_err(|e| e.to_string())
                .and_then(|value| manifest.line(value, &mut parts));
            if let Err(error) = known {
                manifest
                    .damage
                    .push(format!("line {number} is damaged: {error}"));
            }
        }
        match &manifest.run {
            None => manifest.damage.push("the opening line is missing".into()),
            Some(run) if run.version > VERSION => {
                let newer = format!("has version {}, known is {VERSION}", run.version);
                manifest.damage.push(newer);
            }
            Some(_) => {}
        }
        manifest.parts = parts.into_values().collect();
        manifest
    }

    /// A manifest that could not be written any more goes on in another one. A part that is in
    /// several stays in the first of them, with what the newest knows; so does a mark.
    pub fn join(manifests: &mut [Self]) {
        for later in 1..manifests.len() {
            let (before, after) = manifests.split_at_mut(later);
            after[0].parts.retain(|part| {
                let of_parts = before.iter_mut().flat_map(|manifest| &mut manifest.parts);
                let mut same = of_parts.filter(|p| p.part == part.part && p.file == part.file);
                let Some(known) = same.next() else {
                    return true;
                };
                if part.is_over() {
                    known.clone_from(part);
                }
                false
            });
            let known = |mark: &Mark| before.iter().any(|m| m.marks.contains(mark));
            after[0].marks.retain(|mark| !known(mark));
        }
    }

    fn line(&mut self, value: Value, parts: &mut BTreeMap<u64, Part>) -> Result<(), String> {
        let event = value["event"].as_str().unwrap_or_default().to_owned();
        if event == "run" {
            self.run = Some(serde_json::from_value(value).map_err(|e| e.to_string())?);
        } else if event.starts_with("part-") {
            let part: Part = serde_json::from_value(value).map_err(|e| e.to_string())?;
            parts.insert(part.part, part);
        } else if event == "mark" {
            let mark = serde_json::from_value(value).map_err(|e| e.to_string())?;
            self.marks.push(mark);
        } else if event.is_empty() {
            return Err("it names no event".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = r#"{"event":"run","version":1,"host":"h","pid":1}"#;

    fn part(event: &str, id: u64) -> String {
        format!(
            r#"{{"event":"{event}","part":{id},"room":"r","stream":"s","label":"L","file":"/x/s.ts",
            "relative-file":"s.ts","container":"mpegts","start":0,"start-utc":"t","began":"start",
            "tracks":[{{"kind":"video","codec":"H264"}}],"new-field":7}}"#
        )
        .replace('\n', "")
    }

    #[test]
    fn the_newest_line_of_a_part_counts() {
        let (opened, closed) = (part("part-opened", 1), part("part-closed", 1));
        let open = part("part-opened", 2);
        let manifest = Manifest::parse(&format!("{RUN}\n{opened}\n{open}\n{closed}\n"));
        assert_eq!(manifest.damage, Vec::<String>::new());
        let over: Vec<_> = manifest.parts.iter().map(Part::is_over).collect();
        assert_eq!(over, [true, false]);
        assert_eq!(manifest.parts[0].who(), "L (s)");
    }

    #[test]
    fn a_part_that_was_closed_in_the_next_manifest_is_closed() {
        let (opened, closed) = (part("part-opened", 1), part("part-closed", 1));
        let of_another_process = opened.replace("/x/s.ts", "/x/other.ts");
        let texts = [opened, closed, of_another_process];
        let mut manifests = texts.map(|text| Manifest::parse(&format!("{RUN}\n{text}\n")));
        Manifest::join(&mut manifests);
        let states = |manifest: &Manifest| -> Vec<bool> {
            manifest.parts.iter().map(Part::is_over).collect()
        };
        assert_eq!(
            manifests.each_ref().map(states),
            [vec![true], vec![], vec![false]]
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_id_that_is_used_again_is_no_recorder() {
        let own = std::process::id();
        let start = process::own_start().unwrap();
        let host = process::host_name().unwrap();
        let run = |process_start| Run {
            host: host.clone(),
            ..run(own, process_start)
        };
        assert!(run(None).is_running());
        assert!(run(Some(start)).is_running());
        assert!(!run(Some(start - 1)).is_running());
    }

    #[test]
    fn who_began_after_the_manifest_is_no_recorder() {
        let began = |start_utc| Running {
            start: None,
            start_utc: Some(start_utc),
        };
        // The manifest is of second 7.
        let run = run(1, None);
        assert!(run.may_be(&began(6)));
        assert!(run.may_be(&began(7)));
        assert!(!run.may_be(&began(8)));
    }

    fn run(pid: u32, process_start: Option<u64>) -> Run {
        Run {
            version: 1,
            host: "h".into(),
            pid,
            process_start,
            utc_ns: Some(7_900_000_000),
        }
    }

    fn mark(number: u64, at: i64) -> String {
        format!(r#"{{"event":"mark","mark":{number},"at":{at},"at-utc":"t{at}","text":"Hello"}}"#)
    }

    #[test]
    fn marks_are_read_and_one_in_two_manifests_is_one() {
        let text = format!("{RUN}\n{}\n{}\n", mark(1, 5), mark(2, 9));
        let again = format!("{RUN}\n{}\n{}\n", mark(2, 9), mark(3, 12));
        let mut manifests = [Manifest::parse(&text), Manifest::parse(&again)];
        assert_eq!(manifests[0].damage, Vec::<String>::new());
        Manifest::join(&mut manifests);
        let numbers = |m: &Manifest| m.marks.iter().map(|m| m.mark).collect::<Vec<_>>();
        assert_eq!(manifests.each_ref().map(numbers), [vec![1, 2], vec![3]]);
        assert_eq!(manifests[0].marks[0].text, "Hello");
    }

    #[test]
    fn a_mark_is_in_the_parts_that_go_on_at_that_moment() {
        let marks = Manifest::parse(&[mark(1, 3), mark(2, 7)].join("\n")).marks;
        let line = part("part-closed", 1).replace("\"start\":0", "\"start\":5,\"end\":9");
        let closed = Manifest::parse(&line).parts.remove(0);
        let places: Vec<_> = marks.iter().map(|mark| mark.within(&closed)).collect();
        assert_eq!(places, [None, Some(2)]);
    }

    #[test]
    fn a_line_that_is_cut_is_damage_and_the_others_count() {
        let opened = part("part-opened", 1);
        let text = format!("{RUN}\n{opened}\n{}", &opened[..40]);
        let manifest = Manifest::parse(&text);
        assert_eq!(manifest.parts.len(), 1);
        assert_eq!(manifest.damage.len(), 1, "{manifest:?}");
        assert!(manifest.damage[0].starts_with("line 3 is damaged"));
    }

    #[test]
    fn events_that_are_new_are_no_damage_and_a_new_version_is_said() {
        let manifest = Manifest::parse(&format!("{RUN}\n{{\"event\":\"weather\"}}\n"));
        assert_eq!(manifest.damage, Vec::<String>::new());
        let manifest = Manifest::parse(&RUN.replace("\"version\":1", "\"version\":2"));
        assert_eq!(manifest.damage, ["has version 2, known is 1"]);
        assert_eq!(Manifest::parse("").damage, ["the opening line is missing"]);
    }
}
