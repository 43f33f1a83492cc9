// SPDX-License-Identifier: MPL-2.0
//! The request pads: they turn buffers and events into messages to the control thread, on the
//! source's streaming thread, and never return an error to the source.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gst::prelude::*;

use crate::bitstream::Entry;
use crate::roomfilesink::log::CAT;
use crate::roomfilesink::media::{Coded, Format, Frame, Kind, Track};
use crate::roomfilesink::messages::{Msg, Outbox};
use crate::roomfilesink::parts::Reason;

const VIDEO_CAPS: &str = "video/x-h264, stream-format=(string){ byte-stream, avc, avc3 }, alignment=(string)au; \
    video/x-h265, stream-format=(string){ byte-stream, hvc1, hev1 }, alignment=(string)au; \
    video/x-vp8; video/x-vp9; video/x-av1, stream-format=(string)obu-stream, alignment=(string)tu";
const AUDIO_CAPS: &str = "audio/x-opus; \
    audio/x-mulaw, rate=(int)[ 8000, 192000 ], channels=(int)[ 1, 2 ]; \
    audio/x-alaw, rate=(int)[ 8000, 192000 ], channels=(int)[ 1, 2 ]; \
    audio/G722, rate=(int)16000, channels=(int)[ 1, 2 ]; \
    audio/mpeg, mpegversion=(int){ 2, 4 }, stream-format=(string){ raw, adts }";

pub(crate) static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
    [("video_%s", VIDEO_CAPS), ("audio_%s", AUDIO_CAPS)]
        .into_iter()
        .filter_map(|(name, caps)| {
            let caps: gst::Caps = caps.parse().ok()?;
            let (direction, presence) = (gst::PadDirection::Sink, gst::PadPresence::Request);
            gst::PadTemplate::new(name, direction, presence, &caps).ok()
        })
        .collect()
});

/// What a pad remembers between buffers. Its streaming thread takes the lock, and who sends an event out of band.
#[derive(Default)]
struct State {
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    format: Option<Arc<Format>>,
    last_pts: Option<i64>,
    /// The source was asked whether it is live.
    asked_live: bool,
    /// The source has said that nobody can decode what comes in this session.
    undecodable: Arc<AtomicBool>,
    /// Of H.264 and H.265.
    coded: Option<Coded>,
}

struct Input {
    track: Arc<Track>,
    outbox: Outbox,
    state: Mutex<State>,
}

/// Makes a pad of this template and what the control thread knows of it.
pub(crate) fn new_pad(
    template: &gst::PadTemplate,
    name: &str,
    suffix: Option<String>,
    outbox: Outbox,
) -> (gst::Pad, Arc<Track>) {
    let kind = if template.name_template().starts_with("video") {
        Kind::Video
    } else {
        Kind::Audio
    };
    // The pad's functions need the track, which needs the pad: it comes by a cell.
    let input: Arc<std::sync::OnceLock<Input>> = Arc::default();
    let (on_buffer, on_event) = (input.clone(), input.clone());
    let pad = gst::Pad::builder_from_template(template)
        .name(name)
        .chain_function(move |pad, _, buffer| {
            if let Some(input) = on_buffer.get() {
                input.buffer(pad, buffer);
            }
            Ok(gst::FlowSuccess::Ok)
        })
        .event_function(move |pad, parent, event| {
            if let Some(input) = on_event.get() {
                input.event(pad, &event);
            }
            gst::Pad::event_default(pad, parent, event)
        })
        .query_function(|pad, parent, query| match query.view_mut() {
            // They would make the source wait until what it sent before is written.
            gst::QueryViewMut::Allocation(_) | gst::QueryViewMut::Drain(_) => false,
            // A "no" would end the source, and the rest of the person with it.
            gst::QueryViewMut::AcceptCaps(accept) => {
                accept.set_result(true);
                true
            }
            gst::QueryViewMut::Custom(custom) => say_who_never_waits(pad, custom),
            _ => gst::Pad::query_default(pad, parent, query),
        })
        .build();
    let track = Arc::new(Track::new(kind, &pad, suffix));
    let _ = input.set(Input {
        track: track.clone(),
        outbox,
        state: Mutex::default(),
    });
    (pad, track)
}

