// SPDX-License-Identifier: MPL-2.0
//! One track of a session: from webrtcbin's pad to a ghost pad of the element.
//!
//! `webrtcbin ▶ depayloader ▶ timestamps ▶ parser ▶ queue ▶ ghost pad`
//!
//! The queue leaks, so nothing above it ever waits for a consumer.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use gst::prelude::*;

use super::CAT;
use super::codecs::Codec;
use super::control::TrackId;
use super::exit::Exit;
use super::keyframes::KeyframePolicy;
use super::pad::{Origin, VdoRoomSrcPad};
use super::pad_names::Kind;
use super::session::discard;
use super::timestamps::Timestamps;
use crate::protocol::STALL;

/// About 10 s of media, whatever it is: 20 ms of audio or 1/60 s of video in a buffer at least.
const QUEUE_BUFFERS: u32 = 1000;
const QUEUE_BYTES: u32 = 32 << 20;

const BITRATE_WINDOW: Duration = Duration::from_secs(1);

pub(super) struct Track {
    pub id: TrackId,
    pub kind: Kind,
    pub codec: &'static Codec,
    pub exit: Arc<Exit>,
    pub pad: VdoRoomSrcPad,
    pub keyframes: KeyframePolicy,
    webrtcbin_pad: gst::Pad,
    elements: Vec<gst::Element>,
    keyframes_seen: u64,
    /// When the bitrate was last computed, and the bytes until then.
    bitrate_sample: (Instant, u64),
    pub eos_left: bool,
}

/// What a track is made of, besides the elements.
pub(super) struct Plan {
    pub kind: Kind,
    pub codec: &'static Codec,
    pub template: gst::PadTemplate,
    pub pad_name: String,
    pub origin: Origin,
    pub exit: Exit,
    pub keyframes: KeyframePolicy,
    /// Begins the names of the elements: tells whose they are when one reports an error.
    pub prefix: String,
}

impl Track {
    /// Builds the chain inside `bin`, up to the ghost pad, which is not added yet. The
    /// webrtcbin pad is linked, and still blocked by whoever blocked it.
    pub(super) fn build(
        bin: &gst::Bin,
        webrtcbin_pad: &gst::Pad,
        plan: Plan,
    ) -> Result<Self, gst::glib::BoolError> {
        let exit = Arc::new(plan.exit);
        let pad = ghost_pad(&plan.template, &plan.pad_name, plan.origin, &exit)?;
        let elements = chain_elements(plan.codec, &plan.prefix)?;
        bin.add_many(&elements)?;
        let track = Self {
            id: exit.track,
            kind: plan.kind,
            codec: plan.codec,
            pad,
            exit,
            keyframes: plan.keyframes,
            webrtcbin_pad: webrtcbin_pad.clone(),
            elements,
            keyframes_seen: 0,
            bitrate_sample: (Instant::now(), 0),
            eos_left: false,
        };
        match track.connect() {
            Ok(()) => Ok(track),
            Err(error) => {
                track.remove_elements(bin);
                Err(error)
            }
        }
    }

    fn connect(&self) -> Result<(), gst::glib::BoolError> {
        let missing = || gst::glib::bool_error!("an element has lost its pad");
        gst::Element::link_many(&self.elements)?;
        let (Some(first), Some(last)) = (self.elements.first(), self.elements.last()) else {
            return Err(missing());
        };
        let source = first.static_pad("src").ok_or_else(missing)?;
        let entry = first.static_pad("sink").ok_or_else(missing)?;
        mend_caps(&entry, self.codec);
        watch_connection(&self.webrtcbin_pad, &self.exit);
        add_timestamps(&source, &self.exit);
        if self.codec.parser == Some("vp9parse") {
            forget_size(&source);
        }
        report_leaks(last, &self.exit);
        count_keyframes(&last.static_pad("sink").ok_or_else(missing)?, &self.exit);
        self.pad
            .set_target(Some(&last.static_pad("src").ok_or_else(missing)?))?;
        for element in self.elements.iter().rev() {
            element.sync_state_with_parent()?;
        }
        self.webrtcbin_pad.link(&entry).map_err(|error| {
            gst::glib::bool_error!("cannot link {}: {error}", self.codec.encoding_name)
        })?;
        Ok(())
    }

    /// Sends EOS down the chain, behind everything that was received.
    pub(super) fn end(&self) {
        self.webrtcbin_pad.add_probe(
            gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST,
            |_, _| gst::PadProbeReturn::Drop,
        );
        let first = self.elements.first();
        if let Some(pad) = first.and_then(|element| element.static_pad("sink")) {
            // The only way for it to fail is that EOS has passed already.
            pad.send_event(gst::event::Eos::new());
        }
    }

