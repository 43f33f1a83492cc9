// SPDX-License-Identifier: MPL-2.0
//! What is noted of each decoded frame and each stretch of audio.

use gst::ClockTime;

use super::report::{Audio, Video};

#[derive(Default)]
pub struct VideoTrack {
    pub video: Video,
    last: Option<ClockTime>,
}

impl VideoTrack {
    pub fn frame(&mut self, time: ClockTime, damaged: bool, size: (u32, u32)) {
        let video = &mut self.video;
        if video.frames_decoded == 0 {
            (video.width, video.height) = size;
            video.first_pts = time;
        }
        if video.sizes.last() != Some(&size) {
            video.sizes.push(size);
        }
        video.frames_decoded += 1;
        video.damaged += u64::from(damaged);
        if let Some(last) = self.last {
            video.backward += u64::from(time <= last);
            video.largest_gap = video.largest_gap.max(time.saturating_sub(last));
        }
        self.last = Some(time);
        video.last_pts = video.last_pts.max(time);
    }
}

#[derive(Default)]
pub struct AudioTrack {
    pub audio: Audio,
    end: Option<ClockTime>,
}

impl AudioTrack {
    /// So many samples per channel, which begin at `time`.
    pub fn audio(&mut self, time: ClockTime, samples: u64, channels: u32, rate: u32) {
        let audio = &mut self.audio;
        (audio.channels, audio.rate) = (channels, rate);
        if audio.samples == 0 {
            audio.first_pts = time;
        }
        audio.samples += samples;
        if let Some(end) = self.end {
            audio.largest_gap = audio.largest_gap.max(time.saturating_sub(end));
        }
        let end = time + ClockTime::SECOND * samples / u64::from(rate.max(1));
        self.end = Some(end);
        audio.end = audio.end.max(end);
    }
}
