// SPDX-License-Identifier: MPL-2.0
//! Sockets, the I/O thread, and who is told what there. What decides is in values: whose a datagram
//! is (`demux`), who is called when (`timers`), when the next batch is taken (`batch`).

mod addresses;
mod batch;
mod command;
mod connection;
mod connections;
mod demux;
mod lag;
mod names;
mod session;
mod socket;
mod sockets;
#[cfg(test)]
mod tests;
mod thread;
mod timers;
mod wires;

pub use batch::BATCH_INTERVAL;
pub use connection::Connection;
