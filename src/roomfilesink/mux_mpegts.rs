// SPDX-License-Identifier: MPL-2.0
//! A part in MPEG-TS: `queue ! parser ! mpegtsmux`, in a pipeline of its own.
//!
//! The pipeline is not a child of the element: its errors, state changes and clock stay with the
//! part. Frames are pushed into the queues' sink pads, the multiplexed packets come out at a pad
//! of ours, which never blocks and so never holds the pipeline back.

use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;

use super::container::Codec;
use super::format::{Format, Frame};
use super::mpegts_clock::ClockKeeper;

/// What comes out of the pipeline, from one of its threads.
pub(super) enum MuxEvent {
    Data(Vec<u8>),
    End,
    Failed(String),
}

/// Frames of one track that may wait for the multiplexer: it drains them in about 100 ms.
const MAX_QUEUED: u32 = 4096;
/// The same in bytes.
const MAX_QUEUED_BYTES: u32 = 16 << 20;

struct Track {
    queue: gst::Pad,
    queue_element: gst::Element,
    format: Arc<Format>,
    /// Where the track's data or gaps end, in nanoseconds from the start of the file.
    position: i64,
    ended: bool,
}

pub(super) struct MpegTsMux {
    pipeline: gst::Pipeline,
    tracks: Vec<Track>,
    _receiver: gst::Pad,
}

impl MpegTsMux {
    pub(super) fn new(
        formats: &[Arc<Format>],
        report: impl Fn(MuxEvent) + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let report = Arc::new(report);
        let pipeline = gst::Pipeline::new();
        let mux = make("mpegtsmux", &pipeline)?;
        let receiver = receiver(report.clone());
        let src = mux.static_pad("src").ok_or("mpegtsmux has no src pad")?;
        src.link(&receiver).map_err(|e| e.to_string())?;
        receiver.set_active(true).map_err(|e| e.to_string())?;
        forward_errors(&pipeline, report)?;
        let tracks = formats
            .iter()
            .map(|format| add_track(&pipeline, &mux, format))
            .collect::<Result<_, _>>()?;
        let mux = Self {
            pipeline,
            tracks,
            _receiver: receiver,
        };
        mux.pipeline
            .set_state(gst::State::Playing)
            .map_err(|e| e.to_string())?;
        for track in &mux.tracks {
            start_track(track);
        }
        Ok(mux)
    }

    /// `base` is the running time at which the file starts.
    pub(super) fn push(&mut self, index: usize, frame: &Frame, base: i64) -> Result<(), String> {
        let Some(track) = self.tracks.get_mut(index) else {
            return Ok(());
        };
        if !Arc::ptr_eq(&track.format, &frame.format) {
            track.format = frame.format.clone();
            let caps = gst::event::Caps::new(&frame.format.caps);
            track.queue.send_event(caps);
        }
        let time = |t: i64| gst::ClockTime::from_nseconds(t.saturating_sub(base).max(0) as u64);
        let mut buffer = frame.buffer.copy();
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(time(frame.pts));
            buffer.set_dts(frame.dts.map(time));
        }
        track.position = track.position.max(frame.end().saturating_sub(base));
        track.queue.chain(buffer).map(|_| ()).map_err(|e| {
            format!(
                "multiplexing {} into MPEG-TS failed: {e}",
                frame.format.codec.name()
            )
        })
    }

    /// A source that is not live outruns the multiplexer.
    pub(super) fn is_full(&self) -> bool {
        self.tracks.iter().any(|track| {
            let level = |name| track.queue_element.property::<u32>(name);
            level("current-level-buffers") > MAX_QUEUED
                || level("current-level-bytes") > MAX_QUEUED_BYTES
        })
    }

    /// Tells the multiplexer not to wait for this track before `until` (running time).
    pub(super) fn gap(&mut self, index: usize, until: i64, base: i64) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        let until = until.saturating_sub(base);
        if track.ended || until <= track.position {
            return;
        }
        let time = |t: i64| gst::ClockTime::from_nseconds(t.max(0) as u64);
        let event = gst::event::Gap::builder(time(track.position))
            .duration(time(until - track.position))
            .build();
        track.position = until;
        track.queue.send_event(event);
    }

    pub(super) fn end_track(&mut self, index: usize) {
        if let Some(track) = self.tracks.get_mut(index).filter(|t| !t.ended) {
            track.ended = true;
            track.queue.send_event(gst::event::Eos::new());
        }
    }

    /// Ends all tracks; [`MuxEvent::End`] follows.
    pub(super) fn finish(&mut self) {
        for index in 0..self.tracks.len() {
            self.end_track(index);
        }
    }
}

