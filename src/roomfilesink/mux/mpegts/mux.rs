// SPDX-License-Identifier: MPL-2.0
//! A part in MPEG-TS: `mpegtsmux` in a pipeline of its own.
//!
//! The pipeline is not a child of the element: its errors, state changes and clock stay with the
//! part. Frames are pushed into the multiplexer's pads, which take any number of them and never
//! block; a parser is placed before a pad only if the frames are not in the multiplexer's format.
//! The packets come out on the multiplexer's thread at a pad of ours, which never blocks either.

use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;

use super::clock::ClockKeeper;
use super::delimiters::{delimit, delimit_parsed, start};
use crate::roomfilesink::media::{Caption, Codec, Format, Frame, Language};

/// What comes out of the pipeline, from one of its threads.
pub(crate) enum MuxEvent {
    Data(Vec<u8>),
    End,
    Failed(String),
}

/// Bytes that may wait for the multiplexer: it drains them in about 100 ms.
const MAX_WAITING: isize = 16 << 20;
/// What a frame counts beside its bytes, so that no more than some thousand wait.
const FRAME_COST: isize = 4096;
/// What waits is bounded before it comes to the multiplexer: a pad that were full would block. It is
/// full when what waits lasts longer than this (`gst_aggregator_pad_has_space`, GStreamer 1.22): more
/// than a part can hold.
const UNBOUNDED: gst::ClockTime = gst::ClockTime::from_seconds(48 * 60 * 60);

struct Track {
    /// Takes the frames: the parser's pad or the multiplexer's.
    entry: gst::Pad,
    /// There is one.
    parser: Option<gst::Element>,
    format: Arc<Format>,
    /// Where the track's data or gaps end, in nanoseconds from the start of the file.
    position: i64,
    ended: bool,
}

pub(crate) struct MpegTsMux {
    pipeline: gst::Pipeline,
    tracks: Vec<Track>,
    /// As [`cost`] counts.
    waiting: Arc<AtomicIsize>,
    _receiver: gst::Pad,
}

impl MpegTsMux {
    pub(crate) fn new(
        formats: &[Arc<Format>],
        captions: &[Caption],
        report: impl Fn(MuxEvent) + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let report = Arc::new(report);
        let pipeline = gst::Pipeline::new();
        let mux = make("mpegtsmux", &pipeline)?;
        mux.set_property("latency", UNBOUNDED.nseconds());
        let receiver = receiver(report.clone());
        let src = mux.static_pad("src").ok_or("mpegtsmux has no src pad")?;
        src.link(&receiver).map_err(|e| e.to_string())?;
        receiver.set_active(true).map_err(|e| e.to_string())?;
        forward_errors(&pipeline, report)?;
        let waiting = Arc::default();
        let tracks = formats
            .iter()
            .map(|format| add_track(&pipeline, &mux, format, &waiting))
            .collect::<Result<_, _>>()?;
        let mux = Self {
            pipeline,
            tracks,
            waiting,
            _receiver: receiver,
        };
        mux.pipeline
            .set_state(gst::State::Playing)
            .map_err(|e| e.to_string())?;
        for (index, track) in mux.tracks.iter().enumerate() {
            let caption = captions.get(index);
            start_track(track, caption.and_then(|caption| caption.language));
        }
        Ok(mux)
    }

    /// Whether the file can go on with frames of this format.
    pub(crate) fn takes(&self, index: usize, format: &Format) -> bool {
        self.tracks
            .get(index)
            .is_some_and(|track| track.parser.is_some() || needs_no_parser(format))
    }

