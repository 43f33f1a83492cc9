// SPDX-License-Identifier: MPL-2.0
//! Reads a file to its end without decoding it: when each frame is presented.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use gst::prelude::*;

/// When the frames of one track are presented, in nanoseconds.
#[derive(Debug, Default, Clone, Copy)]
pub struct Track {
    pub frames: u64,
    pub first: i64,
    pub last: i64,
    pub smallest_step: i64,
    pub largest_step: i64,
}

impl Track {
    pub fn note(&mut self, time: i64) {
        let step = time - self.last;
        match self.frames {
            0 => self.first = time,
            1 => (self.smallest_step, self.largest_step) = (step, step),
            _ => {
                self.smallest_step = self.smallest_step.min(step);
                self.largest_step = self.largest_step.max(step);
            }
        }
        self.frames += 1;
        self.last = time;
    }
}

#[derive(Debug, Default, Clone, Copy)]
pub struct Timeline {
    pub video: Track,
    pub audio: Track,
}

/// The times as GStreamer's demultiplexers give them.
pub fn read(path: &Path) -> Timeline {
    gst::init().unwrap();
    let demuxer = match path.extension().and_then(|e| e.to_str()) {
        Some("ts") => "tsdemux",
        Some("mp4") => "qtdemux",
        _ => "matroskademux",
    };
    let line = format!(
        "filesrc location={} ! {demuxer} name=demuxer",
        path.display()
    );
    let pipeline = gst::parse::launch(&line).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    let tracks: Arc<Mutex<BTreeMap<bool, Track>>> = Arc::default();
    let (bin, store) = (pipeline.downgrade(), tracks.clone());
    let demuxer = pipeline.by_name("demuxer").unwrap();
    demuxer.connect_pad_added(move |_, pad| {
        let Some(bin) = bin.upgrade() else { return };
        let sink = gst::ElementFactory::make("fakesink")
            .property("sync", false)
            .property("async", false)
            .build()
            .unwrap();
        bin.add(&sink).unwrap();
        sink.sync_state_with_parent().unwrap();
        let is_video = pad.name().starts_with("video");
        let store = store.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(time) = info.buffer().and_then(|b| running_time(pad, b)) {
                store
                    .lock()
                    .unwrap()
                    .entry(is_video)
                    .or_default()
                    .note(time);
            }
            gst::PadProbeReturn::Ok
        });
        pad.link(&sink.static_pad("sink").unwrap()).unwrap();
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let timeout = gst::ClockTime::from_seconds(120);
    let message = pipeline.bus().unwrap().timed_pop_filtered(timeout, &end);
    pipeline.set_state(gst::State::Null).unwrap();
    let message = message.unwrap_or_else(|| panic!("{} does not end", path.display()));
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
    let tracks = tracks.lock().unwrap();
    Timeline {
        video: tracks.get(&true).copied().unwrap_or_default(),
        audio: tracks.get(&false).copied().unwrap_or_default(),
    }
}

fn running_time(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<i64> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = segment.segment().downcast_ref::<gst::ClockTime>()?.clone();
    let time = segment.to_running_time_full(buffer.pts()?)?;
    let ns = |t: gst::ClockTime| i64::try_from(t.nseconds()).unwrap();
    Some(match time {
        gst::Signed::Positive(t) => ns(t),
        gst::Signed::Negative(t) => -ns(t),
    })
}