impl Drop for MpegTsMux {
    fn drop(&mut self) {
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn make(factory: &str, pipeline: &gst::Pipeline) -> Result<gst::Element, String> {
    let element = gst::ElementFactory::make(factory).build().map_err(|_| {
        format!("GStreamer element {factory} is missing (Debian: gstreamer1.0-plugins-bad)")
    })?;
    pipeline.add(&element).map_err(|e| e.to_string())?;
    Ok(element)
}

fn add_track(
    pipeline: &gst::Pipeline,
    mux: &gst::Element,
    format: &Arc<Format>,
) -> Result<Track, String> {
    let parser = match format.codec {
        Codec::H264 => "h264parse",
        Codec::H265 => "h265parse",
        Codec::Opus => "opusparse",
        Codec::Aac => "aacparse",
        other => return Err(format!("MPEG-TS does not hold {}", other.name())),
    };
    let parser = make(parser, pipeline)?;
    if parser.has_property("config-interval") {
        // Parameter sets before each keyframe: a file without its beginning still plays.
        parser.set_property("config-interval", -1i32);
    }
    let queue = make("queue", pipeline)?;
    // What waits is bounded before it comes here. A limit by time would count from running time
    // 0 as long as nothing has left the queue (GStreamer 1.22).
    queue.set_property("max-size-buffers", 0u32);
    queue.set_property("max-size-bytes", 0u32);
    queue.set_property("max-size-time", 0u64);
    gst::Element::link_many([&queue, &parser, mux]).map_err(|e| e.to_string())?;
    let pad = queue.static_pad("sink").ok_or("queue has no sink pad")?;
    Ok(Track {
        queue: pad,
        queue_element: queue,
        format: format.clone(),
        position: 0,
        ended: false,
    })
}

fn start_track(track: &Track) {
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    let stream_start = gst::event::StreamStart::new("part");
    track.queue.send_event(stream_start);
    let caps = gst::event::Caps::new(&track.format.caps);
    track.queue.send_event(caps);
    track.queue.send_event(gst::event::Segment::new(&segment));
}

fn receiver(report: Arc<impl Fn(MuxEvent) + Send + Sync + 'static>) -> gst::Pad {
    // Buffers and EOS come on one thread, so nobody waits for this lock.
    let start = Arc::new(Mutex::new(ClockKeeper::default()));
    let (on_event, at_end) = (report.clone(), start.clone());
    gst::Pad::builder(gst::PadDirection::Sink)
        .name("file")
        .chain_function(move |_, _, buffer| {
            let map = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
            let data = start
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(&map);
            report(MuxEvent::Data(data));
            Ok(gst::FlowSuccess::Ok)
        })
        .event_function(move |_, _, event| {
            if event.type_() == gst::EventType::Eos {
                let rest = at_end
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .finish();
                on_event(MuxEvent::Data(rest));
                on_event(MuxEvent::End);
            }
            true
        })
        .build()
}

fn forward_errors(
    pipeline: &gst::Pipeline,
    report: Arc<impl Fn(MuxEvent) + Send + Sync + 'static>,
) -> Result<(), String> {
    let bus = pipeline.bus().ok_or("pipeline has no bus")?;
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(error) = message.view() {
            report(MuxEvent::Failed(error.error().to_string()));
        }
        gst::BusSyncReply::Drop
    });
    Ok(())
}
