// SPDX-License-Identifier: MPL-2.0
//! The last step of a buffer: through a ghost pad, to the consumer.
//!
//! Runs on the streaming thread of the track's queue, or on the one that receives, where there is no queue
//! or `shortcut` leads past it; never on both at once. What it shares with the control thread is atomic. The flow
//! return of a consumer ends here, so that a missing, slow or broken one cannot stop the connection
//! (webrtcbin would end all tracks on the flow error of one pad).

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gst::prelude::*;
use once_cell::sync::OnceCell;

use super::arrival::Arrival;
use super::counters::Counters;
use super::forms;
use super::ghost::{has_caps, is_current};
use super::introduction::{Introduction, Person};
use super::keyframe_gate::KeyframeGate;
use super::names::Kind;
use super::shortcut::Shortcut;
use super::tags;
use crate::protocol::SessionId;
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::reports::{Command, TrackId};

#[derive(Debug)]
pub(crate) struct Exit {
    pub track: TrackId,
    kind: Kind,
    /// The caps of the codec, the preferred form first.
    forms: gst::Caps,
    introduction: Introduction,
    /// Of the session that goes on; held for a copy only.
    person: Mutex<Person>,
    commands: Sender<Command>,
    /// Shared by all tracks of the element.
    paused: Arc<AtomicBool>,
    /// Of the newest frame.
    arrival: Arrival,
    /// Which frames wait for a keyframe.
    gate: KeyframeGate,
    /// Packets were lost on the way here, and a keyframe has been asked for.
    damaged: AtomicBool,
    last_flow: AtomicI32,
    /// The consumer has a buffer or an event, and has not returned.
    is_giving: AtomicBool,
    /// The pad has been flushed, and its segment is gone.
    is_flushed: AtomicBool,
    /// The event `vdoroom-session-end`, set before EOS is sent down the track.
    last_words: OnceCell<gst::Structure>,
    /// The first stream-start has passed.
    has_begun: AtomicBool,
    /// The next stream-start is that of another session on the same pad.
    begins_again: AtomicBool,
    /// The next buffer is the first one of a session on a kept pad.
    goes_on: AtomicBool,
    /// Nanoseconds, plus one; 0 is none.
    last_pts: AtomicU64,
    /// Tags have changed and go out with the next buffer: only this thread may push.
    tags_are_due: AtomicBool,
    /// Bit/s, as the tags have it; 0 is none.
    told_bitrate: AtomicU64,
    pub shortcut: Arc<Shortcut>,
    pub counters: Counters,
}

impl Exit {
    pub(crate) fn new(
        track: TrackId,
        kind: Kind,
        forms: gst::Caps,
        introduction: Introduction,
        commands: Sender<Command>,
        paused: Arc<AtomicBool>,
        started: Instant,
    ) -> Self {
        Self {
            track,
            kind,
            forms,
            person: Mutex::new(introduction.person.clone()),
            introduction,
            commands,
            paused,
            arrival: Arrival::new(started),
            gate: KeyframeGate::new(kind.is_video()),
            damaged: AtomicBool::new(false),
            last_flow: AtomicI32::new(gst::FlowReturn::Ok as i32),
            is_giving: AtomicBool::new(false),
            is_flushed: AtomicBool::new(false),
            last_words: OnceCell::new(),
            has_begun: AtomicBool::new(false),
            begins_again: AtomicBool::new(false),
            goes_on: AtomicBool::new(false),
            last_pts: AtomicU64::new(0),
            tags_are_due: AtomicBool::new(false),
            told_bitrate: AtomicU64::new(0),
            shortcut: Arc::default(),
            counters: Counters::default(),
        }
    }

    pub(crate) fn waiting_after_loss(mut self, waits: bool) -> Self {
        self.gate.waits_after_loss = waits;
        self
    }

    /// A frame has left the depayloader.
    pub(crate) fn arrived(&self) {
        self.arrival.note();
    }

    /// Video has a hole, for which a keyframe was asked.
    pub(crate) fn lost(&self) {
        self.damaged.store(true, Relaxed);
        self.counters.pli_sent.fetch_add(1, Relaxed);
    }

    /// A warning on the bus about the stream's video, or audio.
    pub(crate) fn warn(&self, message: &str) {
        let stream = self.introduction.person.details.get::<&str>("stream");
        let (stream, kind) = (stream.unwrap_or_default(), self.kind.as_str());
        let message = format!("stream \"{stream}\": its {kind} {message}");
        self.tell(Command::Warn(message));
    }

    pub(crate) fn undecodable(&self, session: SessionId, codec: &'static str) {
        let kind = self.kind.as_str();
        self.tell(Command::Undecodable(session, kind, codec));
    }

    /// A frame has left the parser.
    pub(crate) fn parsed(&self, flags: gst::BufferFlags) {
        let is_damaged = flags.contains(gst::BufferFlags::CORRUPTED);
        if is_damaged {
            self.counters.damaged.fetch_add(1, Relaxed);
        }
        if self.kind.is_video() && !is_damaged && !flags.contains(gst::BufferFlags::DELTA_UNIT) {
            self.counters.keyframes.fetch_add(1, Relaxed);
        }
    }

