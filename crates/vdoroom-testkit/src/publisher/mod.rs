// SPDX-License-Identifier: MPL-2.0
//! Publishers built from GStreamer, in the four flavours that a viewer meets (protocol 4.5).
//!
//! Tests and examples, and `chaos`, make them with [`Publisher::builder`] and hold the handle
//! [`Publisher`], on any thread. One thread of each publisher (`conversation`) owns the socket
//! (`wire`) and the webrtcbin of each viewer; one pipeline (`media`) draws and encodes for all of
//! them. What a viewer does wrong is collected as *complaints*.

mod builder;
mod conversation;
mod criticals;
mod faults;
mod flavour;
mod handle;
mod media;
mod settings;
mod status;
mod time;
mod wire;

pub use builder::PublisherBuilder;
pub use flavour::Flavour;
pub use handle::Publisher;
pub use media::{AudioCodec, Codec, Encoded, Film, Script, Sent, Showing, Unit};
pub use settings::Moment;
pub use time::{SenderReports, Timeline};
pub use wire::Traffic;
