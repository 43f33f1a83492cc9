// SPDX-License-Identifier: MPL-2.0
//! What is to be done for a TURN server, and what comes of it.

use std::net::SocketAddr;

use crate::settings::Transport;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A socket is to be opened, in the place of one that may be open. Servers have numbers.
    Open {
        server: usize,
        transport: Transport,
        to: SocketAddr,
    },
    Send {
        server: usize,
        bytes: Vec<u8>,
    },
    Close {
        server: usize,
    },
    /// It receives for us at an address. The other is its own.
    Gained(SocketAddr, SocketAddr),
    /// It does so no more.
    Lost(SocketAddr),
}

/// What was received for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Relayed<'a> {
    /// The server's address for us and the sender's.
    pub path: (SocketAddr, SocketAddr),
    pub bytes: &'a [u8],
}
