// SPDX-License-Identifier: MPL-2.0
//! What happens to pads when a guest comes, reloads or comes back.
//!
//! - `expose`: a pad of webrtcbin becomes one of the element, once its media has a place on the
//!   timeline (`introduce`), or goes on with one that was kept
//! - `kept`: with a `rejoin-window`, pads outlive their session and wait for the next one
//! - `last_pads`: when a player of one stream has all its pads
//!
//! `control` calls it, on the control thread, and takes apart what is left over.

mod expose;
mod introduce;
mod kept;
mod last_pads;

pub(crate) use expose::{Surroundings, expose};
pub(crate) use kept::{Kept, KeptPads};
pub(crate) use last_pads::gets_last_pad;
