// SPDX-License-Identifier: MPL-2.0
//! What waits to be sent to a client: bounded by messages, by bytes, and by the bytes of all.

use std::{cell::Cell, rc::Rc};

use async_tungstenite::tungstenite::Utf8Bytes;
use smol::channel::{Receiver, Sender, bounded};

use super::numbers::{MAX_QUEUED_BYTES, MAX_QUEUED_BYTES_OF_ALL, MAX_QUEUED_MESSAGES};

/// How the server closes a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// A close frame with this code, then the end of the connection.
    Code(u16),
    /// The connection ends without a close frame.
    Abort,
    /// A text frame begins, half of it is sent, then the connection ends.
    #[cfg(feature = "faults")]
    MidMessage,
}

pub enum Outgoing {
    Text(Utf8Bytes),
    Close(Closing),
}

impl Outgoing {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Close(_) => 0,
        }
    }
}

/// The bytes that wait for all clients.
#[derive(Clone, Default)]
pub struct Waiting(Rc<Cell<usize>>);

impl Waiting {
    pub fn is_too_much(&self) -> bool {
        self.0.get() > MAX_QUEUED_BYTES_OF_ALL
    }
}

struct Held {
    bytes: Cell<usize>,
    all: Waiting,
}

impl Held {
    fn add(&self, bytes: usize) {
        self.bytes.set(self.bytes.get() + bytes);
        self.all.0.set(self.all.0.get() + bytes);
    }

    fn remove(&self, bytes: usize) {
        self.bytes.set(self.bytes.get() - bytes);
        self.all.0.set(self.all.0.get() - bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.remove(self.bytes.get());
    }
}

/// The end that is filled.
pub struct Outbox {
    sender: Sender<Outgoing>,
    held: Rc<Held>,
}

/// The end that is emptied.
pub struct Inbox {
    receiver: Receiver<Outgoing>,
    held: Rc<Held>,
}

pub fn queue(all: &Waiting) -> (Outbox, Inbox) {
    let (sender, receiver) = bounded(MAX_QUEUED_MESSAGES);
    let held = Rc::new(Held {
        bytes: Cell::new(0),
        all: all.clone(),
    });
    let outbox = Outbox {
        sender,
        held: held.clone(),
    };
    (outbox, Inbox { receiver, held })
}

impl Outbox {
    /// Whether there was room for it.
    pub fn push(&self, outgoing: Outgoing) -> bool {
        self.bytes() + outgoing.len() <= MAX_QUEUED_BYTES && self.push_own(outgoing)
    }

    /// What no client has caused may be of any length.
    pub fn push_own(&self, outgoing: Outgoing) -> bool {
        let bytes = outgoing.len();
        let is_sent = self.sender.try_send(outgoing).is_ok();
        if is_sent {
            self.held.add(bytes);
        }
        is_sent
    }

    pub fn bytes(&self) -> usize {
        self.held.bytes.get()
    }
}

impl Inbox {
    /// The next one; nothing when the server does not want the client any more.
    pub async fn next(&self) -> Option<Outgoing> {
        self.receiver.recv().await.ok()
    }

    /// A message counts until it has gone out.
    pub fn sent(&self, text: usize) {
        self.held.remove(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(len: usize) -> Outgoing {
        Outgoing::Text("x".repeat(len).into())
    }

    #[test]
    fn what_waits_is_bounded_by_messages_and_by_bytes() {
        let all = Waiting::default();
        let (outbox, inbox) = queue(&all);
        let many = (0..).take_while(|_| outbox.push(text(1))).count();
        assert_eq!(many, MAX_QUEUED_MESSAGES);
        drop((outbox, inbox));
        assert_eq!(all.0.get(), 0);
        let (outbox, inbox) = queue(&all);
        let big = MAX_QUEUED_BYTES / 4;
        let many = (0..).take_while(|_| outbox.push(text(big))).count();
        assert_eq!((many, all.0.get()), (4, MAX_QUEUED_BYTES));
        let next = smol::block_on(inbox.next());
        assert!(matches!(next, Some(Outgoing::Text(sent)) if sent.len() == big));
        assert!(!outbox.push(text(big)), "it has not gone out yet");
        inbox.sent(big);
        assert!(outbox.push(text(big)));
    }
}