    /// `base` is the running time at which the file starts.
    pub(crate) fn push(&mut self, index: usize, frame: &Frame, base: i64) -> Result<(), String> {
        let Some(track) = self.tracks.get_mut(index) else {
            return Ok(());
        };
        if !Arc::ptr_eq(&track.format, &frame.format) {
            track.change_format(&frame.format);
        }
        let time = |t: i64| gst::ClockTime::from_nseconds(t.saturating_sub(base).max(0) as u64);
        let Some(mut buffer) = track.prepare(&frame.buffer) else {
            return Ok(());
        };
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(time(frame.pts));
            buffer.set_dts(frame.dts.map(time));
            // The multiplexer adds it to the time that waits.
            let duration = gst::ClockTime::from_nseconds(frame.duration().unsigned_abs());
            buffer.set_duration(Some(duration).filter(|d| !d.is_zero()));
        }
        track.position = track.position.max(frame.end().saturating_sub(base));
        track.entry.chain(buffer).map(|_| ()).map_err(|e| {
            format!(
                "multiplexing {} into MPEG-TS failed: {e}",
                frame.format.codec.name()
            )
        })
    }

    /// A source that is not live outruns the multiplexer.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > MAX_WAITING
    }

    /// Tells the multiplexer not to wait for this track before `until` (running time).
    pub(crate) fn gap(&mut self, index: usize, until: i64, base: i64) {
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
        track.entry.send_event(event);
    }

    /// From now on nothing comes out, as if the multiplexer hung.
    #[cfg(test)]
    pub(crate) fn stall(&self) {
        let block = gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER;
        let types = block | gst::PadProbeType::BUFFER_LIST;
        let source = self._receiver.peer().unwrap();
        source.add_probe(types, |_, _| gst::PadProbeReturn::Ok);
    }

    pub(crate) fn end_track(&mut self, index: usize) {
        if let Some(track) = self.tracks.get_mut(index).filter(|t| !t.ended) {
            track.ended = true;
            track.entry.send_event(gst::event::Eos::new());
        }
    }

    /// Ends all tracks; [`MuxEvent::End`] follows.
    pub(crate) fn finish(&mut self) {
        for index in 0..self.tracks.len() {
            self.end_track(index);
        }
    }
}

impl Track {
    fn change_format(&mut self, format: &Arc<Format>) {
        // mpegtsmux (1.22) fails at the second caps of an Opus stream, whatever they are. What
        // its tables say of one is the same as long as `Format::can_become` holds.
        let may_tell = self.parser.is_some() || format.codec != Codec::Opus;
        if may_tell && self.format.caps != format.caps {
            self.entry.send_event(gst::event::Caps::new(&format.caps));
        }
        self.format = format.clone();
    }

