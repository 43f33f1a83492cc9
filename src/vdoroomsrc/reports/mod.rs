// SPDX-License-Identifier: MPL-2.0
//! What the parts of the source tell each other: commands to the control thread, events to the room.
//!
//! Any folder may call this one, on any thread: nothing here waits. It knows none of the others.

mod backlog;
mod command;
mod events;
mod hold;
mod transport;

pub(crate) use backlog::{Backlog, Ticket};
pub(crate) use command::{Command, Reports, Step, TrackId};
pub(crate) use events::EventSender;
pub(crate) use hold::Hold;
pub(crate) use transport::{Candidate, Layer};
