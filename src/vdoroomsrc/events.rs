// SPDX-License-Identifier: MPL-2.0
//! From GStreamer's threads to the thread that owns the room, without ever waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_channel::Sender;

use crate::protocol::Event;

/// How much a guest can make wait in our memory before its messages are dropped.
const QUEUE_LIMIT: usize = 4096;

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
}
