// SPDX-License-Identifier: MPL-2.0
//! What a media check found, and whether it is whole.

use gst::ClockTime;

/// A hole longer than this between two frames, or in the audio, is reported as damage.
const LARGEST_GAP: ClockTime = ClockTime::from_seconds(1);

/// Audio may be so far from the video at the start: an encoder that obeys no request for a
/// keyframe, such as those of OBS and raspberry_ninja, may send its first one 2 s after the audio.
const LARGEST_START_OFFSET: ClockTime = ClockTime::from_mseconds(2500);

/// Everything that decoding a file showed.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// `MPEG-TS`, `Matroska`, `WebM`, `MP4`, or the media type.
    pub container: Option<String>,
    /// Bytes on disk.
    pub size: u64,
    /// The first video track.
    pub video: Option<Video>,
    /// The first audio track.
    pub audio: Option<Audio>,
    /// Tracks beyond those two.
    pub further_tracks: usize,
    /// What the container says of its own length, if it does.
    pub declared_duration: Option<ClockTime>,
    /// What demuxers and decoders complained about.
    pub errors: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Video {
    /// What the demuxer or parser calls the codec.
    pub codec: String,
    /// Of the first frame.
    pub width: u32,
    pub height: u32,
    /// All sizes in order, if there are several.
    pub sizes: Vec<(u32, u32)>,
    pub frames_decoded: u64,
    pub first_pts: ClockTime,
    pub last_pts: ClockTime,
    /// Between the timestamps of two frames that follow each other.
    pub largest_gap: ClockTime,
    /// Frames whose timestamp is not after the one before.
    pub backward: u64,
    /// Frames that the decoder marked as damaged.
    pub damaged: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Audio {
    pub codec: String,
    pub rate: u32,
    pub channels: u32,
    /// Per channel.
    pub samples: u64,
    pub first_pts: ClockTime,
    /// End of the last buffer.
    pub end: ClockTime,
    /// Between the end of a buffer and the start of the next.
    pub largest_gap: ClockTime,
}

impl Video {
    pub fn duration(&self) -> ClockTime {
        self.last_pts.saturating_sub(self.first_pts)
    }
}

impl Audio {
    pub fn duration(&self) -> ClockTime {
        self.end.saturating_sub(self.first_pts)
    }
}

impl Report {
    /// Milliseconds by which audio starts after video; negative if it starts before.
    pub fn av_start_offset(&self) -> Option<f64> {
        let (video, audio) = (self.video.as_ref()?, self.audio.as_ref()?);
        let ms = |time: ClockTime| time.nseconds() as f64 / 1e6;
        Some(ms(audio.first_pts) - ms(video.first_pts))
    }

    /// From the first frame or sample to the last.
    pub fn duration(&self) -> ClockTime {
        let video = self
            .video
            .as_ref()
            .map(|video| (video.first_pts, video.last_pts));
        let audio = self
            .audio
            .as_ref()
            .map(|audio| (audio.first_pts, audio.end));
        let spans = video.iter().chain(&audio);
        let start = spans.clone().map(|span| span.0).min().unwrap_or_default();
        spans
            .map(|span| span.1)
            .max()
            .unwrap_or_default()
            .saturating_sub(start)
    }

    /// There are to be so many tracks: those beyond one per kind are no problem up to this number.
    pub fn expect_tracks(&mut self, tracks: usize) {
        let kinds = [self.video.is_some(), self.audio.is_some()];
        let seen = kinds.into_iter().filter(|there| *there).count();
        let further = tracks.saturating_sub(seen);
        self.further_tracks = self.further_tracks.saturating_sub(further);
    }

    pub fn is_whole(&self) -> bool {
        self.problems().is_empty()
    }

    /// What keeps the file from being whole, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.errors.clone();
        if self.video.is_none() && self.audio.is_none() {
            problems.push("nothing could be decoded".into());
        }
        if let Some(video) = &self.video {
            video.problems(&mut problems);
        }
        if let Some(audio) = &self.audio {
            audio.problems(&mut problems);
        }
        if let Some(offset) = self.av_start_offset()
            && offset.abs() > LARGEST_START_OFFSET.mseconds() as f64
        {
            problems.push(format!(
                "audio starts {:+.2} s after the video",
                offset / 1000.0
            ));
        }
        if let Some(declared) = self.declared_duration
            && declared > self.duration() + LARGEST_GAP
        {
            problems.push(format!(
                "cut off: the container promises {:.2} s",
                seconds(declared)
            ));
        }
        if self.further_tracks > 0 {
            problems.push(format!(
                "{} more tracks than one per kind",
                self.further_tracks
            ));
        }
        problems
    }
}

impl Video {
    fn problems(&self, problems: &mut Vec<String>) {
        let mut count = |number: u64, what: &str| {
            if number > 0 {
                problems.push(format!("{number} frames {what}"));
            }
        };
        count(self.damaged, "damaged");
        count(self.backward, "not after the one before");
        if self.largest_gap > LARGEST_GAP {
            problems.push(format!("no video for {:.2} s", seconds(self.largest_gap)));
        }
    }
}

impl Audio {
    fn problems(&self, problems: &mut Vec<String>) {
        if self.largest_gap > LARGEST_GAP {
            problems.push(format!(
                "audio missing for {:.2} s",
                seconds(self.largest_gap)
            ));
        }
    }
}

fn seconds(time: ClockTime) -> f64 {
    time.nseconds() as f64 / 1e9
}
