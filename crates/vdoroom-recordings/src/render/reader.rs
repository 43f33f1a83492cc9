// SPDX-License-Identifier: MPL-2.0
//! Reads one track of a recorded file from its beginning to its end, decoded or as it is. No seeks:
//! GStreamer 1.22 is wrong by an eighth of a second after one in a transport stream.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;

/// A decoder that shows nothing new for so long hangs.
const STALLED: Duration = Duration::from_secs(60);
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(100);
/// What autoplugging ends at if it is of another kind. Containers are called `video/…` as well.
const CODED_VIDEO: [&str; 5] = ["x-h264", "x-h265", "x-vp8", "x-vp9", "x-av1"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Video,
    Audio,
}

impl Kind {
    fn has(self, name: &str) -> bool {
        match self {
            Self::Video => name.starts_with("video/"),
            Self::Audio => name.starts_with("audio/"),
        }
    }
}

pub struct Reader {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
    /// There is no such track.
    is_absent: Arc<AtomicBool>,
}

impl Reader {
    /// Decodes the first track of this kind. What comes out goes through `tail`, elements in
    /// GStreamer's syntax.
    pub fn decoded(file: &Path, kind: Kind, tail: &str) -> Result<Self, String> {
        let decoder = element("decodebin")?;
        decoder.connect("autoplug-continue", false, move |values| {
            let caps = values.get(2).and_then(|caps| caps.get::<gst::Caps>().ok());
            let other = caps.is_some_and(|caps| is_coded_but(kind, &caps));
            Some((!other).to_value())
        });
        Self::new(file, kind, decoder, &format!("{tail} ! appsink name=out"))
    }

    /// The first track of this kind, as it is.
    pub fn coded(file: &Path, kind: Kind) -> Result<Self, String> {
        Self::new(
            file,
            kind,
            element("parsebin")?,
            "identity silent=true ! appsink name=out",
        )
    }

    fn new(file: &Path, kind: Kind, decoder: gst::Element, tail: &str) -> Result<Self, String> {
        let pipeline = gst::Pipeline::new();
        let source = element("filesrc")?;
        source.set_property("location", file);
        let tail = gst::parse::bin_from_description(tail, true).map_err(|e| e.to_string())?;
        let sink = tail.by_name("out");
        let sink = sink.and_then(|sink| sink.downcast::<gst_app::AppSink>().ok());
        let sink = sink.ok_or("no appsink")?;
        sink.set_sync(false);
        sink.set_max_buffers(match kind {
            Kind::Video => 4,
            Kind::Audio => 64,
        });
        let parts = [&source, &decoder, tail.upcast_ref()];
        pipeline.add_many(parts).map_err(|e| e.to_string())?;
        source.link(&decoder).map_err(|e| e.to_string())?;
        let entry = tail.static_pad("sink").ok_or("no sink pad")?;
        let (bin, to) = (pipeline.downgrade(), entry.clone());
        decoder.connect_pad_added(move |_, pad| {
            if let Some(bin) = bin.upgrade() {
                take(&bin, pad, kind, &to);
            }
        });
        let is_absent = Arc::new(AtomicBool::new(false));
        let flag = is_absent.clone();
        decoder.connect_no_more_pads(move |_| {
            flag.store(!entry.is_linked(), Ordering::Relaxed);
        });
        widen_queues(&pipeline);
        let reader = Self {
            pipeline,
            sink,
            is_absent,
        };
        let playing = reader.pipeline.set_state(gst::State::Playing);
        playing.map_err(|_| {
            reader
                .error()
                .unwrap_or_else(|| "it cannot be played".into())
        })?;
        Ok(reader)
    }

    /// `None` at the end, and when `stop` is set.
    pub fn next(&self, stop: &AtomicBool) -> Result<Option<gst::Sample>, String> {
        let began = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            if let Some(sample) = self.sink.try_pull_sample(LOOK) {
                return Ok(Some(sample));
            }
            if self.sink.is_eos() || self.is_absent.load(Ordering::Relaxed) {
                return Ok(None);
            }
            if let Some(error) = self.error() {
                return Err(error);
            }
            if began.elapsed() > STALLED {
                return Err("decoding hangs".into());
            }
        }
        Ok(None)
    }

    /// Whether the track is to be shown otherwise than its frames are. Known with the first of them.
    pub fn is_turned(&self) -> bool {
        let orientation = |tag: gst::event::Tag<gst::Event>| {
            let tag = tag.tag().get::<gst::tags::ImageOrientation>()?;
            Some(tag.get() != "rotate-0")
        };
        let pad = self.sink.static_pad("sink");
        let tags = pad.and_then(|pad| {
            // One event for the container, and one for the track.
            let events = (0..).map_while(|index| pad.sticky_event::<gst::event::Tag>(index));
            events.filter_map(orientation).next()
        });
        tags.unwrap_or(false)
    }

    fn error(&self) -> Option<String> {
        let bus = self.pipeline.bus()?;
        let message = bus.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(error.error().to_string()),
            _ => None,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Nanoseconds after the file's time 0.
pub fn time(sample: &gst::Sample) -> Option<i64> {
    running_time(sample, sample.buffer()?.pts()?)
}

/// The same of any timestamp of its buffer.
pub fn running_time(sample: &gst::Sample, time: gst::ClockTime) -> Option<i64> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let ns = |time: gst::ClockTime| i64::try_from(time.nseconds()).ok();
    match segment.to_running_time_full(time)? {
        gst::Signed::Positive(time) => ns(time),
        gst::Signed::Negative(time) => ns(time).map(|time| -time),
    }
}

pub fn element(name: &str) -> Result<gst::Element, String> {
    let made = gst::ElementFactory::make(name).build();
    made.map_err(|_| format!("GStreamer has no element {name}"))
}

fn is_coded_but(kind: Kind, caps: &gst::CapsRef) -> bool {
    let name = caps.structure(0).map(|s| s.name().as_str());
    let name = name.unwrap_or_default();
    match kind {
        Kind::Audio => {
            let codec = name.strip_prefix("video/").unwrap_or_default();
            CODED_VIDEO.contains(&codec)
        }
        Kind::Video => name.starts_with("audio/"),
    }
}

/// The first pad of the kind is read, others run dry.
fn take(bin: &gst::Pipeline, pad: &gst::Pad, kind: Kind, entry: &gst::Pad) {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let name = caps.structure(0).map(|s| s.name().to_string());
    if kind.has(&name.unwrap_or_default()) && !entry.is_linked() && pad.link(entry).is_ok() {
        return;
    }
    let sink = gst::ElementFactory::make("fakesink").property("sync", false);
    let Ok(sink) = sink.property("async", false).build() else {
        return;
    };
    let linked = bin.add(&sink).is_ok() && sink.sync_state_with_parent().is_ok();
    if let Some(entry) = sink.static_pad("sink").filter(|_| linked) {
        let _ = pad.link(&entry);
    }
}

/// A track that ends long before the other must not hold it up.
fn widen_queues(pipeline: &gst::Pipeline) {
    pipeline.connect_deep_element_added(|_, _, element| {
        let factory = element.factory();
        if factory.is_some_and(|factory| factory.name() == "multiqueue") {
            element.set_property("max-size-time", 0u64);
            element.set_property("max-size-buffers", 0u32);
            element.set_property("max-size-bytes", 64u32 << 20);
        }
    });
}
