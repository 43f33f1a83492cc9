// SPDX-License-Identifier: MPL-2.0
//! What the properties `files` and `stats` show.

use gst::glib::value::ToSendValue;

use super::record::PartRecord;

#[derive(Default)]
pub(super) struct Report {
    /// Part number in the process and its latest fields.
    parts: Vec<(u64, gst::Structure)>,
    open: u64,
    closed: u64,
    failed: u64,
    bytes: u64,
}

impl Report {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Notes `part-opened`, `part-closed` or `part-failed`.
    pub(super) fn part(&mut self, event: &str, part: &PartRecord, fields: gst::Structure) {
        let known = self.parts.iter_mut().find(|(id, _)| *id == part.id);
        let was_open = known.is_some();
        match known {
            Some((_, latest)) => *latest = fields,
            None => self.parts.push((part.id, fields)),
        }
        match event {
            "part-opened" => self.open += 1,
            "part-closed" => self.closed += 1,
            _ => self.failed += 1,
        }
        if event != "part-opened" {
            self.open -= u64::from(was_open).min(self.open);
            self.bytes += part.bytes;
        }
    }

    pub(super) fn files(&self) -> gst::Structure {
        let parts = self.parts.iter().map(|(_, part)| part.to_send_value());
        gst::Structure::builder("files")
            .field("parts", gst::Array::new(parts))
            .build()
    }

    pub(super) fn stats(&self) -> gst::Structure {
        gst::Structure::builder("stats")
            .field("parts-open", self.open)
            .field("parts-closed", self.closed)
            .field("parts-failed", self.failed)
            .field("bytes", self.bytes)
            .build()
    }
}
