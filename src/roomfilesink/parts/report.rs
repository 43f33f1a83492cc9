// SPDX-License-Identifier: MPL-2.0
//! What the properties `files` and `stats` show.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::glib::value::ToSendValue;

use super::part::PartId;

/// So many parts are shown: a recorder that runs for weeks must not grow. The manifest has all.
const SHOWN: usize = 1000;

/// Of the run that goes on, or was the last. The lock guards itself only.
#[derive(Default)]
pub(crate) struct Report(Mutex<Parts>);

#[derive(Default)]
struct Parts {
    /// Part number in the process and its latest fields, of the newest parts.
    shown: VecDeque<(u64, gst::Structure)>,
    open: BTreeSet<u64>,
    closed: u64,
    failed: u64,
    bytes: u64,
}

impl Report {
    pub(crate) fn clear(&self) {
        *self.lock() = Parts::default();
    }

    /// Notes `part-opened`, `part-closed` or `part-failed`.
    pub(crate) fn part(&self, event: &str, part: PartId, bytes: u64, fields: gst::Structure) {
        self.lock().note(event, part, bytes, fields);
    }

    /// Whether a part is open.
    pub(crate) fn is_recording(&self) -> bool {
        !self.lock().open.is_empty()
    }

    pub(crate) fn files(&self) -> gst::Structure {
        let parts = self.lock();
        let parts = parts.shown.iter().map(|(_, part)| part.to_send_value());
        gst::Structure::builder("files")
            .field("parts", gst::Array::new(parts))
            .build()
    }

    pub(crate) fn stats(&self) -> gst::Structure {
        let parts = self.lock();
        gst::Structure::builder("stats")
            .field("parts-open", parts.open.len() as u64)
            .field("parts-closed", parts.closed)
            .field("parts-failed", parts.failed)
            .field("bytes", parts.bytes)
            .build()
    }

    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parts {
    fn note(&mut self, event: &str, part: PartId, bytes: u64, fields: gst::Structure) {
        let known = self.shown.iter_mut().rev().find(|(id, _)| *id == part);
        match known {
            Some((_, latest)) => *latest = fields,
            None => self.shown.push_back((part, fields)),
        }
        match event {
            "part-opened" => drop(self.open.insert(part)),
            "part-closed" => self.closed += 1,
            _ => self.failed += 1,
        }
        if event != "part-opened" {
            self.open.remove(&part);
            self.bytes += bytes;
        }
        self.forget_old();
    }

    fn forget_old(&mut self) {
        let is_over = |(id, _): &(u64, gst::Structure)| !self.open.contains(id);
        if self.shown.len() > SHOWN
            && let Some(oldest) = self.shown.iter().position(is_over)
        {
            self.shown.remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_parts_the_newest_are_shown_and_those_that_are_open() {
        gst::init().unwrap();
        let report = Report::default();
        let say = |event, id: u64| {
            let fields = gst::Structure::builder("part").field("part", id).build();
            report.part(event, id, u64::from(event == "part-closed"), fields);
        };
        let many = SHOWN as u64 + 500;
        say("part-opened", 0);
        for id in 1..=many {
            say("part-opened", id);
            say("part-closed", id);
        }
        let files = report.files();
        let parts = files.get::<gst::Array>("parts").unwrap();
        let id = |index: usize| {
            let part = parts.as_slice()[index].get::<gst::Structure>().unwrap();
            part.get::<u64>("part").unwrap()
        };
        assert_eq!(parts.len(), SHOWN);
        assert_eq!((id(0), id(SHOWN - 1)), (0, many));
        let stats = report.stats();
        assert_eq!(stats.get::<u64>("parts-open"), Ok(1));
        assert_eq!(stats.get::<u64>("parts-closed"), Ok(many));
        assert_eq!(stats.get::<u64>("bytes"), Ok(many));
    }
}
