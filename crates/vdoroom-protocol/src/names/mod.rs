// SPDX-License-Identifier: MPL-2.0
//! Names as people type them and as they are sent, and what else a password does (protocol 2, 4.4).
//!
//! The door is for everything above that names a stream or a peer, or opens what is sealed.

mod globs;
mod hashes;
mod secret;

pub use globs::{Globs, is_glob};
pub use hashes::{PeerId, RoomHash};
pub use secret::{SealError, Sealed, Secrets};
