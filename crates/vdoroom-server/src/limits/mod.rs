// SPDX-License-Identifier: MPL-2.0
//! What clients may cost a server, whoever they are: who may connect (`gate`, `accept`), how much is
//! read of a connection (`traffic`), and what may wait to be sent on it (`queue`).
//!
//! Everything else in this crate may call it, on the server's thread; it knows nothing of rooms.
//! From bottom to top: `numbers`, `network`, `allowance`, `gate`, `accept`, `traffic`, `queue`.

mod accept;
mod allowance;
mod gate;
mod network;
mod numbers;
mod queue;
mod traffic;

pub use accept::{Accepted, next};
pub use allowance::Allowance;
pub use gate::{Gate, SharedGate, Ticket};
pub use network::Network;
pub use numbers::{INPUTS, Limits, MAX_MESSAGE, MAX_NAME, MAX_WAITING, SEND_TIMEOUT};
pub use queue::{Closing, Inbox, Outbox, Outgoing, Waiting, queue};
pub use traffic::Traffic;
