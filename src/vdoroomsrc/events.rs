// SPDX-License-Identifier: MPL-2.0
//! From GStreamer's threads to the thread that owns the room, without ever waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use async_channel::Sender;

use crate::protocol::Event;

/// How much a guest can make wait in our memory before its messages are dropped.
const QUEUE_LIMIT: usize = 4096;

/// How many messages of one data channel may wait for the control thread.
const CHANNEL_LIMIT: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct EventSender {
    queue: Sender<Event>,
    dropped: Arc<AtomicU64>,
}

impl EventSender {
    pub(super) fn new(queue: Sender<Event>, dropped: Arc<AtomicU64>) -> Self {
        Self { queue, dropped }
    }

    /// Channel messages and candidates are dropped from a full queue, and counted; answers and
    /// states, of which there are few, never are.
    pub(super) fn send(&self, event: Event) {
        let droppable = matches!(
            event,
            Event::ChannelText { .. } | Event::LocalCandidate { .. }
        );
        if droppable && self.queue.len() >= QUEUE_LIMIT {
            self.dropped.fetch_add(1, Relaxed);
            return;
        }
        // Fails only once the room is gone, which then needs no event any more.
        let _ = self.queue.try_send(event);
    }

    pub(super) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }
}

/// The messages of one data channel that wait for the control thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Backlog(Arc<AtomicUsize>);

/// Counts as waiting for as long as it lives.
#[derive(Debug)]
pub(super) struct Ticket(Backlog);

impl Backlog {
    /// `None` if too many wait already.
    pub(super) fn admit(&self) -> Option<Ticket> {
        let ticket = Ticket(self.clone());
        (self.0.fetch_add(1, Relaxed) < CHANNEL_LIMIT).then_some(ticket)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_has_a_bounded_backlog() {
        let backlog = Backlog::default();
        let tickets: Vec<Ticket> = std::iter::from_fn(|| backlog.admit()).collect();
        assert_eq!(tickets.len(), CHANNEL_LIMIT);
        drop(tickets);
        assert!(backlog.admit().is_some());
    }
}
