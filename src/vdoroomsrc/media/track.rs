// SPDX-License-Identifier: MPL-2.0
//! One track of a session: from a pad of the connection to a ghost pad of the element.
//!
//! `connection ▶ intake ▶ depayloader ▶ timestamps ▶ parser ▶ queue ▶ ghost pad`
//!
//! The queue leaks, so nothing before it ever waits for a consumer. It is put there by `outlet` when a
//! consumer may wait.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use gst::prelude::*;

use super::discard;
use super::elements;
use super::held::Held;
use super::intake::Intake;
use super::keyframe_requests::KeyframePolicy;
use super::outlet::Outlet;
use super::watches::{
    Watch, add_timestamps, begin_with_keyframe, keep_lost_packets, keep_packets, mark_damage,
    mend_caps, watch_connection,
};
use crate::protocol::{STALL, SessionId};
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::media::codecs::Codec;
use crate::vdoroomsrc::media::frames::{Layers, Loss, put_together, tell_sizes};
use crate::vdoroomsrc::media::guard::Guard;
use crate::vdoroomsrc::media::pad::{Exit, Kind, Origin, Person, VdoRoomSrcPad};
use crate::vdoroomsrc::media::place::Placing;
use crate::vdoroomsrc::reports::TrackId;

const BITRATE_WINDOW: Duration = Duration::from_secs(1);

pub(crate) struct Track {
    pub id: TrackId,
    pub kind: Kind,
    pub codec: &'static Codec,
    pub exit: Arc<Exit>,
    pub pad: VdoRoomSrcPad,
    pub keyframes: KeyframePolicy,
    source_pad: gst::Pad,
    /// What watches that pad for this track, or keeps its packets away.
    watches: Vec<Watch>,
    /// From the depayloader to the parser.
    elements: Vec<gst::Element>,
    /// From there to the pad.
    outlet: Outlet,
    /// What is said before EOS.
    pub last_words: Option<gst::Structure>,
    keyframes_seen: u64,
    /// When the bitrate was last computed, and the bytes until then.
    bitrate_sample: (Instant, u64),
    pub end: End,
    held: Held,
    /// Whose media it carries now.
    pub session: SessionId,
}

/// How far the end of what a track carries has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    None,
    /// All that its session sent is on its way out, and no EOS behind it: the pad stays.
    Drained,
    /// EOS has left the pad.
    Eos,
}

/// What is left of a track whose medium is not wanted for now.
pub(crate) struct Unselected {
    /// Of the connection; it runs into nothing.
    pub pad: gst::Pad,
    /// To be removed when the medium is wanted again.
    pub watches: Vec<Watch>,
}

/// What a track is made of, besides the elements.
pub(crate) struct Plan {
    pub kind: Kind,
    pub codec: &'static Codec,
    pub template: gst::PadTemplate,
    pub pad_name: String,
    pub origin: Origin,
    pub exit: Exit,
    /// Of what comes from a connection.
    pub placing: Option<Placing>,
    pub keyframes: KeyframePolicy,
    /// Begins the names of the elements: tells whose they are when one reports an error.
    pub prefix: String,
}

impl Track {
    /// Builds the chain inside `bin`, up to the ghost pad, which is not added yet. The
    /// webrtcbin pad is linked, and still blocked by whoever blocked it.
    pub(crate) fn build(
        bin: &gst::Bin,
        source_pad: &gst::Pad,
        plan: Plan,
    ) -> Result<Self, gst::glib::BoolError> {
        let exit = Arc::new(plan.exit);
        let id = exit.track;
        let pad = ghost_pad(&plan.template, &plan.pad_name, plan.origin, &exit)?;
        let elements = elements::chain(plan.codec, &plan.prefix)?;
        bin.add_many(&elements)?;
        let outlet = Outlet::new(bin, &pad, &exit, &plan.prefix);
        let mut track = Self {
            id,
            kind: plan.kind,
            codec: plan.codec,
            pad,
            exit,
            keyframes: plan.keyframes,
            source_pad: source_pad.clone(),
            watches: Vec::new(),
            elements,
            outlet,
            last_words: None,
            keyframes_seen: 0,
            bitrate_sample: (Instant::now(), 0),
            end: End::None,
            held: Held::default(),
            session: id.session,
        };
        match track.connect(id.session, plan.placing) {
            Ok(()) => Ok(track),
            Err(error) => {
                for element in track.elements() {
                    discard::stop(element);
                    discard::take_out(element, bin);
                }
                Err(error)
            }
        }
    }

