// SPDX-License-Identifier: MPL-2.0
//! The server's one loop: what sockets and the test say goes through the rules and the faults.

use std::{
    collections::HashMap,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_tungstenite::tungstenite::Utf8Bytes;
use futures_rustls::TlsAcceptor;
use hyper::body::Bytes;
use rustix::net::sockopt;
use serde_json::Value;
use smol::{
    LocalExecutor, Task, Timer,
    channel::{Receiver, Sender},
    net::{TcpListener, TcpStream},
};

use crate::log::{Direction, Log};

use super::{
    Faults, Pages, Who,
    faults::Held,
    gate::{Gate, SharedGate, Ticket},
    http::Service,
    limits::{Allowance, Limits, SYSTEM_BUFFER},
    queue::{Outbox, Outgoing, Waiting, queue},
    rules::{Dialect, Effect, Leniency, RoomEvent, Rules, SocketId},
    socket::{self, Closing},
    status,
    traffic::Traffic,
};

/// The status page's data is made no more often than this.
const STATUS_AGE: Duration = Duration::from_millis(100);

pub enum Input {
    Accepted(Accepted),
    Connected(SocketId),
    Text(SocketId, String),
    Closed(SocketId),
    Deliver {
        to: SocketId,
        text: Utf8Bytes,
    },
    Release {
        from: SocketId,
        to: SocketId,
    },
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

pub type Watcher = Box<dyn Fn(&RoomEvent) + Send>;

pub struct Hub {
    pub executor: Rc<LocalExecutor<'static>>,
    pub tls: Option<TlsAcceptor>,
    pub input: Sender<Input>,
    pub dialect: Dialect,
    pub limits: Limits,
    pub rules: Rules,
    pub pages: Rc<Pages>,
    pub faults: Arc<Mutex<Faults>>,
    /// Only for a server that was built with one.
    pub log: Option<Arc<Log>>,
    pub watcher: Option<Watcher>,
    pub connections: HashMap<SocketId, Connection>,
    pub waiting: Waiting,
    /// Those who did not read what they were sent.
    pub too_slow: Vec<SocketId>,
    /// Offers that wait for a candidate to pass them.
    pub held: Vec<Held>,
    pub accepted: SocketId,
    pub started: Instant,
    pub status: Option<(Instant, Bytes)>,
}

pub struct Connection {
    outbox: Outbox,
    allowance: Allowance,
    ticket: Ticket,
    /// When the websocket was opened.
    since: Option<Instant>,
    /// Dropping it ends the connection.
    _task: Task<()>,
}

pub struct Accepted {
    pub tcp: TcpStream,
    pub ticket: Ticket,
}

/// The next connection for which there is a place; what is too many is closed at once.
pub async fn next(listener: &TcpListener, gate: &SharedGate) -> Accepted {
    loop {
        match listener.accept().await {
            Ok((tcp, from)) => {
                if let Some(ticket) = Gate::admit(gate, from.ip().into(), Instant::now()) {
                    // These fail for a connection that is gone already.
                    let _ = tcp.set_nodelay(true);
                    let _ = sockopt::set_socket_send_buffer_size(&tcp, SYSTEM_BUFFER);
                    let _ = sockopt::set_socket_recv_buffer_size(&tcp, SYSTEM_BUFFER);
                    return Accepted { tcp, ticket };
                }
            }
            // Out of descriptors, or the client is gone again: others may fare better.
            Err(_) => {
                Timer::after(Duration::from_millis(100)).await;
            }
        }
    }
}

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
                Input::Deliver { to, text } => self.send(to, text),
                Input::Release { from, to } => self.release(from, to),
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

    pub fn faults(&self) -> Faults {
        self.faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn leniency(&self) -> Leniency {
        let faults = self.faults();
        Leniency {
            leave_notice: faults.leave_notice,
            allow_duplicate_streams: faults.allow_duplicate_streams,
        }
    }

    fn accepted(&mut self, Accepted { tcp, ticket }: Accepted) {
        self.accepted += 1;
        let id = self.accepted;
        if self.faults().ignore_handshakes {
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
        let served = socket::serve(id, traffic, service, inbox);
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
        self.log(id, Direction::Received, text);
        let effects = self.rules.message(id, text, self.leniency());
        if self.faults().never_answer {
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
        self.held.retain(|held| held.from != id && held.to != id);
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

    pub fn send(&mut self, to: SocketId, text: Utf8Bytes) {
        self.log(to, Direction::Sent, &text);
        self.push(to, Outgoing::Text(text));
    }

    /// The server's own words, as whoever runs it wants them.
    fn say(&mut self, to: SocketId, text: Utf8Bytes) {
        self.log(to, Direction::Sent, &text);
        let connection = self.connections.get(&to);
        if connection.is_some_and(|c| !c.outbox.push_own(Outgoing::Text(text))) {
            self.too_slow.push(to);
        }
    }

    fn push(&mut self, to: SocketId, outgoing: Outgoing) {
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

    pub fn log(&self, id: SocketId, direction: Direction, text: &str) {
        if let Some(log) = &self.log {
            let who = match self.rules.names(id) {
                (_, Some(stream_id)) => format!("#{id} {stream_id}"),
                _ => format!("#{id}"),
            };
            log.add(who, direction, text);
        }
    }

    fn select(&self, who: &Who) -> Vec<SocketId> {
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
