// SPDX-License-Identifier: MPL-2.0
//! One WebRTC connection to one publisher: a webrtcbin, what was agreed for it, whether it is alive.
//!
//! Only `control` calls it, on the control thread, which owns a `session` for each connection; the
//! element asks `names` whose a message is, on any thread. The other files are a session's parts:
//! plain states (`connectivity`, `ending`, `pads`, `ping`, `pulse`, `repair`), what it does with them
//! (`negotiation`, `transport`, `alive`, `identity`), and what is left of it (`remains`), which stops
//! on a thread of its own.

mod alive;
mod connectivity;
mod ending;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod names;
mod negotiation;
mod pads;
mod ping;
mod pulse;
mod remains;
mod repair;
mod sdp;
mod session;
mod transport;
mod webrtcbin;

pub(crate) use connectivity::Connectivity;
pub(crate) use ending::Ending;
pub(crate) use names::{element_prefix, session_of};
pub(crate) use pads::{UnselectedPad, WaitingPad};
pub(crate) use remains::{Parts, Remains};
pub(crate) use sdp::Promised;
pub(crate) use session::{Peer, Session};
pub(crate) use transport::FAILED;
pub(crate) use webrtcbin::{Transport, WebrtcStats, abilities, inbound};