    /// Builds the chain of another session in front of the pad of this track, which
    /// has been retired.
    pub(crate) fn rebuild(
        &mut self,
        bin: &gst::Bin,
        (session, person): (SessionId, Person),
        (source_pad, placing): (&gst::Pad, Option<Placing>),
        prefix: &str,
    ) -> Result<(), gst::glib::BoolError> {
        self.source_pad = source_pad.clone();
        self.watches.clear();
        self.session = session;
        self.exit.begin_again(person);
        let elements = elements::chain(self.codec, prefix)?;
        bin.add_many(&elements)?;
        self.elements = elements;
        self.connect(session, placing)
    }

    fn connect(
        &mut self,
        session: SessionId,
        placing: Option<Placing>,
    ) -> Result<(), gst::glib::BoolError> {
        gst::Element::link_many(&self.elements)?;
        let (Some(first), Some(last)) = (self.elements.first(), self.elements.last()) else {
            return Err(missing());
        };
        let parsed = last.static_pad("src").ok_or_else(missing)?;
        let source = first.static_pad("src").ok_or_else(missing)?;
        let entry = first.static_pad("sink").ok_or_else(missing)?;
        if self.source_pad.is::<gst::GhostPad>() {
            mend_caps(&entry, self.codec);
        }
        if self.codec.depayloader == "rtpvp9depay" {
            keep_lost_packets(&entry);
        }
        let watch = watch_connection(&self.source_pad, session, &self.exit);
        self.watches.extend(watch);
        let loss = Arc::<Loss>::default();
        let layers = Arc::<Layers>::default();
        let intake = Intake {
            placing,
            guard: Guard::new(self.codec, session, &layers),
            loss: loss.clone(),
            exit: self.exit.clone(),
        };
        intake.watch(&entry);
        if self.codec.parser == Some("vp9parse") {
            put_together(&source, &layers);
            begin_with_keyframe(&source);
            tell_sizes(&parsed, &layers);
        }
        add_timestamps(&source, self.codec, &loss, &self.exit);
        if self.kind.is_video() {
            mark_damage(&parsed, self.codec, &loss, &self.exit);
        }
        // Behind the probes that change what passes.
        self.outlet.attach(&parsed)?;
        for element in self.elements.iter().rev() {
            element.sync_state_with_parent()?;
        }
        self.source_pad.link(&entry).map_err(|error| {
            gst::glib::bool_error!("cannot link {}: {error}", self.codec.encoding_name)
        })?;
        Ok(())
    }

