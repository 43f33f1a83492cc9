// SPDX-License-Identifier: MPL-2.0
//! What a connection receives, and what it wants done.

use std::net::SocketAddr;
use std::time::Instant;

use crate::event::{Event, Packet};

#[derive(Debug)]
pub(crate) enum Action {
    Send {
        from: SocketAddr,
        to: SocketAddr,
        datagram: Vec<u8>,
    },
    Packet(Packet),
    Event(Event),
    Heard(Instant),
    /// The consumer is called for nothing else.
    Poked,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagram<'a> {
    /// When it came, which may be before it was read.
    pub came: Instant,
    /// Our address and the sender's.
    pub path: (SocketAddr, SocketAddr),
    pub bytes: &'a [u8],
}
