// SPDX-License-Identifier: MPL-2.0
//! What was recorded of whom, as the recorder's messages tell it. Of a part that is over only its
//! share in the sums is kept: a recorder that runs for weeks must not grow.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

#[derive(Default)]
pub struct Parts {
    people: BTreeMap<String, Person>,
}

#[derive(Default)]
struct Person {
    label: String,
    closed: Total,
    open: BTreeMap<u64, Open>,
}

struct Open {
    file: PathBuf,
    start: i64,
}

#[derive(Clone, Copy, Default)]
pub struct Total {
    pub open: usize,
    pub files: u64,
    pub bytes: u64,
    /// Nanoseconds.
    pub recorded: u64,
}

impl Parts {
    /// Notes `part-opened`, `part-closed` or `part-failed`.
    pub fn note(&mut self, event: &str, part: &gst::Structure) {
        let text = |field: &str| part.get::<String>(field).unwrap_or_default();
        let id = part.get("part").unwrap_or_default();
        let person = self.people.entry(text("stream")).or_default();
        person.label = text("label");
        if event == "part-opened" {
            let (file, start) = (text("file").into(), part.get("start").unwrap_or_default());
            person.open.insert(id, Open { file, start });
            return;
        }
        person.open.remove(&id);
        person.closed.files += 1;
        person.closed.bytes += part.get::<u64>("bytes").unwrap_or_default();
        let duration: i64 = part.get("duration").unwrap_or_default();
        person.closed.recorded += u64::try_from(duration).unwrap_or_default();
    }

    /// Stream IDs and labels.
    pub fn people(&self) -> impl Iterator<Item = (&str, &str)> {
        let people = self.people.iter();
        people.map(|(id, person)| (id.as_str(), person.label.as_str()))
    }

    pub fn total(&self, stream: &str, now: i64, sizes: &HashMap<PathBuf, u64>) -> Total {
        let Some(person) = self.people.get(stream) else {
            return Total::default();
        };
        let mut total = person.closed;
        for open in person.open.values() {
            total.open += 1;
            total.files += 1;
            total.bytes += sizes.get(&open.file).copied().unwrap_or_default();
            total.recorded += u64::try_from(now - open.start).unwrap_or_default();
        }
        total
    }

    pub fn open_files(&self) -> Vec<PathBuf> {
        let open = self.people.values().flat_map(|p| p.open.values());
        open.map(|open| open.file.clone()).collect()
    }

    pub fn open_bytes(&self, sizes: &HashMap<PathBuf, u64>) -> u64 {
        let files = self.open_files();
        files.iter().filter_map(|file| sizes.get(file)).sum()
    }
}
