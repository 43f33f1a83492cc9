// SPDX-License-Identifier: MPL-2.0
//! An internet of one's own: hosts that are network namespaces, made by a test and gone with it.
//!
//! ```text
//! alice ── NAT ──┐            ┌── server
//!                ├── router ──┤
//! recorder ──────┘            └── turn
//! ```
//!
//! Everything is connected inside namespaces of this test; none has a way out of them, and the
//! machine's own network is not touched. A [`Host`] runs threads and programs. Hosts behind
//! [`Behind::SymmetricNat`] are reached by nobody whom they have not spoken to first, each pair of
//! ends through a port of its own.
//!
//! Tests call this on any thread, and so does `turn`. The calling thread stays in its own namespace;
//! what a host runs has a thread in the host's, and a [`Relay`] has one until it is dropped.

mod host;
mod impairment;
mod internet;
mod namespace;
mod network;
mod relay;

pub use host::{Host, Names, Trap};
pub use impairment::{Impairment, Line};
pub use internet::{Behind, Internet};
pub use network::Family;
pub use relay::Relay;
