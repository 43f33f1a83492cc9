// SPDX-License-Identifier: MPL-2.0
//! A room server with faults as switches (protocol 9.1 and 9.2).
//!
//! [`RoomServer`] is the handle. One thread runs one loop (`hub`), which passes every message
//! through the dialect's rules (`hosted`, `relay`) and then through the faults; a task per
//! connection (`socket`) reads and writes. The rules know nothing of sockets. On the same port
//! (`http`) there may be pages for browsers (`pages`, `status`).
//!
//! What clients may cost is in `limits`: who may connect (`gate`), how much is read of a connection
//! (`traffic`), and what may wait to be sent on it (`queue`).

mod builder;
mod faults;
pub mod fuzzing;
mod gate;
mod hosted;
mod http;
mod hub;
mod limits;
mod pages;
mod queue;
mod relay;
mod rooms;
mod rules;
mod socket;
mod status;
mod tls;
mod traffic;
pub mod web;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use smol::channel::Sender;

pub use builder::RoomServerBuilder;
pub use faults::{Candidates, Faults};
pub use limits::Limits;
pub use pages::Pages;
pub use rules::{Dialect, LeaveNotice, RoomEvent};
pub use socket::Closing;
pub use tls::Certificate;

use crate::log::{Log, LogEntry};

use hub::Input;

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

/// A running server. Dropping it stops it.
pub struct RoomServer {
    url: String,
    address: SocketAddr,
    input: Sender<Input>,
    faults: Arc<Mutex<Faults>>,
    log: Option<Arc<Log>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl RoomServer {
    /// A server for 127.0.0.1 on a free port, hosted dialect, without TLS.
    pub fn builder() -> RoomServerBuilder {
        RoomServerBuilder::default()
    }

    /// A server for tests: of this dialect, on a free port of 127.0.0.1, with a log, and without a
    /// limit for messages, so that what a hostile guest says reaches the others.
    pub fn start(dialect: Dialect) -> Self {
        let limits = Limits {
            messages: u32::MAX,
            ..Limits::default()
        };
        Self::builder()
            .dialect(dialect)
            .limits(limits)
            .logged()
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

    /// Shows another certificate to those who connect from now on; nothing changes for the others.
    pub fn replace_certificate(&self, certificate: &Certificate) -> Result<(), String> {
        self.tell(Input::Certificate(certificate.acceptor()?));
        Ok(())
    }

    /// The conversation so far. Only a server that was built [`logged`](RoomServerBuilder::logged)
    /// has one.
    pub fn log(&self) -> Vec<LogEntry> {
        self.kept().entries()
    }

    fn kept(&self) -> &Log {
        let log = self.log.as_ref();
        log.expect("a server whose log is read is built with `logged`")
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
        let found = self.kept().wait_for(timeout, condition);
        found.ok_or_else(|| format!("not seen within {timeout:?}:\n{}", self.conversation()))
    }

    /// Ends all connections and the server's thread.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn tell(&self, input: Input) {
        // Fails only when the server has stopped, and then there is nothing to tell.
        let _ = self.input.send_blocking(input);
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
