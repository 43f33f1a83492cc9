// SPDX-License-Identifier: MPL-2.0
//! What became of the parts: the manifest held against the disk.
//!
//! How far a file plays, and whether it is whole, only a player can say: the caller brings one,
//! such as `media::play`.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::manifest::{Manifest, Part, Run};

/// A pause in the recording of a person that is worth a line, in nanoseconds.
const PAUSE: i64 = 500_000_000;
/// What a file plays may differ by so much from what the manifest says, in nanoseconds.
const TOLERANCE: i64 = 1_000_000_000;
const EXTENSIONS: [&str; 3] = ["ts", "mkv", "mka"];

/// What a player makes of a file.
#[derive(Debug, Clone, Default)]
pub struct Played {
    /// Nanoseconds from the first frame to the last; 0 if nothing of it plays.
    pub length: i64,
    /// What keeps it from being whole, one sentence each.
    pub problems: Vec<String>,
}

/// Plays a file of which the manifest lists so many tracks.
pub type Player<'a> = &'a dyn Fn(&Path, usize) -> Played;

/// Something to know about a recording.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// Whether something is missing or damaged; the others are for information.
    pub problem: bool,
    pub kind: &'static str,
    pub file: PathBuf,
    /// Who is concerned, if it is one person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    pub text: String,
}

/// One part, as it is now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    pub who: String,
    pub room: String,
    pub stream: String,
    pub label: String,
    pub start_utc: String,
    /// Nanoseconds; missing if the file does not play.
    pub duration: Option<i64>,
    pub file: PathBuf,
    pub container: String,
    pub codecs: Vec<String>,
    pub sizes: Vec<String>,
    /// On disk.
    pub bytes: Option<u64>,
    pub dropped: u64,
    pub discontinuities: u64,
    pub state: &'static str,
}

#[derive(Debug, Default, Serialize)]
pub struct Survey {
    pub parts: Vec<Row>,
    pub findings: Vec<Finding>,
}

impl Survey {
    pub fn is_well(&self) -> bool {
        !self.findings.iter().any(|f| f.problem)
    }

    /// Looks at all parts. `play` is asked for each file with `all`, and otherwise only for those
    /// that nobody closed.
    pub fn of(manifests: &[Manifest], all: bool, play: Player) -> Self {
        let mut survey = Self::default();
        for manifest in manifests {
            for damage in &manifest.damage {
                survey.find(true, "manifest", &manifest.path, None, damage.clone());
            }
            let goes_on = manifest.run.as_ref().is_some_and(Run::is_running);
            let mut ends = Vec::new();
            for part in &manifest.parts {
                ends.push(survey.part(part, &manifest.path, goes_on, all, play));
            }
            survey.pauses(manifest, &ends);
        }
        survey.unlisted(manifests);
        survey.parts.sort_by(|a, b| a.start_utc.cmp(&b.start_utc));
        survey
    }

    fn find(
        &mut self,
        problem: bool,
        kind: &'static str,
        file: &Path,
        who: Option<&Part>,
        text: String,
    ) {
        self.findings.push(Finding {
            problem,
            kind,
            file: file.to_owned(),
            who: who.map(Part::who),
            text,
        });
    }

    /// Returns the running time at which the part ends, if that can be found out.
    fn part(
        &mut self,
        part: &Part,
        manifest: &Path,
        goes_on: bool,
        all: bool,
        play: Player,
    ) -> Option<i64> {
        let file = part.locate(manifest);
        let bytes = file.metadata().ok().map(|m| m.len());
        let is_orphan = !part.is_over() && !goes_on;
        // Only a player says how far a file goes that nobody closed.
        let is_played = bytes.is_some() && (all || is_orphan);
        let report = is_played.then(|| play(&file, part.tracks.len()));
        let played = report.as_ref().map(|r| r.length).filter(|ns| *ns > 0);
        let told = part.end.map(|end| end - part.start);
        let duration = told.or(played);
        let state = match (part.event.as_str(), goes_on) {
            _ if bytes.is_none() && !part.has_failed() => "missing",
            ("part-closed", _) => "closed",
            ("part-failed", _) => "failed",
            (_, true) => "recording",
            (_, false) => "not closed",
        };
        self.parts.push(Row {
            who: part.who(),
            room: part.room.clone(),
            stream: part.stream.clone(),
            label: part.label.clone(),
            start_utc: part.start_utc.clone(),
            duration,
            file: file.clone(),
            container: part.container.clone(),
            codecs: part.tracks.iter().map(|t| t.codec.clone()).collect(),
            sizes: part.tracks.iter().flat_map(|t| t.sizes.clone()).collect(),
            bytes,
            dropped: part.tracks.iter().map(|t| t.dropped).sum(),
            discontinuities: part.tracks.iter().map(|t| t.discontinuities).sum(),
            state,
        });
        self.judge(part, &file, bytes, goes_on);
        if let Some(report) = report.filter(|_| !goes_on || part.is_over()) {
            self.judge_content(part, &file, report.problems, told, played);
        }
        part.end.or_else(|| duration.map(|d| part.start + d))
    }

