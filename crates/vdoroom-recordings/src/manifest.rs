// SPDX-License-Identifier: MPL-2.0
//! Reading a manifest: `docs/manifest.schema.json` says what the fields are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// The version of the format that this program knows.
const VERSION: u64 = 1;

#[derive(Debug, Default)]
pub struct Manifest {
    pub path: PathBuf,
    pub run: Option<Run>,
    /// The newest line of each part, in the order in which they began.
    pub parts: Vec<Part>,
    /// What is wrong with the manifest itself.
    pub damage: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Run {
    pub version: u64,
    pub host: String,
    pub pid: u32,
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

impl Run {
    /// Whether the recorder still runs, as far as this machine can say. A process that has ended
    /// but not been waited for has no command line.
    pub fn is_running(&self) -> bool {
        let process = Path::new("/proc").join(self.pid.to_string());
        let host = rustix::system::uname();
        let is_here = host.nodename().to_str() == Ok(self.host.as_str());
        is_here && std::fs::read(process.join("cmdline")).is_ok_and(|c| !c.is_empty())
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
    /// several stays in the first of them, with what the newest knows.
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
        }
    }

    fn line(&mut self, value: Value, parts: &mut BTreeMap<u64, Part>) -> Result<(), String> {
        let event = value["event"].as_str().unwrap_or_default().to_owned();
        if event == "run" {
            self.run = Some(serde_json::from_value(value).map_err(|e| e.to_string())?);
        } else if event.starts_with("part-") {
            let part: Part = serde_json::from_value(value).map_err(|e| e.to_string())?;
            parts.insert(part.part, part);
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
