// SPDX-License-Identifier: MPL-2.0
//! The direct path past a track's queue, for consumers that never block.
//!
//! Handing a buffer to another thread costs more than a recorder's work on it. A consumer that
//! answers the query [`QUERY`] gets its buffers from webrtcbin's thread, as soon as the queue is
//! empty; for all others, and while the pad is blocked, buffers go through the queue. The order is
//! kept: a marker is sent into the queue, and once it and every buffer behind it have left, the queue
//! is empty.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;

/// A consumer that never waits in its chain function answers it with its pad. Elements in between,
/// which may wait, hand it on.
const QUERY: &str = "vdoroom-never-waits";
const MARKER: &str = "vdoroom-marker";

/// Where an item goes.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    Past,
    Through,
    /// Through the queue, behind the marker with this number.
    BehindMarker(u64),
}

#[derive(Debug, Default)]
struct State {
    /// The consumer never blocks.
    allowed: bool,
    /// Of the last marker.
    number: u64,
    /// Nothing but buffers was sent into the queue after the last marker.
    counts: bool,
    /// It has left the queue.
    passed: bool,
    /// Buffers in the queue behind it.
    behind: u64,
    /// Something is on its way past the queue.
    direct: bool,
}

impl State {
    /// An item comes to the queue.
    fn enters(&mut self, is_buffer: bool, blocked: bool) -> Way {
        if !self.allowed {
            self.counts = false;
            return Way::Through;
        }
        let is_empty = self.counts && self.passed && self.behind == 0;
        if is_empty && !blocked {
            self.direct = true;
            return Way::Past;
        }
        let is_new = !self.counts;
        if is_new {
            self.number += 1;
            (self.counts, self.passed, self.behind) = (true, false, 0);
        }
        let number = self.number;
        match is_buffer {
            true => self.behind += 1,
            false => self.counts = false,
        }
        match is_new {
            true => Way::BehindMarker(number),
            false => Way::Through,
        }
    }

    /// A buffer has left the pad.
    fn left(&mut self) {
        if !self.direct && self.counts && self.passed {
            self.behind = self.behind.saturating_sub(1);
        }
    }

    fn marker_left(&mut self, number: u64) {
        self.passed |= self.counts && number == self.number;
    }
}

/// Of one track.
#[derive(Debug, Default)]
pub(crate) struct Shortcut {
    /// No other lock is taken and nothing is called while it is held.
    state: Mutex<State>,
}

impl Shortcut {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pad was linked or unlinked.
    pub(crate) fn ask(&self, pad: &gst::Pad) {
        let allowed = pad.peer().is_some_and(|peer| never_waits(&peer));
        self.state().allowed = allowed;
    }

    /// Whether the consumer never waits, and nobody else asks for that.
    pub(crate) fn is_free(&self, pad: &gst::Pad) -> bool {
        let is_blocked = is_blocked(pad);
        self.state().allowed && !is_blocked
    }

    /// Something is on its way past the queue.
    pub(crate) fn is_under_way(&self) -> bool {
        self.state().direct
    }

    /// A buffer has left the pad, on whatever thread.
    pub(crate) fn left(&self) {
        self.state().left();
    }

    /// The queue has thrown something away.
    pub(crate) fn leaked(&self) {
        self.state().counts = false;
    }

    /// Whether this event is of our own and goes no further.
    pub(crate) fn takes(&self, event: &gst::EventRef) -> bool {
        let structure = event.structure().filter(|s| s.name() == MARKER);
        if let Some(number) = structure.and_then(|marker| marker.get("number").ok()) {
            self.state().marker_left(number);
        }
        structure.is_some()
    }

    /// Leads what `pad` can be given at once past this queue, whose source pad is its target.
    pub(crate) fn install(self: &Arc<Self>, queue: &gst::Element, pad: &gst::Pad) -> Option<()> {
        let (sink, src) = (queue.static_pad("sink")?, queue.static_pad("src")?);
        let (ghost, shortcut) = (pad.downgrade(), self.clone());
        let what = BUFFERS | gst::PadProbeType::EVENT_DOWNSTREAM;
        sink.add_probe(what, move |sink, info| {
            let (Some(ghost), Some(is_buffer)) = (ghost.upgrade(), is_buffer(info)) else {
                return gst::PadProbeReturn::Ok;
            };
            let is_blocked = is_blocked(&ghost);
            let way = shortcut.state().enters(is_buffer, is_blocked);
            match way {
                Way::Through => gst::PadProbeReturn::Ok,
                Way::BehindMarker(number) => {
                    let marker = gst::Structure::builder(MARKER).field("number", number);
                    sink.send_event(gst::event::CustomDownstream::new(marker.build()));
                    gst::PadProbeReturn::Ok
                }
                Way::Past => {
                    pass(sink, &src, info);
                    shortcut.state().direct = false;
                    gst::PadProbeReturn::Handled
                }
            }
        });
        Some(())
    }
}

fn never_waits(peer: &gst::Pad) -> bool {
    let mut query = gst::query::Custom::new(gst::Structure::new_empty(QUERY));
    let answered = peer.query(query.query_mut());
    let pad = query
        .structure()
        .and_then(|s| s.get::<gst::Pad>("pad").ok());
    answered && pad.as_ref() == Some(peer)
}

const BUFFERS: gst::PadProbeType = gst::PadProbeType::BUFFER.union(gst::PadProbeType::BUFFER_LIST);