    /// Lets everything that was received out, or into the queue, and no EOS behind it: the pad stays for
    /// another session.
    pub(crate) fn drain(&mut self) {
        let (exit, session) = (self.exit.clone(), self.session);
        let last = self.elements.last();
        if let Some(pad) = last.and_then(|element| element.static_pad("src")) {
            pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
                match info.event().map(|event| event.type_()) {
                    Some(gst::EventType::Eos) => {
                        exit.drained(session);
                        // Not `Drop`: that gives up an event twice (GStreamer 1.22).
                        gst::PadProbeReturn::Handled
                    }
                    _ => gst::PadProbeReturn::Ok,
                }
            });
        }
        self.send_eos();
    }

    /// All that this session sent is on its way out.
    pub(crate) fn note_drained(&mut self, session: SessionId) {
        if self.session == session && self.end == End::None {
            self.end = End::Drained;
        }
    }

    /// The session's part of the chain has been taken away. What remains is the pad, and the queue if there is one.
    pub(crate) fn retire(&mut self) {
        self.elements.clear();
        self.outlet.detach();
        if self.end == End::Drained {
            self.end = End::None;
        }
    }

    /// Sends EOS down the chain, behind everything that was received.
    pub(crate) fn end(&mut self) {
        if let Some(last_words) = self.last_words.take() {
            self.exit.set_last_words(last_words);
        }
        self.send_eos();
    }

    /// As [`Track::end`], while the connection goes on. EOS comes behind a packet that is just passing:
    /// one that found EOS there would end all media.
    pub(crate) fn unselect(&mut self) -> Unselected {
        if let Some(last_words) = self.last_words.take() {
            self.exit.set_last_words(last_words);
        }
        self.watches.extend(keep_packets(&self.source_pad));
        let (first, outlet) = (self.elements.first().cloned(), self.outlet.clone());
        self.source_pad
            .add_probe(gst::PadProbeType::IDLE, move |_, _| {
                push_eos(first.as_ref(), &outlet);
                gst::PadProbeReturn::Remove
            });
        Unselected {
            pad: self.source_pad.clone(),
            watches: std::mem::take(&mut self.watches),
        }
    }

    fn send_eos(&mut self) {
        self.watches.extend(keep_packets(&self.source_pad));
        push_eos(self.elements.first(), &self.outlet);
    }

    /// A consumer holds the thread that receives, which is waited for when the connection stops.
    pub(crate) fn is_held(&self) -> bool {
        let is_past = || self.outlet.queue().is_none() || self.exit.shortcut.is_under_way();
        self.end == End::None && self.exit.is_giving() && is_past()
    }

    /// Frees the thread that receives, for the other connections that it serves, if a consumer that
    /// promised never to wait makes it wait: an application that blocks a pad just when a buffer passes.
    /// What follows goes through a queue, and events are sent again that flushing has taken away.
    pub(crate) fn poll_held(&mut self, now: Instant) {
        let (is_held, taken) = (self.is_held(), self.exit.taken());
        if self.held.is_too_long(now, is_held, taken) {
            gst::warning!(CAT, obj = self.pad, "A buffer is not taken, and is dropped");
            self.outlet.distrust();
            let (pad, exit) = (self.pad.clone(), self.exit.clone());
            // On a thread of its own: a consumer may keep this one as well.
            if let Some(element) = self.elements.first() {
                element.call_async(move |_| {
                    pad.push_event(gst::event::FlushStart::new());
                    pad.push_event(gst::event::FlushStop::new(false));
                    exit.flushed();
                });
            }
        }
    }

    /// A queue is there before anything comes if the consumer may wait.
    pub(crate) fn prepare(&self) -> Result<(), gst::glib::BoolError> {
        let last = self.elements.last().and_then(|last| last.static_pad("src"));
        last.map_or(Ok(()), |last| self.outlet.prepare(&last))
    }

    /// It is about to be stopped.
    pub(crate) fn close(&self) {
        self.outlet.close();
    }

    /// Frees a consumer that did not take EOS in time, so that the pad can be removed.
    pub(crate) fn flush_consumer(&self) {
        self.pad.push_event(gst::event::FlushStart::new());
    }

    /// Lets the consumer go on with what else it is linked to.
    pub(crate) fn end_flush(&self) {
        self.pad.push_event(gst::event::FlushStop::new(false));
    }

    /// The session's part of the chain.
    pub(crate) fn front(&self) -> impl Iterator<Item = &gst::Element> {
        self.elements.iter()
    }

    /// All of the chain, with the queue if there is one.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &gst::Element> {
        // One may be put there while the others are being stopped.
        let queue = std::iter::once_with(|| self.outlet.queue());
        self.elements.iter().chain(queue.flatten())
    }

    /// Asks for a keyframe if one is due.
    pub(crate) fn poll_keyframe(&mut self, now: Instant) {
        if !self.kind.is_video() {
            return;
        }
        let seen = self.exit.counters.keyframes.load(Relaxed);
        if seen != self.keyframes_seen {
            self.keyframes_seen = seen;
            self.keyframes.keyframe_came(now);
        }
        let lacks_one = self.exit.waits_for_keyframe() && self.pad.is_linked();
        if self.exit.take_damaged() {
            self.keyframes.asked(now);
        } else if lacks_one && self.exit.is_taken() {
            self.keyframes.need();
        } else if lacks_one {
            self.keyframes.need_for_refusing(now);
        }
        if self.exit.is_taken() {
            self.keyframes.taken();
        }
        let last = self.exit.last_arrival();
        let sends = last.is_none_or(|at| now.saturating_duration_since(at) < STALL);
        if sends && self.keyframes.poll(now) {
            self.request_keyframe();
        }
    }

    pub(crate) fn poll_bitrate(&mut self, now: Instant) {
        let (since, before) = self.bitrate_sample;
        let elapsed = now.saturating_duration_since(since);
        if elapsed < BITRATE_WINDOW {
            return;
        }
        let bytes = self.exit.counters.bytes.load(Relaxed);
        let bits_per_second = (bytes - before) as f64 * 8.0 / elapsed.as_secs_f64();
        self.exit.note_bitrate(bits_per_second as u64);
        self.bitrate_sample = (now, bytes);
    }

    /// The SSRC that the connection's pad carries.
    pub(crate) fn ssrc(&self) -> Option<u32> {
        let caps = self.source_pad.current_caps()?;
        caps.structure(0)?.get("ssrc").ok()
    }

    pub(crate) fn request_keyframe(&self) {
        let event = gst_video::UpstreamForceKeyUnitEvent::builder()
            .all_headers(true)
            .build();
        if self.source_pad.send_event(event) {
            self.exit.counters.pli_sent.fetch_add(1, Relaxed);
            gst::debug!(CAT, obj = self.pad, "Asked for a keyframe");
        }
    }
}