impl Input {
    fn buffer(&self, pad: &gst::Pad, buffer: gst::Buffer) {
        if self.track.retired.load(Ordering::Acquire) {
            return;
        }
        self.ask_whether_live(pad);
        if let Some(frame) = self.frame(pad, buffer) {
            if self.track.is_full() {
                self.outbox.hurry();
            }
            self.track.take_credit(frame.buffer.size());
            self.outbox.send(Msg::Frame(self.track.clone(), frame));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the source once per stream.
    fn ask_whether_live(&self, pad: &gst::Pad) {
        if std::mem::replace(&mut self.state().asked_live, true) {
            return;
        }
        let mut latency = gst::query::Latency::new();
        let live = pad.peer_query(&mut latency) && latency.result().0;
        self.track.live.store(live, Ordering::Release);
    }

    /// The buffer with its format and running times; `None` for what is outside of the segment or
    /// came without caps.
    fn frame(&self, pad: &gst::Pad, buffer: gst::Buffer) -> Option<Frame> {
        let (format, segment, last_pts, undecodable) = {
            let state = self.state();
            let (format, segment) = (state.format.clone(), state.segment.clone());
            (format, segment, state.last_pts, state.undecodable.clone())
        };
        let Some(format) = format else {
            gst::log!(CAT, obj = pad, "buffer without caps that can be recorded");
            return None;
        };
        let segment = segment?;
        let running_time = |t: gst::ClockTime| signed(segment.to_running_time_full(t)?);
        // A buffer without a time belongs to the one before (parsers of some sources).
        let pts = buffer.pts().or(buffer.dts());
        let pts = pts.and_then(running_time).or(last_pts)?;
        let dts = buffer.dts().and_then(running_time);
        self.state().last_pts = Some(pts);
        let (buffer, pts, dts, entry) = self.complete(buffer, pts, dts);
        Some(Frame {
            buffer,
            format,
            pts,
            dts,
            entry,
            undecodable,
            arrived: Instant::now(),
        })
    }

    /// The frame with what it lacks, its times, and whether a file can begin with it.
    fn complete(
        &self,
        buffer: gst::Buffer,
        pts: i64,
        dts: Option<i64>,
    ) -> (gst::Buffer, i64, Option<i64>, Entry) {
        let Some(mut coded) = self.state().coded.take() else {
            let is_delta = buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
            let entry = if is_delta { Entry::No } else { Entry::Clean };
            return (buffer, pts, dts, entry);
        };
        let (buffer, entry) = coded.judge(buffer, pts);
        let (pts, dts) = coded.times(pts, dts);
        self.state().coded = Some(coded);
        (buffer, pts, dts, entry)
    }

    fn event(&self, pad: &gst::Pad, event: &gst::Event) {
        let track = || self.track.clone();
        match event.view() {
            gst::EventView::StreamStart(start) => {
                self.track.eos.store(false, Ordering::Release);
                self.state().asked_live = false;
                self.outbox.send(Msg::StreamStart {
                    track: track(),
                    stream_id: start.stream_id().to_string(),
                    group: start.group_id(),
                });
            }
            gst::EventView::StreamCollection(event) => {
                let ids = media_stream_ids(&event.stream_collection());
                self.outbox.send(Msg::Collection(track(), ids));
            }
            gst::EventView::Caps(caps) => self.caps(pad, caps.caps()),
            gst::EventView::Segment(event) => self.segment(pad, event.segment()),
            gst::EventView::Tag(tag) => {
                let tags = tag.tag_owned();
                let title = tags.get::<gst::tags::Title>();
                if title.is_some() || tags.get::<gst::tags::LanguageCode>().is_some() {
                    self.outbox.send(Msg::Tags(track(), tags));
                }
            }
            gst::EventView::Gap(_) => self.outbox.send(Msg::Gap(track())),
            gst::EventView::Eos(_) => {
                self.track.eos.store(true, Ordering::Release);
                self.outbox.send(Msg::Ended(track(), Reason::Eos));
            }
            _ => self.custom_event(event),
        }
    }

    fn custom_event(&self, event: &gst::Event) {
        let Some(structure) = event.structure() else {
            return;
        };
        match structure.name().as_str() {
            "vdoroom-stream" => {
                self.track.of_a_room.store(true, Ordering::Release);
                self.state().undecodable = Arc::default();
                let msg = Msg::Person(self.track.clone(), structure.to_owned());
                self.outbox.send(msg);
            }
            "vdoroom-undecodable" => self.state().undecodable.store(true, Ordering::Relaxed),
            "vdoroom-session-end" => {
                let reason = structure.get::<String>("reason").unwrap_or_default();
                self.outbox
                    .send(Msg::SessionEnd(self.track.clone(), reason));
            }
            _ => {}
        }
    }

    fn caps(&self, pad: &gst::Pad, caps: &gst::CapsRef) {
        let taken = caps.can_intersect(&pad.pad_template_caps());
        let format = taken.then(|| Format::from_caps(&caps.to_owned())).flatten();
        let format = format.map(Arc::new);
        if format.is_none() {
            gst::warning!(CAT, obj = pad, "cannot record {caps}");
            self.outbox
                .send(Msg::Refused(self.track.clone(), caps.to_string()));
        }
        let mut state = self.state();
        let before = state.coded.take();
        state.coded = format
            .as_ref()
            .and_then(|format| Coded::new(format.codec, caps, before));
        state.format = format;
    }

    fn segment(&self, pad: &gst::Pad, segment: &gst::Segment) {
        let time = segment.downcast_ref::<gst::ClockTime>().cloned();
        if time.is_none() {
            gst::warning!(CAT, obj = pad, "segment is not in time");
        }
        self.state().segment = time;
    }
}

/// A source that would put a thread in between, lest it wait for us, can spare it: a live one is
/// never held up.
fn say_who_never_waits(pad: &gst::Pad, query: &mut gst::query::Custom) -> bool {
    let is_it = query
        .structure()
        .is_some_and(|s| s.name() == "vdoroom-never-waits");
    if is_it {
        query.structure_mut().set("pad", pad);
    }
    is_it
}

fn signed(time: gst::Signed<gst::ClockTime>) -> Option<i64> {
    match time {
        gst::Signed::Positive(t) => i64::try_from(t.nseconds()).ok(),
        gst::Signed::Negative(t) => i64::try_from(t.nseconds()).ok().map(|t| -t),
    }
}

fn media_stream_ids(collection: &gst::StreamCollection) -> Vec<String> {
    collection
        .iter()
        .filter(|s| {
            s.stream_type()
                .intersects(gst::StreamType::AUDIO | gst::StreamType::VIDEO)
        })
        .filter_map(|s| s.stream_id())
        .map(|id| id.to_string())
        .collect()
}
