// SPDX-License-Identifier: MPL-2.0
//! What comes between the rules and the sockets without the feature `faults`: nothing.

use async_tungstenite::tungstenite::Utf8Bytes;

use crate::rules::{Leniency, SocketId};

use super::state::Hub;

impl Hub {
    pub fn leniency(&self) -> Leniency {
        Leniency::default()
    }

    pub fn ignores_handshakes(&self) -> bool {
        false
    }

    pub fn never_answers(&self) -> bool {
        false
    }

    /// Nothing is held back of anybody.
    pub fn forget(&mut self, _: SocketId) {}

    pub fn deliver(&mut self, to: SocketId, _: Option<SocketId>, text: Utf8Bytes) {
        self.send(to, text);
    }
}
