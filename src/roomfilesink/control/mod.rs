// SPDX-License-Identifier: MPL-2.0
//! The control thread: it takes messages, has sessions decide, and carries out what they decide.
//!
//! The element starts and stops it; all others send messages. The manifest is written from here, and
//! signals are handed to a thread of their own (`announcer`).

mod announcer;
mod manifest;
mod run;
mod thread;

pub(crate) use announcer::{Announcer, Announcing};
pub(crate) use run::Run;
pub(crate) use thread::{Control, SHUTDOWN};
