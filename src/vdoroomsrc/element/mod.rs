// SPDX-License-Identifier: MPL-2.0
//! The element as applications see it: properties, signals, states, and a room as a URI.
//!
//! GStreamer and applications call it, on any thread. It starts the two threads of a source, and tells
//! them what it hears by events and commands; `control` alone does anything to connections and pads.

mod imp;
mod object;
mod signals;
mod uri;

pub use object::VdoRoomSrc;
