// SPDX-License-Identifier: MPL-2.0
//! The conversation of a publisher with the server and with each viewer.
//!
//! The builder starts it on a thread of its own, the control thread; nothing else calls it. The
//! handle sends it events.

mod candidates;
mod context;
mod control;
mod peer;
mod viewer;

pub use context::Context;
pub use control::Control;