    /// The frame as it goes into the file; `None` for what does not belong there.
    fn prepare(&self, frame: &gst::Buffer) -> Option<gst::Buffer> {
        let mut copy = frame.copy();
        if self.parser.is_some() {
            return Some(copy);
        }
        let start = start(frame);
        match self.format.codec {
            // The headers of an Ogg file: the tables hold what they say.
            Codec::Opus if matches!(&start, b"OpusHead" | b"OpusTags") => return None,
            codec => delimit(codec, &start, &mut copy),
        }
        Some(copy)
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

/// Whether frames are as mpegtsmux wants them, which has no place for parameter sets outside of
/// them.
fn needs_no_parser(format: &Format) -> bool {
    let caps = match format.codec {
        Codec::H264 => "video/x-h264,stream-format=(string)byte-stream,alignment=(string)au",
        Codec::H265 => "video/x-h265,stream-format=(string)byte-stream,alignment=(string)au",
        Codec::Opus => "audio/x-opus,channels=(int)[1,2],channel-mapping-family=(int)0",
        _ => return false,
    };
    caps.parse()
        .is_ok_and(|caps: gst::Caps| format.caps.is_subset(&caps))
}

fn add_track(
    pipeline: &gst::Pipeline,
    mux: &gst::Element,
    format: &Arc<Format>,
    waiting: &Arc<AtomicIsize>,
) -> Result<Track, String> {
    let parser = match format.codec {
        _ if needs_no_parser(format) => None,
        Codec::H264 => Some("h264parse"),
        Codec::H265 => Some("h265parse"),
        Codec::Opus => Some("opusparse"),
        Codec::Aac => Some("aacparse"),
        other => return Err(format!("MPEG-TS does not hold {}", other.name())),
    };
    let parser = parser.map(|factory| make(factory, pipeline)).transpose()?;
    let pad = mux.request_pad_simple("sink_%d");
    let pad = pad.ok_or("mpegtsmux gives no pad")?;
    if parser.is_some() {
        delimit_parsed(&pad, format.codec);
    }
    count_waiting(&pad, waiting);
    let entry = match &parser {
        None => pad,
        Some(parser) => put_before(parser, &pad)?,
    };
    Ok(Track {
        entry,
        parser,
        format: format.clone(),
        position: 0,
        ended: false,
    })
}

/// The parser's sink pad.
fn put_before(parser: &gst::Element, pad: &gst::Pad) -> Result<gst::Pad, String> {
    if parser.has_property("config-interval") {
        // Parameter sets before each keyframe: a file without its beginning still plays.
        parser.set_property("config-interval", -1i32);
    }
    let src = parser.static_pad("src").ok_or("a parser has no src pad")?;
    src.link(pad).map_err(|e| e.to_string())?;
    Ok(parser
        .static_pad("sink")
        .ok_or("a parser has no sink pad")?)
}

/// Counts what goes into a pad of the multiplexer and has not been taken out of it yet.
fn count_waiting(pad: &gst::Pad, waiting: &Arc<AtomicIsize>) {
    pad.set_property("emit-signals", true);
    let came = waiting.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let size = info.buffer().map_or(0, |buffer| cost(buffer));
        came.fetch_add(size, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
    let left = waiting.clone();
    pad.connect("buffer-consumed", false, move |values| {
        let buffer = values
            .get(1)
            .and_then(|value| value.get::<&gst::BufferRef>().ok());
        // A gap comes as a buffer without bytes, and past the probe.
        left.fetch_sub(buffer.map_or(0, cost), Ordering::Relaxed);
        None
    });
}

fn cost(buffer: &gst::BufferRef) -> isize {
    match buffer.size() {
        0 => 0,
        size => FRAME_COST.saturating_add_unsigned(size),
    }
}

/// A transport stream has a place for a track's language, and none for its name.
fn start_track(track: &Track, language: Option<Language>) {
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    let stream_start = gst::event::StreamStart::new("part");
    track.entry.send_event(stream_start);
    let caps = gst::event::Caps::new(&track.format.caps);
    track.entry.send_event(caps);
    track.entry.send_event(gst::event::Segment::new(&segment));
    if let Some(language) = language {
        let mut tags = gst::TagList::new();
        let code = language.terminological();
        tags.make_mut()
            .add::<gst::tags::LanguageCode>(&code, gst::TagMergeMode::Replace);
        track.entry.send_event(gst::event::Tag::new(tags));
    }
}

/// Where the multiplexer's packets go.
struct Output<R> {
    /// Packets and EOS come on one thread, so the lock is never contended.
    clock: Mutex<ClockKeeper>,
    report: Arc<R>,
}

impl<R: Fn(MuxEvent)> Output<R> {
    fn packets(&self, packets: &[u8]) {
        let data = self.clock().push(packets);
        if !data.is_empty() {
            (self.report)(MuxEvent::Data(data));
        }
    }

    fn end(&self) {
        let rest = self.clock().finish();
        (self.report)(MuxEvent::Data(rest));
        (self.report)(MuxEvent::End);
    }

    fn clock(&self) -> MutexGuard<'_, ClockKeeper> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn receiver(report: Arc<impl Fn(MuxEvent) + Send + Sync + 'static>) -> gst::Pad {
    let output = Arc::new(Output {
        clock: Mutex::default(),
        report,
    });
    let (on_buffer, on_list) = (output.clone(), output.clone());
    gst::Pad::builder(gst::PadDirection::Sink)
        .name("file")
        .chain_function(move |_, _, buffer| {
            let map = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
            on_buffer.packets(&map);
            Ok(gst::FlowSuccess::Ok)
        })
        // The packets of a frame, each in a buffer of its own.
        .chain_list_function(move |_, _, list| {
            let mut packets = vec![0; list.calculate_size()];
            let mut rest = packets.as_mut_slice();
            for buffer in list.iter() {
                let (packet, after) = rest.split_at_mut(buffer.size());
                buffer
                    .copy_to_slice(0, packet)
                    .map_err(|_| gst::FlowError::Error)?;
                rest = after;
            }
            on_list.packets(&packets);
            Ok(gst::FlowSuccess::Ok)
        })
        .event_function(move |_, _, event| {
            if event.type_() == gst::EventType::Eos {
                output.end();
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
