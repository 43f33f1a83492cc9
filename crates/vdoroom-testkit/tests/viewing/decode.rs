// SPDX-License-Identifier: MPL-2.0
//! Decodes what a viewer receives, and notes counters, flashes and beeps.

use std::sync::Arc;

use gst::prelude::*;
use vdoroom_testkit::pattern::{self, Plane};

use crate::viewer::{Received, Shared};

pub fn decode(pipeline: &gst::Pipeline, pad: &gst::Pad, shared: &Arc<Shared>) {
    let caps = pad.current_caps().unwrap();
    let video = caps.structure(0).unwrap().get::<&str>("media") == Ok("video");
    if video {
        shared.change(|received| received.videos += 1);
    }
    let tail = match video {
        true => "videoconvert ! video/x-raw,format=GRAY8",
        false => "audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000,channels=1",
    };
    let description = format!("queue name=in ! decodebin ! {tail} ! appsink name=out sync=false");
    let bin = gst::parse::bin_from_description(&description, false).unwrap();
    // Not left to the parser, which would take the converter behind decodebin's late link.
    let entry = bin.by_name("in").unwrap().static_pad("sink").unwrap();
    let entry = gst::GhostPad::with_target(&entry).unwrap();
    bin.add_pad(&entry).unwrap();
    pipeline.add(&bin).unwrap();
    let sink = bin
        .by_name("out")
        .unwrap()
        .downcast::<gst_app::AppSink>()
        .unwrap();
    let (shared, mut on) = (shared.clone(), false);
    sink.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                if video {
                    shared.change(|received| note_video(received, &sample, &mut on));
                } else {
                    shared.change(|received| note_audio(received, &sample, &mut on));
                }
                Ok(gst::FlowSuccess::Ok)
            })
            .build(),
    );
    bin.sync_state_with_parent().unwrap();
    pad.link(&entry).unwrap();
    if video {
        pad.send_event(
            gst_video::UpstreamForceKeyUnitEvent::builder()
                .all_headers(true)
                .build(),
        );
    }
}

fn note_video(received: &mut Received, sample: &gst::Sample, on: &mut bool) {
    let buffer = sample.buffer().unwrap();
    let info = gst_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
    let map = buffer.map_readable().unwrap();
    let plane = Plane {
        data: &map[..],
        stride: info.stride()[0] as usize,
        width: info.width() as usize,
        height: info.height() as usize,
    };
    received.frames.push(pattern::read(&plane));
    received.widths.push(info.width());
    let flash = pattern::is_flash(&plane);
    if flash && !*on {
        received
            .flashes
            .push(buffer.pts().unwrap().nseconds() as f64 / 1e9);
    }
    *on = flash;
}

fn note_audio(received: &mut Received, sample: &gst::Sample, on: &mut bool) {
    let buffer = sample.buffer().unwrap();
    let map = buffer.map_readable().unwrap();
    let samples = map
        .chunks_exact(2)
        .map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]]));
    let first = samples
        .clone()
        .position(|sample| sample.unsigned_abs() > 3000);
    if let (Some(first), false) = (first, *on) {
        let start = buffer.pts().unwrap().nseconds() as f64 / 1e9;
        received.beeps.push(start + first as f64 / 48_000.0);
    }
    *on = first.is_some();
}
