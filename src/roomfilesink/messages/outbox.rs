// SPDX-License-Identifier: MPL-2.0
//! The way to the control thread. Any thread may send; none waits.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::bell::Bell;
use super::msg::Msg;

#[derive(Clone)]
pub(crate) struct Outbox {
    messages: mpsc::Sender<Msg>,
    bell: Arc<Bell>,
}

impl Outbox {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Msg>) {
        let (messages, inbox) = mpsc::channel();
        let bell = Arc::default();
        (Self { messages, bell }, inbox)
    }

    pub(crate) fn send(&self, msg: Msg) {
        let can_wait = matches!(msg, Msg::Frame(..));
        // The receiver lives as long as the element.
        let _ = self.messages.send(msg);
        if !can_wait {
            self.hurry();
        }
    }

    /// What was sent is wanted now.
    pub(crate) fn hurry(&self) {
        self.bell.ring();
    }

    /// For the control thread: sleeps for this long, or until something that cannot wait was sent.
    pub(crate) fn rest(&self, time: Duration) {
        self.bell.rest(time);
    }
}
