// SPDX-License-Identifier: MPL-2.0
//! The clocks of a publisher: of its machine and of its sound card, and what it reports of them.
//!
//! The settings hold the values. `media` runs its pipelines by them, on the caller's thread;
//! `conversation` puts the probes of `reports` on each webrtcbin, on the control thread. The probes
//! run on threads of GStreamer.

mod card;
pub mod reports;
mod timeline;
mod times;

pub use card::SoundCard;
pub use reports::SenderReports;
pub use timeline::Timeline;
pub use times::Times;