/// Into the first element of a track, or where it was. On a thread of its own: a pad that somebody blocks
/// just when something is on its way past the queue holds whoever comes next.
fn push_eos(first: Option<&gst::Element>, outlet: &Outlet) {
    match first.and_then(|first| Some((first, first.static_pad("sink")?))) {
        Some((first, pad)) => first.call_async(move |_| {
            // The only way for it to fail is that EOS has passed already.
            pad.send_event(gst::event::Eos::new());
        }),
        None => outlet.end(),
    }
}

fn missing() -> gst::glib::BoolError {
    gst::glib::bool_error!("an element has lost its pad")
}

fn ghost_pad(
    template: &gst::PadTemplate,
    name: &str,
    origin: Origin,
    exit: &Arc<Exit>,
) -> Result<VdoRoomSrcPad, gst::glib::BoolError> {
    let (chain, event, query, asked) = (exit.clone(), exit.clone(), exit.clone(), exit.clone());
    let pad = gst::PadBuilder::<VdoRoomSrcPad>::from_template(template)
        .name(name)
        .event_function(move |pad, parent, event| match event.view() {
            gst::EventView::SelectStreams(event) => {
                let streams = event.streams();
                asked.select(streams.iter().map(|id| id.to_string()).collect());
                true
            }
            view => {
                if let gst::EventView::Reconfigure(_) = view {
                    asked.reconfigured();
                }
                gst::Pad::event_default(pad, parent, event)
            }
        })
        // decodebin3 leaves the choice to a source that answers this query with true.
        .query_function(|pad, parent, query| match query.view_mut() {
            gst::QueryViewMut::Selectable(query) => {
                query.set_selectable(true);
                true
            }
            _ => gst::Pad::query_default(pad, parent, query),
        })
        .proxy_pad_chain_function(move |pad, parent, buffer| chain.chain(pad, parent, buffer))
        .proxy_pad_event_function(move |pad, parent, e| event.event(pad, parent, e))
        .proxy_pad_query_function(move |pad, parent, q| query.query(pad, parent, q))
        .build();
    pad.set_origin(origin);
    let (linked, unlinked) = (exit.clone(), exit.clone());
    pad.connect_linked(move |pad, _| linked.linked(pad.upcast_ref()));
    pad.connect_unlinked(move |pad, _| unlinked.shortcut.ask(pad.upcast_ref()));
    pad.set_active(true)?;
    Ok(pad)
}
