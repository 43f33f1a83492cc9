// SPDX-License-Identifier: MPL-2.0
//! The handle of a running server.

use std::{net::SocketAddr, thread};

use serde_json::{Value, json};
use smol::channel::Sender;

#[cfg(feature = "faults")]
use crate::hub::Testing;
use crate::{
    connection::Certificate,
    input::{Input, Who},
    limits::Closing,
};

/// A running server. Dropping it stops it.
pub struct RoomServer {
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    pub(crate) input: Sender<Input>,
    #[cfg(feature = "faults")]
    pub(crate) testing: Testing,
    pub(crate) thread: Option<thread::JoinHandle<()>>,
}

impl RoomServer {
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
