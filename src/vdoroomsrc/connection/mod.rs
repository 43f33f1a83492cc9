// SPDX-License-Identifier: MPL-2.0
//! One WebRTC connection to one publisher, what was agreed for it, whether it is alive.
//!
//! Only `control` calls it, on the control thread, which owns a `session` for each connection; the
//! element asks `names` whose a message is, on any thread. `link` is what a session needs of an engine,
//! and `webrtcbin` and `native` are the engines. The other files are a session's parts: plain states
//! (`alive`, `connectivity`, `ending`, `pads`, `repair`), what it does with them (`negotiation`, `news`,
//! `polls`, `identity`), and what is left of it (`remains`), which stops on a thread of its own.

mod alive;
mod connectivity;
mod ending;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod link;
mod names;
#[cfg(feature = "native")]
mod native;
mod negotiation;
mod news;
mod pads;
mod polls;
mod remains;
mod repair;
mod sdp;
mod session;
mod webrtcbin;

pub(crate) use connectivity::Connectivity;
pub(crate) use ending::Ending;
#[cfg(feature = "native")]
pub(crate) use identity::MISMATCH;
pub(crate) use link::{FAILED, Numbers, Received, Transport};
pub(crate) use names::{element_prefix, session_of};
pub(crate) use pads::{UnselectedPad, WaitingPad};
pub(crate) use remains::{Parts, Remains};
pub(crate) use sdp::{Promised, Refusal};
pub(crate) use session::{Peer, Session};