    fn judge(&mut self, part: &Part, file: &Path, bytes: Option<u64>, goes_on: bool) {
        let who = Some(part);
        if let Some(error) = &part.error {
            self.find(true, "failed", file, who, error.clone());
        }
        match (bytes, part.bytes) {
            (None, Some(0)) if part.has_failed() => {}
            (None, _) => self.find(true, "missing", file, who, "is not there".into()),
            (Some(is), Some(was)) if is != was && !part.has_failed() => {
                let text = format!("has {is} bytes, {was} were written");
                self.find(true, "size", file, who, text);
            }
            _ => {}
        }
        match (part.is_over(), goes_on) {
            (false, true) => self.find(false, "recording", file, who, "is being recorded".into()),
            (false, false) => {
                let text = "was never closed: the recorder was killed or lost power";
                self.find(true, "not-closed", file, who, text.into());
            }
            (true, _) => {}
        }
        for track in &part.tracks {
            if track.undecodable {
                let text = format!(
                    "the {} ({}) cannot be decoded: it was encrypted from end to end, or is something else",
                    track.kind, track.codec
                );
                self.find(true, "undecodable", file, who, text);
            }
            for (count, what) in [
                (track.dropped, "frames came in but are not in the file"),
                (
                    track.discontinuities,
                    "losses between publisher and recorder",
                ),
            ] {
                if count > 0 {
                    let text = format!("{}: {count} {what}", track.codec);
                    self.find(false, "loss", file, who, text);
                }
            }
        }
    }

    fn judge_content(
        &mut self,
        part: &Part,
        file: &Path,
        problems: Vec<String>,
        told: Option<i64>,
        played: Option<i64>,
    ) {
        for problem in problems {
            self.find(true, "content", file, Some(part), problem);
        }
        match (told, played) {
            (Some(told), Some(played)) if (told - played).abs() > TOLERANCE => {
                let text = format!("plays {}, {} were recorded", seconds(played), seconds(told));
                self.find(true, "content", file, Some(part), text);
            }
            (None, Some(played)) => {
                let text = format!("plays {}", seconds(played));
                self.find(false, "content", file, Some(part), text);
            }
            _ => {}
        }
    }

    /// Gaps between two recordings of the same person.
    fn pauses(&mut self, manifest: &Manifest, ends: &[Option<i64>]) {
        let mut people = BTreeMap::<_, Vec<_>>::new();
        for (part, end) in manifest.parts.iter().zip(ends) {
            let parts = people.entry((&part.room, &part.stream)).or_default();
            parts.push((part, end.unwrap_or(part.start)));
        }
        for parts in people.into_values() {
            let mut last: Option<(&Part, i64)> = None;
            let mut parts = parts;
            parts.sort_by_key(|(part, _)| part.start);
            for (part, end) in parts {
                if part.has_failed() && part.bytes == Some(0) {
                    continue;
                }
                if let Some((before, until)) = last
                    && part.start - until > PAUSE
                {
                    let text = pause(before, part, part.start - until);
                    self.find(false, "pause", &manifest.path, Some(part), text);
                }
                if last.is_none_or(|(_, until)| end > until) {
                    last = Some((part, end));
                }
            }
        }
    }

