// SPDX-License-Identifier: MPL-2.0
//! The frames in a file, to be looked at in parts.

use std::path::Path;

use gst::prelude::*;
use gst_video::prelude::*;
use vdoroom_testkit::pattern::{self, Plane};

use crate::recording::{DEADLINE, init};

/// The brightness of a frame.
pub struct Picture {
    data: Vec<u8>,
    stride: usize,
    width: usize,
    height: usize,
}

impl Picture {
    /// Which frame of a publisher it shows.
    pub fn number(&self) -> Option<u32> {
        self.number_in(0, 0, self.width, self.height)
    }

    /// The same for a part of it.
    pub fn number_in(&self, x: usize, y: usize, width: usize, height: usize) -> Option<u32> {
        pattern::read(&Plane {
            data: &self.data[y * self.stride + x..],
            stride: self.stride,
            width,
            height,
        })
    }
}

/// Decodes all frames of a file.
pub fn of(file: &Path) -> Vec<Picture> {
    init();
    let line = "filesrc name=file ! decodebin ! videoconvert ! video/x-raw,format=GRAY8 \
                ! appsink name=out sync=false";
    let pipeline = gst::parse::launch(line).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    let source = pipeline.by_name("file").unwrap();
    source.set_property("location", file);
    let sink = pipeline.by_name("out").unwrap();
    let sink = sink.downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let deadline = gst::ClockTime::try_from(DEADLINE).unwrap();
    let pulled = std::iter::from_fn(|| sink.try_pull_sample(deadline));
    let pictures = pulled.map(|sample| picture(&sample)).collect();
    assert!(sink.is_eos(), "{} cannot be decoded", file.display());
    pipeline.set_state(gst::State::Null).unwrap();
    pictures
}

fn picture(sample: &gst::Sample) -> Picture {
    let info = gst_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
    let buffer = sample.buffer().unwrap();
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info).unwrap();
    Picture {
        data: frame.plane_data(0).unwrap().to_vec(),
        stride: frame.plane_stride()[0] as usize,
        width: frame.width() as usize,
        height: frame.height() as usize,
    }
}
