// SPDX-License-Identifier: MPL-2.0
//! From GStreamer's threads to the thread that owns the room, without ever waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_channel::Sender;

use super::backlog::Ticket;
use crate::protocol::Event;

/// How many events may wait for the room before candidates of ours are dropped.
const QUEUE_LIMIT: usize = 4096;

/// An event in the queue, and what it holds of its publisher's backlog for as long as it waits.
#[derive(Debug)]
pub(crate) struct Queued {
    event: Event,
    _ticket: Option<Ticket>,
}

impl From<Queued> for Event {
    fn from(queued: Queued) -> Self {
        queued.event
    }
}

#[derive(Clone, Debug)]
pub(crate) struct EventSender {
    queue: Sender<Queued>,
    dropped: Arc<AtomicU64>,
}

impl EventSender {
    pub(crate) fn new(queue: Sender<Queued>, dropped: Arc<AtomicU64>) -> Self {
        Self { queue, dropped }
    }

    /// Candidates are dropped from a full queue, and counted; answers and states, of which there
    /// are few, never are.
    pub(crate) fn send(&self, event: Event) {
        let droppable = matches!(event, Event::LocalCandidate { .. });
        if droppable && self.queue.len() >= QUEUE_LIMIT {
            self.count_dropped();
            return;
        }
        self.queue(event, None);
    }

    /// What a publisher said, whose backlog has let it in.
    pub(crate) fn send_said(&self, event: Event, ticket: Ticket) {
        self.queue(event, Some(ticket));
    }

    fn queue(&self, event: Event, ticket: Option<Ticket>) {
        // Fails only once the room is gone, which then needs no event any more.
        let _ = self.queue.try_send(Queued {
            event,
            _ticket: ticket,
        });
    }

    pub(crate) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::backlog::{Backlog, CHANNEL_LIMIT};
    use super::*;
    use crate::protocol::SessionId;

    fn sender() -> (EventSender, async_channel::Receiver<Queued>) {
        let (queue, waiting) = async_channel::unbounded();
        (EventSender::new(queue, Arc::default()), waiting)
    }

    #[test]
    fn a_message_counts_until_the_room_has_read_it() {
        let (events, waiting) = sender();
        let backlog = Backlog::default();
        while let Some(ticket) = backlog.admit(1) {
            events.send_said(Event::Tick, ticket);
        }
        assert_eq!(waiting.len(), CHANNEL_LIMIT);
        let read = waiting.try_recv().map(Event::from);
        assert_eq!(read, Ok(Event::Tick));
        assert!(backlog.admit(1).is_some());
    }

    #[test]
    fn candidates_fall_out_of_a_full_queue_and_states_do_not() {
        let (events, waiting) = sender();
        let session = SessionId(1);
        for _ in 0..2 * QUEUE_LIMIT {
            events.send(Event::LocalCandidate {
                session,
                sdp_mline_index: 0,
                candidate: String::new(),
            });
        }
        assert_eq!(waiting.len(), QUEUE_LIMIT);
        events.send(Event::PeerConnected { session });
        assert_eq!(waiting.len(), QUEUE_LIMIT + 1);
        assert_eq!(events.dropped.load(Relaxed), QUEUE_LIMIT as u64);
    }
}
