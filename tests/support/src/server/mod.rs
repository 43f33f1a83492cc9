// SPDX-License-Identifier: MPL-2.0
//! A room server with faults as switches (protocol 9.1 and 9.2).
//!
//! [`RoomServer`] is the handle. One thread runs one loop (`hub`), which passes every message
//! through the dialect's rules (`hosted`, `relay`) and then through the faults; a task per
//! connection (`socket`) reads and writes. The rules know nothing of sockets. On the same port
//! (`http`) there may be pages for browsers (`pages`, `status`).

mod hosted;
mod http;
mod hub;
mod pages;
mod relay;
mod rules;
mod socket;
mod status;
mod tls;

use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use smol::{
    LocalExecutor,
    channel::{Sender, unbounded},
};

pub use pages::Pages;
pub use rules::{Dialect, LeaveNotice, RoomEvent};
pub use socket::Closing;
pub use tls::Certificate;

use crate::log::{Log, LogEntry};

use hub::{Hub, Input, Watcher};
use rules::Rules;

/// In which order candidates and offers of publishers reach a viewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Candidates {
    #[default]
    AsSent,
    /// The first candidate overtakes the offer.
    BeforeOffer,
    DelayedBy(Duration),
}

/// What the server does wrong. All off by default.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub candidates: Candidates,
    /// So many of the next `offerSDP` requests are lost.
    pub drop_offer_requests: u32,
    /// `someonejoined` and `videoaddedtoroom` are sent twice.
    pub duplicate_increments: bool,
    /// A second seeder with the same stream ID is let in.
    pub allow_duplicate_streams: bool,
    /// What a room is told when a member's socket closes.
    pub leave_notice: LeaveNotice,
    /// Messages are read, and nothing is ever said.
    pub never_answer: bool,
    /// Connections are accepted, and their handshake is never answered.
    pub ignore_handshakes: bool,
}

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

/// How a server is to be started.
pub struct RoomServerBuilder {
    listen: SocketAddr,
    dialect: Dialect,
    certificate: Option<Certificate>,
    watcher: Option<Watcher>,
    pages: Pages,
}

impl RoomServerBuilder {
    /// Address to listen on; port 0 takes a free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Serves `wss` with this certificate.
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Called from the server's thread for every join, seed and leave.
    pub fn on_event(mut self, watcher: impl Fn(&RoomEvent) + Send + 'static) -> Self {
        self.watcher = Some(Box::new(watcher));
        self
    }

    /// Has pages on the same port, over `http`, or `https` if there is a certificate.
    pub fn pages(mut self, pages: Pages) -> Self {
        self.pages = pages;
        self
    }

    pub fn start(self) -> io::Result<RoomServer> {
        let tls = self
            .certificate
            .as_ref()
            .map(Certificate::acceptor)
            .transpose();
        let tls = tls.map_err(io::Error::other)?;
        let listener = TcpListener::bind(self.listen)?;
        let address = listener.local_addr()?;
        let listener = smol::net::TcpListener::try_from(listener)?;
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        let (input, inputs) = unbounded();
        let faults = Arc::<Mutex<Faults>>::default();
        let log = Arc::<Log>::default();
        let mut server = RoomServer {
            url: format!("{scheme}://{address}"),
            address,
            input: input.clone(),
            faults: faults.clone(),
            log: log.clone(),
            thread: None,
        };
        let (dialect, watcher, pages) = (self.dialect, self.watcher, self.pages);
        let run = move || {
            let executor = Rc::new(LocalExecutor::new());
            executor
                .spawn(hub::accept(listener, input.clone()))
                .detach();
            let hub = Hub {
                executor: executor.clone(),
                tls,
                input,
                dialect,
                rules: Rules::new(dialect),
                pages: Rc::new(pages),
                faults,
                log,
                watcher,
                sockets: HashMap::new(),
                held: vec![],
                accepted: 0,
                started: Instant::now(),
                connected: HashMap::new(),
            };
            smol::block_on(executor.run(hub.run(inputs)));
        };
        let thread = thread::Builder::new().name("room-server".into());
        server.thread = Some(thread.spawn(run)?);
        Ok(server)
    }
}

/// A running server. Dropping it stops it.
pub struct RoomServer {
    url: String,
    address: SocketAddr,
    input: Sender<Input>,
    faults: Arc<Mutex<Faults>>,
    log: Arc<Log>,
    thread: Option<thread::JoinHandle<()>>,
}

impl RoomServer {
    /// A server for 127.0.0.1 on a free port, hosted dialect, without TLS.
    pub fn builder() -> RoomServerBuilder {
        RoomServerBuilder {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            dialect: Dialect::default(),
            certificate: None,
            watcher: None,
            pages: Pages::default(),
        }
    }

    /// A server of this dialect on a free port of 127.0.0.1.
    pub fn start(dialect: Dialect) -> Self {
        Self::builder()
            .dialect(dialect)
            .start()
            .expect("a free port on 127.0.0.1")
    }

    /// `ws://127.0.0.1:PORT` or `wss://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `http://127.0.0.1:PORT` or `https://…`: where the pages are.
    pub fn pages_url(&self) -> String {
        self.url.replacen("ws", "http", 1)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the faults; takes effect with the next message.
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.faults.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Says `json` to the chosen sockets, whatever the rules say.
    pub fn say(&self, who: Who, json: Value) {
        self.tell(Input::Say(who, json));
    }

    /// Sends an alert (protocol 1.3).
    pub fn alert(&self, who: Who, message: &str) {
        self.say(who, json!({"request": "alert", "message": message}));
    }

    /// Closes the chosen sockets.
    pub fn close(&self, who: Who, closing: Closing) {
        self.tell(Input::Close(who, closing));
    }

    /// Moves the chosen members to another room, as a director's `migrate` does (hosted only).
    pub fn transfer(&self, who: Who, roomid: &str) {
        self.tell(Input::Transfer(who, roomid.into()));
    }

    /// The conversation so far.
    pub fn log(&self) -> Vec<LogEntry> {
        self.log.entries()
    }

    /// The conversation as lines of text, for the message of a failed assertion.
    pub fn conversation(&self) -> String {
        self.log()
            .iter()
            .map(|entry| format!("{entry}\n"))
            .collect()
    }

    /// Waits until an entry of the log satisfies the condition; the error is the conversation.
    pub fn wait_for(
        &self,
        timeout: Duration,
        condition: impl Fn(&LogEntry) -> bool,
    ) -> Result<LogEntry, String> {
        let found = self.log.wait_for(timeout, condition);
        found.ok_or_else(|| format!("not seen within {timeout:?}:\n{}", self.conversation()))
    }

    /// Ends all connections and the server's thread.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn tell(&self, input: Input) {
        // Fails only when the server has stopped, and then there is nobody to tell.
        let _ = self.input.try_send(input);
    }

    fn shut_down(&mut self) {
        self.tell(Input::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for RoomServer {
    fn drop(&mut self) {
        self.shut_down();
    }
}
