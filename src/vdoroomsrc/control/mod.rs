// SPDX-License-Identifier: MPL-2.0
//! What the room decided is carried out: the control thread, `vdoroom:ctl`.
//!
//! The element starts it by [`run`] and sends it commands; `thread` has the loop and the state, the
//! other files are what it does, all on that thread. Only what `stats` shows is read on others, and
//! `reaper` stops what has ended on threads of its own, `vdoroom:end`.

mod actions;
mod announce;
mod connections;
mod flow;
mod identity;
mod pads;
mod reaper;
mod reload;
mod selection;
mod stats;
mod taking_apart;
mod thread;
mod warm_up;

pub(crate) use announce::{fail, warn};
pub(crate) use stats::{SharedSessions, stats};
pub(crate) use thread::{Config, run};
pub(crate) use warm_up::wait_for_warm_up;
