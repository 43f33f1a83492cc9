// SPDX-License-Identifier: MPL-2.0
//! From GStreamer's threads to the thread that owns the room, without ever waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;

use async_channel::Sender;

use super::command::Command;
use crate::protocol::Event;

/// How many events may wait for the room before candidates of ours are dropped.
const QUEUE_LIMIT: usize = 4096;

/// How many messages of one publisher's channels may wait until the room has read them.
const CHANNEL_LIMIT: usize = 64;

/// How many bytes these may have: two of the longest, or many of the usual ones.
const CHANNEL_BYTES: usize = 512 * 1024;

/// Where a session's callbacks report to.
#[derive(Clone)]
pub(crate) struct Reports {
    pub commands: mpsc::Sender<Command>,
    pub events: EventSender,
}

impl Reports {
    pub(crate) fn command(&self, command: Command) {
        // Fails only once the control thread has ended, and the session with it.
        let _ = self.commands.send(command);
    }
}

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
    use crate::protocol::SessionId;
    use crate::protocol::limits::MAX_MESSAGE;

    fn sender() -> (EventSender, async_channel::Receiver<Queued>) {
        let (queue, waiting) = async_channel::unbounded();
        (EventSender::new(queue, Arc::default()), waiting)
    }

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
