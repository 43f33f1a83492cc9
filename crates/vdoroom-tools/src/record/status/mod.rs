// SPDX-License-Identifier: MPL-2.0
//! What there is to show, as plain values: [`Status`] is made once a second from the properties
//! `stats`, from what the recorder's messages said ([`Parts`]), and from a look at the disk
//! ([`Disk`], which has a thread of its own).

// From bottom to top: imports run downwards only.
mod disk;
mod parts;

mod values;

pub use disk::Disk;
pub use parts::Parts;
pub use values::{Files, Room, Status, Stream, Track, structures};
