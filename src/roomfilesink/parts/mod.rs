// SPDX-License-Identifier: MPL-2.0
//! One file of one person: its multiplexer and writer (`part`), and all that is told of it in the
//! manifest, the signals and the properties. `mark` is a moment that is told beside the parts.
//!
//! Sessions and `control` call it, on the control thread. A part reports by a callback, which the
//! threads of its file call. Properties are read on any thread (`report`).

mod clock;
mod damage;
mod field;
mod mark;
mod part;
mod progress;
mod record;
mod report;

pub(crate) use clock::{Anchor, take_anchor};
pub(crate) use field::{Field, json, structure, utc_text};
pub(crate) use mark::Mark;
pub(crate) use part::{Part, PartEvent, PartId, PartSpec};
pub(crate) use progress::Progress;
pub(crate) use record::{PartRecord, Person, Reason, TrackRecord};
pub(crate) use report::Report;