    /// Frees a consumer that did not take EOS in time, so that the pad can be removed.
    pub(super) fn flush_consumer(&self) {
        self.pad.push_event(gst::event::FlushStart::new());
    }

    /// Lets the consumer go on with what else it is linked to.
    pub(super) fn end_flush(&self) {
        self.pad.push_event(gst::event::FlushStop::new(false));
    }

    pub(super) fn remove_elements(&self, bin: &gst::Bin) {
        for element in &self.elements {
            discard(element, bin);
        }
    }

    /// Asks for a keyframe if one is due.
    pub(super) fn poll_keyframe(&mut self, now: Instant) {
        if !self.kind.is_video() {
            return;
        }
        let seen = self.exit.counters.keyframes.load(Relaxed);
        if seen != self.keyframes_seen {
            self.keyframes_seen = seen;
            self.keyframes.keyframe_came(now);
        }
        // A consumer that fails could do nothing with one.
        let lacks_one =
            self.exit.waits_for_keyframe() && self.exit.is_taken() && self.pad.is_linked();
        if lacks_one | self.exit.take_damaged() {
            self.keyframes.need();
        }
        let last = self.exit.last_arrival();
        let sends = last.is_none_or(|at| now.saturating_duration_since(at) < STALL);
        if sends && self.keyframes.poll(now) {
            self.request_keyframe();
        }
    }

    pub(super) fn poll_bitrate(&mut self, now: Instant) {
        let (since, before) = self.bitrate_sample;
        let elapsed = now.saturating_duration_since(since);
        if elapsed < BITRATE_WINDOW {
            return;
        }
        let bytes = self.exit.counters.bytes.load(Relaxed);
        let bits_per_second = (bytes - before) as f64 * 8.0 / elapsed.as_secs_f64();
        let bitrate = &self.exit.counters.bitrate;
        bitrate.store(bits_per_second as u64, Relaxed);
        self.bitrate_sample = (now, bytes);
    }

    /// The SSRC that webrtcbin's pad carries.
    pub(super) fn ssrc(&self) -> Option<u32> {
        let caps = self.webrtcbin_pad.current_caps()?;
        caps.structure(0)?.get("ssrc").ok()
    }

    pub(super) fn request_keyframe(&self) {
        let event = gst_video::UpstreamForceKeyUnitEvent::builder()
            .all_headers(true)
            .build();
        if self.webrtcbin_pad.send_event(event) {
            self.exit.counters.pli_sent.fetch_add(1, Relaxed);
            gst::debug!(CAT, obj = self.pad, "Asked for a keyframe");
        }
    }
}

fn chain_elements(codec: &Codec, prefix: &str) -> Result<Vec<gst::Element>, gst::glib::BoolError> {
    let make = |factory: &str| {
        gst::ElementFactory::make(factory)
            .name(format!("{prefix}{factory}"))
            .build()
    };
    let mut elements = vec![make(codec.depayloader)?];
    if let Some(caps) = codec.depayloader_caps {
        let filter = make("capsfilter")?;
        filter.set_property_from_str("caps", caps);
        elements.push(filter);
    }
    if let Some(parser) = codec.parser {
        let parser = make(parser)?;
        if parser.has_property("config-interval") {
            // Parameter sets before each keyframe: a file can be cut and joined anywhere.
            parser.set_property_from_str("config-interval", "-1");
        }
        elements.push(parser);
    }
    let queue = gst::ElementFactory::make("queue")
        .name(format!("{prefix}queue"))
        .property_from_str("leaky", "downstream")
        // Not bounded by time: until something leaves the queue it takes the running time for
        // its level, and drops the first keyframe of whoever joins late (GStreamer 1.22).
        .property("max-size-time", 0u64)
        .property("max-size-buffers", QUEUE_BUFFERS)
        .property("max-size-bytes", QUEUE_BYTES)
        .build()?;
    elements.push(queue);
    Ok(elements)
}

fn ghost_pad(
    template: &gst::PadTemplate,
    name: &str,
    origin: Origin,
    exit: &Arc<Exit>,
) -> Result<VdoRoomSrcPad, gst::glib::BoolError> {
    let (chain, event, query) = (exit.clone(), exit.clone(), exit.clone());
    let pad = gst::PadBuilder::<VdoRoomSrcPad>::from_template(template)
        .name(name)
        .proxy_pad_chain_function(move |pad, parent, buffer| chain.chain(pad, parent, buffer))
        .proxy_pad_event_function(move |pad, parent, e| event.event(pad, parent, e))
        .proxy_pad_query_function(move |pad, parent, q| query.query(pad, parent, q))
        .build();
    pad.set_origin(origin);
    let linked = exit.clone();
    pad.connect_linked(move |_, _| linked.linked());
    pad.set_active(true)?;
    Ok(pad)
}

