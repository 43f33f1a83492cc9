// SPDX-License-Identifier: MPL-2.0
//! How much of what a publisher says may wait until somebody has read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many messages of one publisher's channels may wait until the room has read them.
pub(super) const CHANNEL_LIMIT: usize = 64;

/// How many bytes these may have: two of the longest, or many of the usual ones.
const CHANNEL_BYTES: usize = 512 * 1024;

/// The messages of one publisher that wait: first for the control thread, then for the room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backlog(Arc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

/// Counts as waiting for as long as it lives.
#[derive(Debug)]
pub(crate) struct Ticket {
    backlog: Backlog,
    bytes: usize,
}

impl Backlog {
    /// Lets in a message of so many bytes. `None` if too many wait already.
    pub(crate) fn admit(&self, bytes: usize) -> Option<Ticket> {
        let ticket = Ticket {
            backlog: self.clone(),
            bytes,
        };
        let messages = self.0.messages.fetch_add(1, Relaxed);
        let before = self.0.bytes.fetch_add(bytes, Relaxed);
        (messages < CHANNEL_LIMIT && before.saturating_add(bytes) <= CHANNEL_BYTES)
            .then_some(ticket)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.backlog.0.messages.fetch_sub(1, Relaxed);
        self.backlog.0.bytes.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::limits::MAX_MESSAGE;

    #[test]
    fn a_publisher_has_a_backlog_of_few_messages() {
        let backlog = Backlog::default();
        let tickets: Vec<Ticket> = std::iter::from_fn(|| backlog.admit(1)).collect();
        assert_eq!(tickets.len(), CHANNEL_LIMIT);
        drop(tickets);
        assert!(backlog.admit(1).is_some());
    }

    #[test]
    fn a_publisher_has_a_backlog_of_few_bytes() {
        let backlog = Backlog::default();
        let long = MAX_MESSAGE;
        let tickets: Vec<Ticket> = std::iter::from_fn(|| backlog.admit(long)).collect();
        assert_eq!(tickets.len(), CHANNEL_BYTES / MAX_MESSAGE);
        assert!(backlog.admit(long).is_none());
        drop(tickets);
        assert!(backlog.admit(long).is_some());
    }
}
