// SPDX-License-Identifier: MPL-2.0
//! What the server's one loop is told: by connections, by pages, and by whoever runs the server.

#[cfg(feature = "faults")]
use async_tungstenite::tungstenite::Utf8Bytes;
use futures_rustls::TlsAcceptor;
use hyper::body::Bytes;
use serde_json::Value;
use smol::channel::Sender;

use crate::{
    limits::{Accepted, Closing},
    rules::SocketId,
};

/// Sockets that an action is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    Everyone,
    /// Those that seed no stream.
    Viewers,
    Publishers,
    /// The publisher whose stream ID starts with this.
    Stream(String),
    Uuid(String),
}

impl Who {
    /// Shorthand for [`Who::Stream`].
    pub fn stream(id: &str) -> Self {
        Self::Stream(id.into())
    }
}

pub enum Input {
    Accepted(Accepted),
    Connected(SocketId),
    Text(SocketId, String),
    Closed(SocketId),
    /// What a fault has held back.
    #[cfg(feature = "faults")]
    Late(Late),
    Say(Who, Value),
    Close(Who, Closing),
    Transfer(Who, String),
    /// For connections to come.
    Certificate(TlsAcceptor),
    /// The pages ask who is there, and what the server is.
    Status(Sender<Bytes>),
    About(Sender<Bytes>),
    Stop,
}

#[cfg(feature = "faults")]
pub enum Late {
    Deliver { to: SocketId, text: Utf8Bytes },
    Release { from: SocketId, to: SocketId },
}
