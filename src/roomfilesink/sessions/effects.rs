// SPDX-License-Identifier: MPL-2.0
//! What sessions share, and the effects that they request: they decide, the control thread acts.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::roomfilesink::files::{Fields, Template, absolute};
use crate::roomfilesink::media::{Track, TrackId};
use crate::roomfilesink::messages::Outbox;
use crate::roomfilesink::parts::{Anchor, PartId, PartRecord, Person};
use crate::roomfilesink::settings::Settings;
use crate::utc;

pub(crate) enum Effect {
    Opened(PartRecord),
    Closed(PartRecord),
    Failed {
        part: PartRecord,
        /// The part before failed for the same reason.
        again: bool,
    },
    AskKeyframe(Arc<Track>),
    Warn(String),
    /// A disk is full, in words.
    NoSpace(String),
}

pub(crate) struct Context<'a> {
    pub settings: &'a Settings,
    pub outbox: &'a Outbox,
    pub effects: Vec<Effect>,
    pub template: &'a Template,
    pub anchor: Option<Anchor>,
    /// Parts so far per room and stream: `%n`.
    pub counts: &'a mut HashMap<(String, String), u32>,
    /// It was said that a disk has no space.
    pub is_short: &'a mut bool,
    /// Running time and UTC of now; `None` while running time stands still.
    pub take_anchor: &'a dyn Fn() -> Option<Anchor>,
    /// The linked pads that were asked for under this name and are not at EOS.
    pub pads_named: &'a dyn Fn(&str) -> Vec<TrackId>,
}

impl Context<'_> {
    pub(crate) fn next_part_id(&self) -> PartId {
        // Unique in the process: a part of an earlier run may still report.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// The anchor that holds now. Should running time not run yet, `running_time` is now.
    pub(crate) fn anchor(&mut self, running_time: i64) -> Anchor {
        self.check_anchor();
        *self.anchor.get_or_insert_with(|| Anchor {
            running_time,
            utc_ns: utc::now(),
        })
    }

    /// Replaces an anchor that is right no more.
    pub(crate) fn check_anchor(&mut self) {
        let Some(now) = (self.take_anchor)() else {
            return;
        };
        if self.anchor.is_none_or(|anchor| !anchor.agrees_with(&now)) {
            self.anchor = Some(now);
        }
    }

    /// Asks the track, if there is one, for a keyframe.
    pub(crate) fn ask_for_keyframe(&mut self, track: Option<Arc<Track>>) {
        self.effects.extend(track.map(Effect::AskKeyframe));
    }

    pub(crate) fn count_part(&mut self, person: &Person) -> u32 {
        let key = (person.room.clone(), person.stream.clone());
        let count = self.counts.entry(key).or_insert(0);
        *count += 1;
        *count
    }

    pub(crate) fn file_name(
        &self,
        person: &Person,
        part: u32,
        extension: &str,
        utc_ns: i64,
    ) -> PathBuf {
        absolute(self.template.expand(&Fields {
            room: &person.room,
            stream: &person.stream,
            label: &person.label,
            unix_seconds: utc_ns.div_euclid(1_000_000_000),
            part,
            extension,
        }))
    }
}