/// A publisher that closes its connection makes webrtcbin send EOS on all pads. Where EOS is due is
/// ours to say, in order and for one session; this one only tells that the connection is over.
fn watch_connection(webrtcbin_pad: &gst::Pad, exit: &Arc<Exit>) {
    let exit = exit.clone();
    webrtcbin_pad.add_probe(
        gst::PadProbeType::EVENT_DOWNSTREAM,
        move |_, info| match info.event() {
            Some(event) if event.type_() == gst::EventType::Eos => {
                exit.connection_closed();
                // Dropped: after `Drop`, GStreamer 1.22 takes a reference away from nothing, since
                // the bindings have taken the event out.
                gst::PadProbeReturn::Handled
            }
            _ => gst::PadProbeReturn::Ok,
        },
    );
}

/// webrtcbin (1.22) reads the data channel's m-line, `webrtc-datachannel`, as payload type 0, and
/// takes what it says for that of PCMU where it comes first.
fn mend_caps(entry: &gst::Pad, codec: &'static Codec) {
    let lacks_name = |caps: &gst::CapsRef| {
        let rtp = caps.structure(0);
        rtp.is_some_and(|rtp| !rtp.has_field("encoding-name"))
    };
    entry.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view())
            && lacks_name(event.caps())
        {
            let mut caps = event.caps().to_owned();
            let media = if codec.video { "video" } else { "audio" };
            caps.make_mut().set("media", media);
            caps.make_mut().set("encoding-name", codec.encoding_name);
            let mended = gst::event::Caps::builder(&caps).seqnum(event.seqnum());
            info.data = Some(gst::PadProbeData::Event(mended.build()));
        }
        gst::PadProbeReturn::Ok
    });
    // An element in between asks before the event comes.
    entry.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, move |_, info| {
        if let Some(gst::QueryViewMut::AcceptCaps(query)) =
            info.query_mut().map(|query| query.view_mut())
            && lacks_name(query.caps())
        {
            query.set_result(true);
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    });
}

/// vp9parse believes the size that comes with the caps. rtpvp9depay has it from the payload
/// descriptor, which does not follow each change and may be wrong; the frames tell it.
fn forget_size(depayloaded: &gst::Pad) {
    depayloaded.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view()) {
            let mut caps = event.caps().to_owned();
            if let Some(vp9) = caps.make_mut().structure_mut(0) {
                vp9.remove_fields(["width", "height"]);
            }
            let event = gst::event::Caps::builder(&caps).seqnum(event.seqnum());
            info.data = Some(gst::PadProbeData::Event(event.build()));
        }
        gst::PadProbeReturn::Ok
    });
}

/// Watches what leaves the depayloader: when, and with timestamps that rise.
fn add_timestamps(source: &gst::Pad, exit: &Arc<Exit>) {
    let exit = exit.clone();
    let timestamps = Timestamps::default();
    let paused = exit.clone();
    let fix = move |buffer: &mut gst::Buffer| {
        exit.arrived(buffer.flags());
        let pts = timestamps.fix(buffer.pts());
        if buffer.pts() != Some(pts) {
            buffer.make_mut().set_pts(pts);
        }
    };
    source.add_probe(
        gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST,
        move |_, info| {
            if paused.is_paused() {
                return gst::PadProbeReturn::Drop;
            }
            match &mut info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => fix(buffer),
                Some(gst::PadProbeData::BufferList(list)) => {
                    let fixed = list.iter_owned().map(|mut buffer| {
                        fix(&mut buffer);
                        buffer
                    });
                    *list = fixed.collect();
                }
                _ => {}
            }
            gst::PadProbeReturn::Ok
        },
    );
}

/// Behind the parser: a depayloader does not always tell a keyframe (`rtpav1depay`).
fn count_keyframes(entry: &gst::Pad, exit: &Arc<Exit>) {
    let exit = exit.clone();
    entry.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer() {
            exit.parsed(buffer.flags());
        }
        gst::PadProbeReturn::Ok
    });
}

fn report_leaks(queue: &gst::Element, exit: &Arc<Exit>) {
    let exit = exit.clone();
    queue.connect("overrun", false, move |_| {
        exit.queue_leaked();
        None
    });
}
