// SPDX-License-Identifier: MPL-2.0
//! The server's one loop: what connections, pages and the handle say goes through the rules, and
//! what these want done is done.
//!
//! The builder makes a [`Hub`] and runs it on the server's one thread. Everybody else tells it
//! something by its input, from any thread. From bottom to top: `switches`, `state`, `faults` (or
//! `faithful`, without that feature), and here the loop.

#[cfg(not(feature = "faults"))]
mod faithful;
#[cfg(feature = "faults")]
mod faults;
mod state;
#[cfg(feature = "faults")]
mod switches;

use std::time::{Duration, Instant};

use async_tungstenite::tungstenite::Utf8Bytes;
use hyper::body::Bytes;
use smol::{
    channel::{Receiver, Sender},
    net::TcpListener,
};

#[cfg(feature = "faults")]
use crate::log::Direction;
use crate::{
    connection::{Service, serve},
    input::{Input, Who},
    limits::{Accepted, Allowance, Outgoing, SharedGate, Traffic, next, queue},
    pages::status,
    rules::{Effect, Rules, SocketId},
};

use state::Connection;

pub use state::{Hub, Watcher};
#[cfg(feature = "faults")]
pub use switches::{Candidates, Faults, Testing};

/// The status page's data is made no more often than this.
const STATUS_AGE: Duration = Duration::from_millis(100);

/// Accepts connections until the hub is gone.
pub async fn accept(listener: TcpListener, gate: SharedGate, hub: Sender<Input>) {
    loop {
        let accepted = next(&listener, &gate).await;
        if hub.send(Input::Accepted(accepted)).await.is_err() {
            return;
        }
    }
}

impl Hub {
    pub async fn run(mut self, inputs: Receiver<Input>) {
        while let Ok(input) = inputs.recv().await {
            match input {
                Input::Accepted(accepted) => self.accepted(accepted),
                Input::Connected(id) => self.connected(id),
                Input::Text(id, text) => self.text(id, &text),
                Input::Closed(id) => self.closed(id),
                #[cfg(feature = "faults")]
                Input::Late(late) => self.late(late),
                Input::Say(who, json) => {
                    let text: Utf8Bytes = json.to_string().into();
                    for id in self.select(&who) {
                        self.say(id, text.clone());
                    }
                }
                Input::Close(who, closing) => {
                    for id in self.select(&who) {
                        self.push(id, Outgoing::Close(closing));
                    }
                }
                Input::Transfer(who, room) => self.transfer(&who, &room),
                Input::Certificate(tls) => self.tls = Some(tls),
                // Who asks may be gone by now.
                Input::Status(answer) => drop(answer.try_send(self.status())),
                Input::About(answer) => {
                    let about = self.pages.about(self.dialect).to_string();
                    drop(answer.try_send(about.into()));
                }
                Input::Stop => return,
            }
            // Their end may be too much for others.
            while let Some(id) = self.too_slow.pop() {
                self.closed(id);
            }
        }
    }

    fn accepted(&mut self, Accepted { tcp, ticket }: Accepted) {
        self.accepted += 1;
        let id = self.accepted;
        if self.ignores_handshakes() {
            // Keeps the connection open and says nothing.
            let open = async move {
                let _open = (tcp, ticket);
                std::future::pending::<()>().await;
            };
            return self.executor.spawn(open).detach();
        }
        let (outbox, inbox) = queue(&self.waiting);
        let allowance = Allowance::new(&self.limits, Instant::now());
        let service = Service {
            tls: self.tls.clone(),
            pages: self.pages.clone(),
            hub: self.input.clone(),
            allowance: allowance.clone(),
        };
        let traffic = Traffic::new(tcp, allowance.clone());
        let served = serve(id, traffic, service, inbox);
        let connection = Connection {
            outbox,
            allowance,
            ticket,
            since: None,
            _task: self.executor.spawn(served),
        };
        self.connections.insert(id, connection);
    }

    fn connected(&mut self, id: SocketId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.since = Some(Instant::now());
            self.rules.connected(id, connection.ticket.network());
        }
    }

    fn text(&mut self, id: SocketId, text: &str) {
        // It may have been cut off since it said this.
        if !self.connections.contains_key(&id) {
            return;
        }
        #[cfg(feature = "faults")]
        self.note(id, Direction::Received, text);
        let effects = self.rules.message(id, text, self.leniency());
        if self.never_answers() {
            return;
        }
        let sent = effects.iter().filter_map(|effect| match effect {
            Effect::Send { text, .. } => Some(text.len()),
            Effect::Event(_) => None,
        });
        let (messages, bytes) = sent.fold((0, 0), |(n, sum), len| (n + 1, sum + len));
        if let Some(connection) = self.connections.get(&id) {
            connection.allowance.charge(messages, bytes);
        }
        self.apply(effects);
    }

    fn closed(&mut self, id: SocketId) {
        self.connections.remove(&id);
        self.forget(id);
        let effects = self.rules.disconnected(id, self.leniency());
        self.apply(effects);
    }

    fn status(&mut self) -> Bytes {
        match &self.status {
            Some((at, status)) if at.elapsed() < STATUS_AGE => return status.clone(),
            _ => {}
        }
        let connections = self.connections.iter();
        let mut open: Vec<_> = connections
            .filter_map(|(id, connection)| Some((*id, connection.since?)))
            .collect();
        open.sort_unstable();
        let members = open.into_iter().map(|(id, since)| status::Member {
            room: self.rules.room(id),
            stream_id: self.rules.names(id).1,
            connected: since.elapsed(),
        });
        let status: Bytes = status::status(members, self.started.elapsed())
            .to_string()
            .into();
        self.status = Some((Instant::now(), status.clone()));
        status
    }

    fn transfer(&mut self, who: &Who, room: &str) {
        for id in self.select(who) {
            if let Rules::Hosted(rules) = &mut self.rules {
                let effects = rules.transfer(id, room);
                self.apply(effects);
            }
        }
    }

    fn apply(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Event(event) => {
                    if let Some(watcher) = &self.watcher {
                        watcher(&event);
                    }
                }
                Effect::Send { to, from, text } => self.deliver(to, from, text),
            }
        }
    }
}
