// SPDX-License-Identifier: MPL-2.0
//! The server's one loop: what sockets and the test say goes through the rules and the faults.

use std::{
    collections::HashMap,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_rustls::TlsAcceptor;
use serde_json::Value;
use smol::{
    LocalExecutor, Timer,
    channel::{Receiver, Sender, bounded},
    net::{TcpListener, TcpStream},
};

use crate::log::{Direction, Log};

use super::{
    Candidates, Faults, Pages, Who,
    rules::{Dialect, Effect, Leniency, RoomEvent, Rules, SocketId},
    socket::{self, Closing, Outgoing},
    status,
};

/// A client that lets this many messages pile up is cut off.
const OUTGOING: usize = 512;
/// An offer is not held back for longer than this while its candidates are awaited.
const HOLD: Duration = Duration::from_secs(1);

pub enum Input {
    Accepted(TcpStream),
    Connected(SocketId),
    Text(SocketId, String),
    Closed(SocketId),
    Deliver {
        to: SocketId,
        text: String,
    },
    Release {
        from: SocketId,
        to: SocketId,
    },
    Say(Who, Value),
    Close(Who, Closing),
    Transfer(Who, String),
    /// The pages ask who is there, and what the server is.
    Status(Sender<Value>),
    About(Sender<Value>),
    Stop,
}

pub type Watcher = Box<dyn Fn(&RoomEvent) + Send>;

pub struct Hub {
    pub executor: Rc<LocalExecutor<'static>>,
    pub tls: Option<TlsAcceptor>,
    pub input: Sender<Input>,
    pub dialect: Dialect,
    pub rules: Rules,
    pub pages: Rc<Pages>,
    pub faults: Arc<Mutex<Faults>>,
    pub log: Arc<Log>,
    pub watcher: Option<Watcher>,
    pub sockets: HashMap<SocketId, Sender<Outgoing>>,
    /// Offers that wait for a candidate to pass them.
    pub held: Vec<Held>,
    pub accepted: SocketId,
    pub started: Instant,
    /// When each websocket was opened.
    pub connected: HashMap<SocketId, Instant>,
}

pub struct Held {
    from: SocketId,
    to: SocketId,
    text: String,
}

/// Accepts connections until the hub is gone.
pub async fn accept(listener: TcpListener, hub: Sender<Input>) {
    loop {
        let sent = match listener.accept().await {
            Ok((tcp, _)) => hub.send(Input::Accepted(tcp)).await,
            // Out of descriptors, or the client is gone again: others may fare better.
            Err(_) => {
                Timer::after(Duration::from_millis(100)).await;
                Ok(())
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

impl Hub {
    pub async fn run(mut self, inputs: Receiver<Input>) {
        while let Ok(input) = inputs.recv().await {
            match input {
                Input::Accepted(tcp) => self.accepted(tcp),
                Input::Connected(id) => {
                    self.rules.connected(id);
                    self.connected.insert(id, Instant::now());
                }
                Input::Text(id, text) => self.text(id, &text),
                Input::Closed(id) => self.closed(id),
                Input::Deliver { to, text } => self.send(to, text),
                Input::Release { from, to } => self.release(from, to),
                Input::Say(who, json) => {
                    let text = json.to_string();
                    self.select(&who)
                        .into_iter()
                        .for_each(|id| self.send(id, text.clone()));
                }
                Input::Close(who, closing) => {
                    for id in self.select(&who) {
                        self.push(id, Outgoing::Close(closing));
                    }
                }
                Input::Transfer(who, room) => self.transfer(&who, &room),
                // Who asks may be gone by now.
                Input::Status(answer) => drop(answer.try_send(self.status())),
                Input::About(answer) => {
                    drop(answer.try_send(self.pages.about(self.dialect)));
                }
                Input::Stop => return,
            }
        }
    }

    fn faults(&self) -> Faults {
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

    fn accepted(&mut self, tcp: TcpStream) {
        self.accepted += 1;
        let id = self.accepted;
        if self.faults().ignore_handshakes {
            // Keeps the connection open and says nothing.
            self.executor
                .spawn(async move {
                    let _open = tcp;
                    std::future::pending::<()>().await;
                })
                .detach();
            return;
        }
        let (sender, outgoing) = bounded(OUTGOING);
        self.sockets.insert(id, sender);
        let served = socket::serve(
            id,
            tcp,
            self.tls.clone(),
            self.pages.clone(),
            self.input.clone(),
            outgoing,
        );
        self.executor.spawn(served).detach();
    }

    fn text(&mut self, id: SocketId, text: &str) {
        self.log.add(self.name(id), Direction::Received, text);
        let effects = self.rules.message(id, text, self.leniency());
        if self.faults().never_answer {
            return;
        }
        self.apply(effects);
    }

    fn closed(&mut self, id: SocketId) {
        self.sockets.remove(&id);
        self.connected.remove(&id);
        self.held.retain(|held| held.from != id && held.to != id);
        let effects = self.rules.disconnected(id, self.leniency());
        self.apply(effects);
    }

    fn status(&self) -> Value {
        let mut ids: Vec<_> = self.connected.iter().collect();
        ids.sort_unstable();
        let members = ids.into_iter().map(|(id, since)| status::Member {
            room: self.rules.room(*id),
            stream_id: self.rules.names(*id).1,
            connected: since.elapsed(),
        });
        status::status(members, self.started.elapsed())
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

    /// Sends a message as the faults let it.
    fn deliver(&mut self, to: SocketId, from: Option<SocketId>, text: String) {
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        if json["request"] == "offerSDP" && self.use_up_offer_drop() {
            return self.log.add(self.name(to), Direction::Dropped, &text);
        }
        let faults = self.faults();
        let increment = matches!(
            json["request"].as_str(),
            Some("someonejoined" | "videoaddedtoroom")
        );
        if increment && faults.duplicate_increments {
            self.send(to, text.clone());
        }
        let is_offer = json.get("description").is_some() && json.get("streamID").is_some();
        let is_candidate = json.get("candidates").is_some() || json.get("candidate").is_some();
        match (faults.candidates, from) {
            (Candidates::BeforeOffer, Some(from)) if is_offer => self.hold(from, to, text),
            (Candidates::BeforeOffer, Some(from)) if is_candidate => {
                self.send(to, text);
                self.release(from, to);
            }
            (Candidates::DelayedBy(delay), _) if is_candidate => {
                self.later(delay, Input::Deliver { to, text });
            }
            _ => self.send(to, text),
        }
    }

    fn use_up_offer_drop(&self) -> bool {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let drop = faults.drop_offer_requests > 0;
        faults.drop_offer_requests = faults.drop_offer_requests.saturating_sub(1);
        drop
    }

    fn hold(&mut self, from: SocketId, to: SocketId, text: String) {
        self.held.push(Held { from, to, text });
        self.later(HOLD, Input::Release { from, to });
    }

    fn release(&mut self, from: SocketId, to: SocketId) {
        let matches = |held: &mut Held| held.from == from && held.to == to;
        let released: Vec<Held> = self.held.extract_if(.., matches).collect();
        released
            .into_iter()
            .for_each(|held| self.send(held.to, held.text));
    }

    fn later(&self, delay: Duration, input: Input) {
        let hub = self.input.clone();
        let wait = async move {
            Timer::after(delay).await;
            let _ = hub.send(input).await;
        };
        self.executor.spawn(wait).detach();
    }

    fn send(&mut self, to: SocketId, text: String) {
        self.log.add(self.name(to), Direction::Sent, &text);
        self.push(to, Outgoing::Text(text));
    }

    fn push(&mut self, to: SocketId, outgoing: Outgoing) {
        if let Some(sender) = self.sockets.get(&to)
            && sender.try_send(outgoing).is_err()
        {
            // Too slow: dropping the sender ends the socket's loop.
            self.sockets.remove(&to);
        }
    }

    fn name(&self, id: SocketId) -> String {
        match self.rules.names(id) {
            (_, Some(stream_id)) => format!("#{id} {stream_id}"),
            _ => format!("#{id}"),
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
        let mut ids: Vec<SocketId> = self.sockets.keys().copied().filter(chosen).collect();
        ids.sort_unstable();
        ids
    }
}

/// The wire's ID has a suffix of six characters if there is a password (protocol 2.5).
fn is_stream(wire: &str, name: &str) -> bool {
    let suffix = wire.strip_prefix(name).map(str::len);
    matches!(suffix, Some(0 | 6))
}