/// `None` for what may overtake, and for our marker.
fn is_buffer(info: &gst::PadProbeInfo<'_>) -> Option<bool> {
    match &info.data {
        Some(gst::PadProbeData::Buffer(_)) => Some(true),
        // Its buffers leave one by one: as an event it is not counted.
        Some(gst::PadProbeData::BufferList(_)) => Some(false),
        Some(gst::PadProbeData::Event(event)) => {
            let is_marker = event.structure().is_some_and(|s| s.name() == MARKER);
            (event.is_serialized() && !is_marker).then_some(false)
        }
        _ => None,
    }
}

/// Whether somebody has asked for the pad to be blocked, perhaps for long.
fn is_blocked(pad: &gst::Pad) -> bool {
    pad.is_blocked() || pad.peer().is_some_and(|peer| peer.is_blocked())
}

fn pass(sink: &gst::Pad, src: &gst::Pad, info: &mut gst::PadProbeInfo<'_>) {
    match info.data.take() {
        // What the consumer answers stays in `exit`.
        Some(gst::PadProbeData::Buffer(buffer)) => drop(src.push(buffer)),
        Some(gst::PadProbeData::BufferList(list)) => drop(src.push_list(list)),
        Some(gst::PadProbeData::Event(event)) => {
            if event.is_sticky() {
                // The queue may be needed again, and refuses buffers that nothing introduces.
                let _ = sink.store_sticky_event(&event);
            }
            src.push_event(event);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::time::Duration;

    use super::*;

    /// Linked to a recorder, with nothing left in the queue.
    fn empty() -> State {
        let mut state = State {
            allowed: true,
            ..State::default()
        };
        assert_eq!(state.enters(true, false), Way::BehindMarker(1));
        state.marker_left(1);
        state.left();
        state
    }

    #[test]
    fn who_may_wait_is_never_given_anything_past_the_queue() {
        let mut state = State::default();
        for _ in 0..3 {
            assert_eq!(state.enters(true, false), Way::Through);
            state.left();
        }
    }

    #[test]
    fn the_queue_is_passed_once_the_marker_and_all_behind_it_have_left() {
        let mut state = State {
            allowed: true,
            ..State::default()
        };
        assert_eq!(state.enters(true, false), Way::BehindMarker(1));
        assert_eq!(state.enters(true, false), Way::Through);
        state.left();
        state.marker_left(1);
        state.left();
        assert_eq!(state.enters(true, false), Way::Through);
        state.left();
        state.left();
        assert_eq!(state.enters(true, false), Way::Past);
        state.left();
    }

    #[test]
    fn an_event_in_the_queue_wants_another_marker() {
        let mut state = empty();
        assert_eq!(state.enters(false, true), Way::Through);
        assert_eq!(state.enters(true, false), Way::BehindMarker(2));
        state.marker_left(1);
        state.left();
        assert_eq!(state.enters(true, false), Way::Through);
    }

    #[test]
    fn while_somebody_blocks_the_pad_things_wait_in_the_queue() {
        let mut state = empty();
        assert_eq!(state.enters(true, true), Way::Through);
        assert_eq!(state.enters(true, false), Way::Through);
        state.left();
        state.left();
        assert_eq!(state.enters(true, false), Way::Past);
    }

    /// Timestamps in nanoseconds, and on which thread they came.
    type Seen = Arc<Mutex<Vec<(u64, std::thread::ThreadId)>>>;

    /// A queue and its consumer.
    fn queue(shortcut: &Arc<Shortcut>) -> (gst::Element, gst::Pad, Seen) {
        gst::init().unwrap();
        let queue = gst::ElementFactory::make("queue").build().unwrap();
        let seen = Seen::default();
        let (note, left, takes) = (seen.clone(), shortcut.clone(), shortcut.clone());
        let consumer = gst::Pad::builder(gst::PadDirection::Sink)
            .chain_function(move |_, _, buffer| {
                let number = buffer.pts().unwrap().nseconds();
                let thread = std::thread::current().id();
                note.lock().unwrap().push((number, thread));
                left.left();
                Ok(gst::FlowSuccess::Ok)
            })
            .event_function(move |_, _, event| {
                takes.takes(&event);
                true
            })
            .build();
        let src = queue.static_pad("src").unwrap();
        src.link(&consumer).unwrap();
        consumer.set_active(true).unwrap();
        shortcut.install(&queue, &src).unwrap();
        queue.set_state(gst::State::Playing).unwrap();
        (queue, consumer, seen)
    }

    #[test]
    fn nothing_overtakes_whatever_the_consumer_says_meanwhile() {
        const COUNT: u64 = 20_000;
        let shortcut = Arc::<Shortcut>::default();
        let (queue, _consumer, seen) = queue(&shortcut);
        let entry = queue.static_pad("sink").unwrap();
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        entry.send_event(gst::event::StreamStart::new("test"));
        entry.send_event(gst::event::Segment::new(&segment));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Relaxed) {
                    let allowed = &mut shortcut.state().allowed;
                    *allowed = !*allowed;
                    std::thread::yield_now();
                }
            });
            for number in 0..COUNT {
                let mut buffer = gst::Buffer::new();
                let pts = gst::ClockTime::from_nseconds(number);
                buffer.get_mut().unwrap().set_pts(pts);
                entry.chain(buffer).unwrap();
            }
            done.store(true, Relaxed);
        });
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        let count = || seen.lock().unwrap().len() as u64;
        while count() < COUNT && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        queue.set_state(gst::State::Null).unwrap();
        let (seen, threads): (Vec<_>, BTreeSet<_>) = seen
            .lock()
            .unwrap()
            .iter()
            .map(|(number, thread)| (*number, format!("{thread:?}")))
            .unzip();
        assert_eq!(seen, (0..COUNT).collect::<Vec<_>>());
        assert_eq!(threads.len(), 2, "through the queue, and past it");
    }
}
