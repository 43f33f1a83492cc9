// SPDX-License-Identifier: MPL-2.0
//! The GObject: its state changes (`imp`), properties and signals, and the request pads, which turn
//! what comes in into messages.
//!
//! The highest floor: nobody calls it but GStreamer, the pads on the threads of their sources,
//! everything else on those of the application.

mod imp;
mod pads;
mod properties;
mod signals;

pub use imp::RoomFileSink;
