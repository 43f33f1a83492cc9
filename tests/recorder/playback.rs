// SPDX-License-Identifier: MPL-2.0
//! Plays a file to its end and counts what comes out of the decoders.

use std::path::Path;
use std::sync::{Arc, Mutex};

use gst::prelude::*;

#[derive(Debug, Default, Clone)]
pub struct Played {
    /// Decoded frames.
    pub frames: usize,
    pub sizes: Vec<(i32, i32)>,
    /// Milliseconds of decoded audio.
    pub audio_ms: u64,
    /// Time of the first frame and of the first audio in the file.
    pub first_frame_ms: Option<i64>,
    pub first_audio_ms: Option<i64>,
    pub last_ms: i64,
    /// Running time at which the last audio ends.
    pub audio_end_ms: i64,
    /// What the file says of itself.
    pub duration_ms: Option<u64>,
    pub is_seekable: bool,
}

/// Decodes the whole file; panics if it does not play.
pub fn play(path: &Path) -> Played {
    gst::init().unwrap();
    let pipeline = gst::Pipeline::new();
    let source = gst::ElementFactory::make("filesrc")
        .property("location", path.to_str().unwrap())
        .build()
        .unwrap();
    let decoder = gst::ElementFactory::make("decodebin").build().unwrap();
    pipeline.add_many([&source, &decoder]).unwrap();
    source.link(&decoder).unwrap();
    let played = Arc::new(Mutex::new(Played::default()));
    let (bin, store) = (pipeline.downgrade(), played.clone());
    decoder.connect_pad_added(move |_, pad| {
        let Some(bin) = bin.upgrade() else { return };
        let sink = gst::ElementFactory::make("fakesink")
            .property("sync", false)
            .build()
            .unwrap();
        bin.add(&sink).unwrap();
        sink.sync_state_with_parent().unwrap();
        let store = store.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(buffer) = info.buffer() {
                note(&mut store.lock().unwrap(), pad, buffer);
            }
            gst::PadProbeReturn::Ok
        });
        pad.link(&sink.static_pad("sink").unwrap()).unwrap();
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(30), &end);
    let duration = pipeline.query_duration::<gst::ClockTime>();
    let mut seeking = gst::query::Seeking::new(gst::Format::Time);
    let is_seekable = pipeline.query(&mut seeking) && seeking.result().0;
    pipeline.set_state(gst::State::Null).unwrap();
    match message.as_ref().map(|m| m.view()) {
        Some(gst::MessageView::Eos(_)) => {}
        Some(gst::MessageView::Error(e)) => {
            panic!(
                "{} does not play: {} {:?}",
                path.display(),
                e.error(),
                e.debug()
            )
        }
        _ => panic!("{} does not end within 30 s", path.display()),
    }
    let played = std::mem::take(&mut *played.lock().unwrap());
    Played {
        duration_ms: duration.map(|d| d.mseconds()),
        is_seekable,
        ..played
    }
}

fn note(played: &mut Played, pad: &gst::Pad, buffer: &gst::BufferRef) {
    let caps = pad.current_caps().unwrap();
    let caps = caps.structure(0).unwrap();
    let ms = |t: gst::ClockTime| t.mseconds() as i64;
    let pts = ms(buffer.pts().unwrap());
    let duration = buffer.duration().unwrap_or_default();
    played.last_ms = played.last_ms.max(pts + ms(duration));
    if caps.name().starts_with("video/") {
        played.frames += 1;
        played.first_frame_ms.get_or_insert(pts);
        let size = (caps.get("width").unwrap(), caps.get("height").unwrap());
        if played.sizes.last() != Some(&size) {
            played.sizes.push(size);
        }
    } else {
        let rate = caps.get::<i32>("rate").unwrap() as u64;
        let channels = caps.get::<i32>("channels").unwrap() as u64;
        let format: String = caps.get("format").unwrap();
        let width = if format.contains("32") { 4 } else { 2 };
        played.first_audio_ms.get_or_insert(pts);
        let segment = pad.sticky_event::<gst::event::Segment>(0).unwrap();
        let segment = segment.segment().downcast_ref::<gst::ClockTime>().unwrap();
        let running_time = segment.to_running_time(buffer.pts()).unwrap();
        played.audio_end_ms = ms(running_time + duration);
        played.audio_ms += buffer.size() as u64 * 1000 / (rate * channels * width);
    }
}