    /// Recordings in the manifests' folders and beside their files of which no manifest there
    /// knows: several recorders may share a folder.
    fn unlisted(&mut self, manifests: &[Manifest]) {
        let folder = |f: &Path| canonical(f).parent().map(Path::to_owned);
        let mut folders: HashSet<PathBuf> = HashSet::new();
        let mut listed = HashSet::new();
        for manifest in manifests {
            folders.extend(folder(&manifest.path));
            folders.extend(files_of(manifest).iter().filter_map(|f| folder(f)));
            listed.extend(files_of(manifest));
        }
        let there = folders.iter().filter_map(|f| std::fs::read_dir(f).ok());
        let there = there.flatten().flatten().map(|entry| entry.path());
        let (mut files, others): (Vec<_>, Vec<_>) = there
            .filter(|f| has_extension(f, &EXTENSIONS) || has_extension(f, &["jsonl"]))
            .partition(|f| has_extension(f, &EXTENSIONS));
        let others = others.iter().map(|f| Manifest::read(f));
        listed.extend(others.flat_map(|m| files_of(&m)));
        files.retain(|f| !listed.contains(&canonical(f)));
        files.sort();
        for file in files {
            self.find(false, "unlisted", &file, None, "is in no manifest".into());
        }
    }
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn files_of(manifest: &Manifest) -> Vec<PathBuf> {
    let files = manifest.parts.iter().map(|p| p.locate(&manifest.path));
    files.map(|f| canonical(&f)).collect()
}

pub fn has_extension(file: &Path, extensions: &[&str]) -> bool {
    let extension = file.extension().and_then(|e| e.to_str());
    extension.is_some_and(|e| extensions.contains(&e))
}

fn pause(before: &Part, after: &Part, ns: i64) -> String {
    let from = before
        .end_utc
        .as_deref()
        .unwrap_or("the end of the part before");
    let why = match (&before.ended, &before.session_end) {
        (Some(ended), Some(end)) => format!("{ended}, {end}"),
        (Some(ended), None) => ended.clone(),
        (None, _) => "not closed".into(),
    };
    format!(
        "was not recorded from {from} to {}, {}: the part before ended with \"{why}\", the next began with \"{}\"",
        after.start_utc,
        seconds(ns),
        after.began
    )
}

pub fn seconds(ns: i64) -> String {
    format!("{:.2} s", ns as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two parts of one person; the process of the run is long gone.
    fn manifest(second_start: i64) -> Manifest {
        let part = |id: u64, start: i64| {
            format!(
                "{{\"event\":\"part-closed\",\"part\":{id},\"room\":\"r\",\"stream\":\"s\",\"label\":\"\",                 \"file\":\"/nowhere/{id}.ts\",\"container\":\"mpegts\",\"start\":{start},                 \"start-utc\":\"at {start}\",\"began\":\"start\",\"tracks\":[],\"end\":{},                 \"end-utc\":\"at {}\",\"bytes\":7,\"ended\":\"eos\",\"session-end\":\"hung up\"}}\n",
                start + 1_000_000_000,
                start + 1_000_000_000
            )
        };
        let run = "{\"event\":\"run\",\"version\":1,\"host\":\"\",\"pid\":0}\n";
        Manifest::parse(&[run.to_owned(), part(1, 0), part(2, second_start)].concat())
    }

    fn unplayed(_: &Path, _: usize) -> Played {
        Played::default()
    }

    fn of_kind(survey: &Survey, kind: &str) -> Vec<String> {
        let found = survey.findings.iter().filter(|f| f.kind == kind);
        found.map(|f| f.text.clone()).collect()
    }

    #[test]
    fn a_pause_between_two_parts_is_told_with_its_reason() {
        let survey = Survey::of(&[manifest(5_000_000_000)], false, &unplayed);
        let pauses = of_kind(&survey, "pause");
        assert_eq!(pauses.len(), 1, "{survey:#?}");
        assert!(pauses[0].contains("from at 1000000000 to at 5000000000, 4.00 s"));
        assert!(pauses[0].contains("eos, hung up"), "{pauses:?}");
    }

    #[test]
    fn parts_that_follow_each_other_leave_no_pause() {
        let survey = Survey::of(&[manifest(1_000_000_000)], false, &unplayed);
        assert_eq!(of_kind(&survey, "pause"), Vec::<String>::new());
    }

    #[test]
    fn files_that_are_not_there_are_missing() {
        let survey = Survey::of(&[manifest(1_000_000_000)], false, &unplayed);
        assert_eq!(of_kind(&survey, "missing").len(), 2, "{survey:#?}");
        assert!(!survey.is_well());
    }
}
