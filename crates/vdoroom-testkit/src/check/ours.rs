// SPDX-License-Identifier: MPL-2.0
//! Looks for our pattern while a file is decoded.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use gst::ClockTime;
use gst_video::prelude::*;
use vdoroom_recordings::media::{self, AudioSamples, Watch};

use crate::pattern::Plane;

use super::packets;
use super::report::{Report, Video};
use super::speed::Packet;
use super::track::{AudioTrack, VideoTrack, offsets};

#[derive(Default)]
struct Ours {
    video: VideoTrack,
    audio: AudioTrack,
    packets: Arc<Mutex<Vec<Packet>>>,
}

impl Watch for Ours {
    fn begin(&mut self, pipeline: &gst::Pipeline) {
        let packets = self.packets.clone();
        packets::watch(pipeline, move |packet| {
            let mut packets = packets.lock().unwrap_or_else(PoisonError::into_inner);
            packets.push(packet);
        });
    }

    fn frame(&mut self, at: ClockTime, frame: &gst_video::VideoFrameRef<&gst::BufferRef>) {
        let plane = Plane {
            data: frame.plane_data(0).unwrap(),
            stride: frame.plane_stride()[0] as usize,
            width: frame.width() as usize,
            height: frame.height() as usize,
        };
        self.video.frame(at, &plane);
    }

    fn audio(&mut self, at: ClockTime, audio: AudioSamples) {
        self.audio.audio(at, audio);
    }
}

pub fn inspect(path: &Path) -> Report {
    let (media, ours) = media::inspect_with::<Ours>(path);
    let packets = std::mem::take(&mut *ours.packets.lock().unwrap_or_else(PoisonError::into_inner));
    let video = media.video.clone().map(|seen| ours.video.finish(seen));
    let audio = media.audio.clone();
    let audio = audio.map(|heard| ours.audio.finish(heard, packets));
    let mut report = Report {
        video,
        audio,
        ..media.into()
    };
    if let (Some(video), Some(audio)) = (&report.video, &report.audio) {
        report.flash_beep_offsets = offsets(&video.flashes, &audio.beeps);
        report.beep_offsets = beep_offsets(video, &audio.beeps);
    }
    report
}

fn beep_offsets(video: &Video, beeps: &[ClockTime]) -> Vec<f64> {
    let capture = video.capture.as_ref();
    let offsets = capture.map(|capture| capture.beeps_ms(&video.shown, beeps));
    offsets.unwrap_or_default()
}
