// SPDX-License-Identifier: MPL-2.0
//! What comes in, as values: codecs and containers, formats and frames, what files and tracks are
//! called, and the track of a pad.
//!
//! The lowest floor: everything above may call it, on any thread. A track and the list of tracks are
//! what streaming threads share with the control thread; nothing else here has a lock.

mod caption;
mod coded;
mod container;
mod format;
mod leading;
mod parameter_sets;
mod track;
mod tracks;

pub(crate) use caption::{Caption, Heading, Language};
pub(crate) use coded::Coded;
pub use container::ContainerChoice;
pub(crate) use container::{Codec, Container, Kind, RECORDED};
pub(crate) use format::{Format, Frame};
pub(crate) use leading::Leading;
pub(crate) use track::{Track, TrackId};
pub(crate) use tracks::Tracks;
