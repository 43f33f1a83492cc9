// SPDX-License-Identifier: MPL-2.0
//! Which frames a recording lacks, by their times: nothing is decoded.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;

#[derive(Clone, Copy, Debug, Default)]
pub struct Frames {
    pub recorded: u64,
    pub missing: u64,
}

/// Counts the frames of a file, and the holes between them.
pub fn count(file: &Path, rate: u32) -> Result<Frames, String> {
    let demuxer = match file.extension().and_then(|e| e.to_str()) {
        Some("ts") => "tsdemux ! video/x-h264 ! h264parse",
        _ => "matroskademux ! video/x-vp8;video/x-h264",
    };
    let line = format!("filesrc name=file ! {demuxer} ! fakesink name=sink sync=false");
    let pipeline = gst::parse::launch(&line).map_err(|e| e.to_string())?;
    let pipeline = pipeline
        .downcast::<gst::Pipeline>()
        .map_err(|_| "not a pipeline")?;
    let element = |name: &str| pipeline.by_name(name).ok_or(format!("no {name}"));
    element("file")?.set_property("location", file.display().to_string());
    let times = Arc::new(Mutex::new(vec![]));
    let seen = times.clone();
    let pad = element("sink")?.static_pad("sink").ok_or("no pad")?;
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(pts) = info.buffer().and_then(|b| b.pts()) {
            seen.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(pts);
        }
        gst::PadProbeReturn::Ok
    });
    let bus = pipeline.bus().ok_or("no bus")?;
    let started = pipeline.set_state(gst::State::Playing);
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &ends);
    let stopped = pipeline.set_state(gst::State::Null);
    started
        .and(stopped)
        .map_err(|e| format!("{}: {e}", file.display()))?;
    match end.as_ref().map(|m| m.view()) {
        Some(gst::MessageView::Eos(_)) => {}
        Some(gst::MessageView::Error(e)) => {
            return Err(format!("{}: {}", file.display(), e.error()));
        }
        _ => return Err(format!("{}: does not end", file.display())),
    }
    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
    let period = 1e9 / f64::from(rate);
    let holes = times.windows(2).map(|pair| {
        let step = pair[1].nseconds().saturating_sub(pair[0].nseconds()) as f64;
        ((step / period).round() as u64).saturating_sub(1)
    });
    Ok(Frames {
        recorded: times.len() as u64,
        missing: holes.sum(),
    })
}
