// SPDX-License-Identifier: MPL-2.0
//! What goes between a publisher and the others, and how the control thread hears of it.
//!
//! `conversation` calls all of this on the control thread. The socket is a task on that thread.
//! What GStreamer's threads and the handle have to say comes as an event.

pub mod events;
pub mod link;
pub mod sdp;
pub mod traffic;
pub mod transport;

pub use traffic::Traffic;
