// SPDX-License-Identifier: MPL-2.0
//! Who is connected, and what is sent to whom.

use std::{collections::HashMap, rc::Rc, time::Instant};

use async_tungstenite::tungstenite::Utf8Bytes;
use futures_rustls::TlsAcceptor;
use hyper::body::Bytes;
use smol::{LocalExecutor, Task, channel::Sender};

#[cfg(feature = "faults")]
use crate::log::Direction;
use crate::{
    input::{Input, Who},
    limits::{Allowance, Limits, Outbox, Outgoing, Ticket, Waiting},
    pages::Pages,
    rules::{Dialect, RoomEvent, Rules, SocketId},
};

#[cfg(feature = "faults")]
use super::switches::{Held, Testing};

pub type Watcher = Box<dyn Fn(&RoomEvent) + Send>;

pub struct Hub {
    pub executor: Rc<LocalExecutor<'static>>,
    pub tls: Option<TlsAcceptor>,
    pub input: Sender<Input>,
    pub dialect: Dialect,
    pub limits: Limits,
    pub rules: Rules,
    pub pages: Rc<Pages>,
    #[cfg(feature = "faults")]
    pub testing: Testing,
    pub watcher: Option<Watcher>,
    pub connections: HashMap<SocketId, Connection>,
    pub waiting: Waiting,
    /// Those who did not read what they were sent.
    pub too_slow: Vec<SocketId>,
    /// Offers that wait for a candidate to pass them.
    #[cfg(feature = "faults")]
    pub held: Vec<Held>,
    pub accepted: SocketId,
    pub started: Instant,
    pub status: Option<(Instant, Bytes)>,
}

pub struct Connection {
    pub outbox: Outbox,
    pub allowance: Allowance,
    pub ticket: Ticket,
    /// When the websocket was opened.
    pub since: Option<Instant>,
    /// Dropping it ends the connection.
    pub _task: Task<()>,
}

impl Hub {
    pub fn send(&mut self, to: SocketId, text: Utf8Bytes) {
        #[cfg(feature = "faults")]
        self.note(to, Direction::Sent, &text);
        self.push(to, Outgoing::Text(text));
    }

    /// The server's own words, as whoever runs it wants them.
    pub fn say(&mut self, to: SocketId, text: Utf8Bytes) {
        #[cfg(feature = "faults")]
        self.note(to, Direction::Sent, &text);
        let connection = self.connections.get(&to);
        if connection.is_some_and(|c| !c.outbox.push_own(Outgoing::Text(text))) {
            self.too_slow.push(to);
        }
    }

    pub fn push(&mut self, to: SocketId, outgoing: Outgoing) {
        let Some(connection) = self.connections.get(&to) else {
            return;
        };
        if !connection.outbox.push(outgoing) {
            self.too_slow.push(to);
        } else if self.waiting.is_too_much() {
            let connections = self.connections.iter();
            let longest = connections.max_by_key(|(_, connection)| connection.outbox.bytes());
            self.too_slow.extend(longest.map(|(id, _)| *id));
        }
    }

    /// Keeps it for tests.
    #[cfg(feature = "faults")]
    pub fn note(&self, id: SocketId, direction: Direction, text: &str) {
        if let Some(log) = &self.testing.log {
            let who = match self.rules.names(id) {
                (_, Some(stream_id)) => format!("#{id} {stream_id}"),
                _ => format!("#{id}"),
            };
            log.add(who, direction, text);
        }
    }

    pub fn select(&self, who: &Who) -> Vec<SocketId> {
        let chosen = |id: &SocketId| {
            let (uuid, stream_id) = self.rules.names(*id);
            match who {
                Who::Everyone => true,
                Who::Viewers => stream_id.is_none(),
                Who::Publishers => stream_id.is_some(),
                Who::Stream(name) => stream_id.is_some_and(|id| is_stream(id, name)),
                Who::Uuid(name) => uuid == Some(name),
            }
        };
        let ids = self.connections.keys().copied();
        let mut ids: Vec<SocketId> = ids.filter(chosen).collect();
        ids.sort_unstable();
        ids
    }
}

/// The wire's ID has a suffix of six characters if there is a password (protocol 2.5).
fn is_stream(wire: &str, name: &str) -> bool {
    let suffix = wire.strip_prefix(name).map(str::len);
    matches!(suffix, Some(0 | 6))
}
