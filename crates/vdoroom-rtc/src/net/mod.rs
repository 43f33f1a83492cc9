// SPDX-License-Identifier: MPL-2.0
//! Sockets, the I/O thread, and who is told what there. What decides is in values: whose a datagram
//! is (`demux`), who is called when (`timers`), how long the thread rests (`rest`).

mod addresses;
mod command;
mod connection;
mod connections;
mod demux;
mod names;
mod rest;
mod session;
mod socket;
mod sockets;
#[cfg(test)]
mod tests;
mod thread;
mod timers;
mod wires;

pub use connection::Connection;
pub use rest::REST;
