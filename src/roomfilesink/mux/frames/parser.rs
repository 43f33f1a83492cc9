// SPDX-License-Identifier: MPL-2.0
//! A GStreamer parser in front of a writer, for the codecs whose frames need rewriting: frames go in,
//! parsed frames come out before the call returns.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;

use crate::roomfilesink::media::{Codec, Format, Frame};

/// A frame as the container wants it, with the caps that hold for it.
pub(crate) struct Parsed {
    /// `None`: those of the track's format.
    pub caps: Option<gst::Caps>,
    pub buffer: gst::Buffer,
}

pub(crate) struct Parser {
    element: gst::Element,
    sink: gst::Pad,
    /// Keeps the receiving pad alive; the parser's link does not.
    _receiver: gst::Pad,
    /// Taken only for a push or a take of all.
    parsed: Arc<Mutex<VecDeque<Parsed>>>,
}

/// Frames may be decoded before the file starts, and a buffer has no times before 0.
const EARLY: i64 = 1_000_000_000_000;

impl Parsed {
    /// In nanoseconds from the start of the file.
    pub(crate) fn times(&self) -> (Option<i64>, Option<i64>) {
        let time = |t: gst::ClockTime| Some(i64::try_from(t.nseconds()).ok()? - EARLY);
        (
            self.buffer.pts().and_then(time),
            self.buffer.dts().and_then(time),
        )
    }
}

/// A parser element, and the caps that are needed from it.
pub(crate) type Recipe = (&'static str, &'static str);

/// What Matroska and MP4 need.
pub(crate) fn stored(codec: Codec) -> Option<Recipe> {
    Some(match codec {
        Codec::H264 => ("h264parse", "video/x-h264,stream-format=avc,alignment=au"),
        Codec::H265 => ("h265parse", "video/x-h265,stream-format=hev1,alignment=au"),
        Codec::Vp9 => ("vp9parse", "video/x-vp9,alignment=super-frame"),
        Codec::Av1 => (
            "av1parse",
            "video/x-av1,stream-format=obu-stream,alignment=tu",
        ),
        Codec::Aac => (
            "aacparse",
            "audio/mpeg,mpegversion=(int){2,4},stream-format=raw",
        ),
        _ => return None,
    })
}

impl Parser {
    pub(crate) fn new(format: &Format, (factory, caps): Recipe) -> Result<Self, String> {
        let element = gst::ElementFactory::make(factory).build().map_err(|_| {
            format!("GStreamer element {factory} is missing (Debian: gstreamer1.0-plugins-bad)")
        })?;
        if element.has_property("config-interval") {
            // Parameter sets may change within the file, which has one place for them outside.
            element.set_property("config-interval", -1i32);
        }
        let caps: gst::Caps = caps.parse().map_err(|e| format!("{caps}: {e}"))?;
        let parsed = Arc::new(Mutex::new(VecDeque::new()));
        let receiver = receiver(&caps, parsed.clone())?;
        let (Some(sink), Some(src)) = (element.static_pad("sink"), element.static_pad("src"))
        else {
            return Err(format!("{factory} has no pads"));
        };
        src.link(&receiver).map_err(|e| format!("{factory}: {e}"))?;
        receiver.set_active(true).map_err(|e| e.to_string())?;
        element
            .set_state(gst::State::Playing)
            .map_err(|e| format!("{factory}: {e}"))?;
        let parser = Self {
            element,
            sink,
            _receiver: receiver,
            parsed,
        };
        parser.sink.send_event(gst::event::StreamStart::new("part"));
        parser.set_format(format);
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        parser.sink.send_event(gst::event::Segment::new(&segment));
        Ok(parser)
    }

    pub(crate) fn set_format(&self, format: &Format) {
        self.sink.send_event(gst::event::Caps::new(&format.caps));
    }

    /// `start` is the running time at which the file starts.
    pub(crate) fn push(&self, frame: Frame, start: i64) -> Result<Vec<Parsed>, String> {
        let time = |t: i64| {
            let early = t.saturating_sub(start).saturating_add(EARLY);
            gst::ClockTime::from_nseconds(early.max(0).unsigned_abs())
        };
        let mut buffer = frame.buffer;
        let timed = buffer.make_mut();
        timed.set_pts(time(frame.pts));
        timed.set_dts(frame.dts.map(time));
        self.sink
            .chain(buffer)
            .map_err(|e| format!("{} failed: {e}", self.name()))?;
        Ok(self.take())
    }

    /// The frames that the parser still held.
    pub(crate) fn finish(&self) -> Vec<Parsed> {
        self.sink.send_event(gst::event::Eos::new());
        self.take()
    }

    fn take(&self) -> Vec<Parsed> {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        parsed.drain(..).collect()
    }

    fn name(&self) -> String {
        self.element
            .factory()
            .map_or_else(|| "parser".into(), |f| f.name().to_string())
    }
}

impl Drop for Parser {
    fn drop(&mut self) {
        let _ = self.element.set_state(gst::State::Null);
    }
}

fn receiver(caps: &gst::Caps, parsed: Arc<Mutex<VecDeque<Parsed>>>) -> Result<gst::Pad, String> {
    let template = gst::PadTemplate::new(
        "sink",
        gst::PadDirection::Sink,
        gst::PadPresence::Always,
        caps,
    )
    .map_err(|e| e.to_string())?;
    Ok(gst::Pad::builder_from_template(&template)
        .chain_function(move |pad, _, buffer| {
            let caps = pad.current_caps();
            parsed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_back(Parsed { caps, buffer });
            Ok(gst::FlowSuccess::Ok)
        })
        .event_function(|_, _, _| true)
        .build())
}