    /// The track of another session takes over; that of the one before has been taken apart.
    pub(crate) fn begin_again(&self, person: Person) {
        *self.lock_person() = person;
        self.arrival.forget();
        self.damaged.store(false, Relaxed);
        self.gate.begin_again();
        self.begins_again.store(true, Relaxed);
    }

    fn lock_person(&self) -> MutexGuard<'_, Person> {
        // It is replaced as a whole.
        self.person.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// webrtcbin has ended the track by itself.
    pub(crate) fn connection_closed(&self, session: SessionId) {
        self.tell(Command::Failed {
            session,
            reason: "the publisher closed the connection".into(),
        });
    }

    /// How many buffers have left, or were given up.
    pub(crate) fn taken(&self) -> u64 {
        self.counters.buffers.load(Relaxed) + self.counters.dropped.load(Relaxed)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Relaxed)
    }

    /// What flushing takes away is to be sent again.
    pub(crate) fn flushed(&self) {
        self.is_flushed.store(true, Relaxed);
    }

    pub(crate) fn is_giving(&self) -> bool {
        self.is_giving.load(Relaxed)
    }

    /// Whether the consumer took what it was given last.
    pub(crate) fn is_taken(&self) -> bool {
        self.last_flow.load(Relaxed) == gst::FlowReturn::Ok as i32
    }

    pub(crate) fn last_arrival(&self) -> Option<Instant> {
        self.arrival.newest()
    }

    /// What is said before EOS; the first call counts.
    pub(crate) fn set_last_words(&self, last_words: gst::Structure) {
        let _ = self.last_words.set(last_words);
    }

    /// The consumer has chosen among the streams of the session.
    pub(crate) fn select(&self, streams: Vec<String>) {
        let track = Some(self.track);
        self.tell(Command::Select { track, streams });
    }

    /// As the pad announces it.
    pub(crate) fn stream_id(&self) -> &str {
        &self.introduction.stream_id
    }

    /// All that a session sent is on its way out, on a pad that stays.
    pub(crate) fn drained(&self, session: SessionId) {
        let track = self.track;
        self.tell(Command::Drained { track, session });
    }

    pub(crate) fn queue_leaked(&self) {
        self.counters.leaks.fetch_add(1, Relaxed);
        self.gate.leaked();
        self.shortcut.leaked();
    }

    /// Bit/s over the last second, from the control thread.
    pub(crate) fn note_bitrate(&self, bitrate: u64) {
        self.counters.bitrate.store(bitrate, Relaxed);
        if tags::is_another(bitrate, self.told_bitrate.load(Relaxed)) {
            self.told_bitrate.store(bitrate, Relaxed);
            self.tags_are_due.store(true, Relaxed);
        }
    }

    pub(crate) fn take_damaged(&self) -> bool {
        self.damaged.swap(false, Relaxed)
    }

    pub(crate) fn waits_for_keyframe(&self) -> bool {
        self.gate.is_closed()
    }

    /// A consumer that comes later begins with a keyframe as well.
    pub(crate) fn linked(&self, pad: &gst::Pad) {
        self.shortcut.ask(pad);
        self.last_flow.store(gst::FlowReturn::Ok as i32, Relaxed);
        self.gate.close();
    }

    /// Something behind the consumer has changed: a `tee` has another branch. One that took nothing
    /// may take what comes next.
    pub(crate) fn reconfigured(&self) {
        self.last_flow.store(gst::FlowReturn::Ok as i32, Relaxed);
    }

    pub(crate) fn chain(
        &self,
        pad: &gst::ProxyPad,
        parent: Option<&gst::Object>,
        buffer: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.is_giving.store(true, Relaxed);
        self.give(pad, parent, buffer);
        self.is_giving.store(false, Relaxed);
        self.shortcut.left();
        Ok(gst::FlowSuccess::Ok)
    }

    fn give(&self, pad: &gst::ProxyPad, parent: Option<&gst::Object>, mut buffer: gst::Buffer) {
        let size = buffer.size() as u64;
        if self.is_outdated(&buffer) || self.gate.holds_back(&buffer) {
            self.counters.dropped.fetch_add(1, Relaxed);
            return;
        }
        if self.goes_on.swap(false, Relaxed) {
            buffer.make_mut().set_flags(gst::BufferFlags::DISCONT);
            gst::Pad::event_default(pad, parent, self.details());
            self.tags_are_due.store(true, Relaxed);
        }
        if self.is_flushed.swap(false, Relaxed)
            && let Some(segment) = pad.sticky_event::<gst::event::Segment<_>>(0)
        {
            self.pass(pad, parent, gst::event::Segment::new(segment.segment()));
        }
        if self.tags_are_due.swap(false, Relaxed) {
            gst::Pad::event_default(pad, parent, self.tags(parent));
        }
        if let Some(pts) = buffer.pts() {
            self.last_pts.fetch_max(pts.nseconds() + 1, Relaxed);
        }
        let flow = gst::ProxyPad::chain_default(pad, parent, buffer);
        if flow.is_ok() {
            self.counters.buffers.fetch_add(1, Relaxed);
            self.counters.bytes.fetch_add(size, Relaxed);
        } else {
            self.counters.dropped.fetch_add(1, Relaxed);
            self.gate.close();
        }
        self.note_flow(flow);
    }

    /// Two sessions of a publisher can overlap: on one pad, what the old one has shown counts.
    fn is_outdated(&self, buffer: &gst::BufferRef) -> bool {
        let last = self.last_pts.load(Relaxed);
        let pts = buffer.pts().map_or(u64::MAX, |pts| pts.nseconds());
        self.goes_on.load(Relaxed) && pts < last
    }

    /// Tells the control thread when a consumer's answer changes, not with each buffer.
    fn note_flow(&self, flow: Result<gst::FlowSuccess, gst::FlowError>) {
        let value = gst::FlowReturn::from(flow);
        if self.last_flow.swap(value as i32, Relaxed) != value as i32 {
            self.tell(Command::Flow {
                track: self.track,
                flow,
            });
        }
    }

    /// Fails only once the control thread is gone, and the element with it.
    fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    pub(crate) fn event(
        &self,
        pad: &gst::ProxyPad,
        parent: Option<&gst::Object>,
        event: gst::Event,
    ) -> bool {
        if self.shortcut.takes(&event) {
            return true;
        }
        // Events that overtake come while a buffer may be on its way.
        let waits = event.is_serialized();
        if waits {
            self.is_giving.store(true, Relaxed);
        }
        let done = self.pass(pad, parent, event);
        if waits {
            self.is_giving.store(false, Relaxed);
        }
        done
    }

    fn pass(&self, pad: &gst::ProxyPad, parent: Option<&gst::Object>, event: gst::Event) -> bool {
        use gst::EventView;
        let push = |event| gst::Pad::event_default(pad, parent, event);
        match event.view() {
            EventView::StreamStart(_) if self.begins_again.swap(false, Relaxed) => {
                gst::debug!(CAT, obj = pad, "The next session continues on this pad");
                self.goes_on.store(true, Relaxed);
                self.gate.close();
                true
            }
            // Again, because a queue has been put in front of the pad.
            EventView::StreamStart(_) if self.has_begun.swap(true, Relaxed) => true,
            EventView::StreamStart(_) => push(self.stream_start()) && push(self.collection()),
            // Not again: mpegtsmux (GStreamer 1.22) takes the same Opus caps for other ones.
            EventView::Caps(caps) if has_caps(parent, caps.caps()) => true,
            EventView::Caps(_) => {
                self.tags_are_due.store(true, Relaxed);
                push(event)
            }
            EventView::Segment(segment) if is_current(parent, segment.segment()) => true,
            EventView::Segment(_) => {
                let done = push(event);
                self.introduce(&push, parent);
                done
            }
            EventView::Eos(_) => {
                gst::debug!(CAT, obj = pad, "EOS leaves");
                if let Some(last_words) = self.last_words.get() {
                    push(gst::event::CustomDownstream::new(last_words.clone()));
                }
                push(event);
                self.tell(Command::EosLeft { track: self.track });
                true
            }
            // What an element on the way says of the stream would hide what we say.
            EventView::Tag(_) => true,
            _ => push(event),
        }
    }

    pub(crate) fn query(
        &self,
        pad: &gst::ProxyPad,
        parent: Option<&gst::Object>,
        query: &mut gst::QueryRef,
    ) -> bool {
        forms::answer(&self.forms, pad, parent, query)
    }

    fn stream_start(&self) -> gst::Event {
        gst::event::StreamStart::builder(&self.introduction.stream_id)
            .group_id(self.introduction.group_id)
            .stream(self.introduction.stream.clone())
            .build()
    }

    fn collection(&self) -> gst::Event {
        gst::event::StreamCollection::new(&self.introduction.collection)
    }

    /// Events that must come after the segment.
    fn introduce(&self, push: &impl Fn(gst::Event) -> bool, ghost: Option<&gst::Object>) {
        push(self.details());
        self.tags_are_due.store(false, Relaxed);
        push(self.tags(ghost));
    }

    /// Whose media it is.
    fn details(&self) -> gst::Event {
        let mut details = self.lock_person().details.clone();
        details.set("kind", self.kind.as_str());
        gst::event::CustomDownstreamSticky::builder(details).build()
    }

    fn tags(&self, ghost: Option<&gst::Object>) -> gst::Event {
        let caps = ghost.and_then(|ghost| ghost.downcast_ref::<gst::Pad>()?.current_caps());
        let title = self.lock_person().title.clone();
        let title = title.as_deref();
        let bitrate = self.told_bitrate.load(Relaxed);
        gst::event::Tag::new(tags::of(self.kind, title, caps.as_deref(), bitrate))
    }
}
