// SPDX-License-Identifier: MPL-2.0
//! What the user has set: one table of properties, and what becomes of their values.
//!
//! Plain data. The element holds it under a lock and copies it; control and connections get what they
//! need of it when the room is joined.

mod field;
mod ice;
mod table;
mod types;
mod values;
mod wish;

pub use types::{Dialect, Engine};

pub(crate) use ice::IceServers;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use ice::PortRange;
#[cfg(test)]
pub(crate) use ice::TurnUrl;
pub(crate) use table::{
    AUDIO_BITRATES, Changed, DOC_URI, PROPERTIES, Settings, VIDEO_BITRATES, is_secret,
};
pub(crate) use values::SettingsError;
pub(crate) use wish::Wish;
