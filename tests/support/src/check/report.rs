// SPDX-License-Identifier: MPL-2.0
//! What a media check found, and whether it is whole.

use gst::ClockTime;

use super::speed::{self, Capture, Frame, Hole, Many, Packet};

/// A hole longer than this between two frames, or in the sound, is reported as damage.
const LARGEST_GAP: ClockTime = ClockTime::from_seconds(1);

/// Sound may be so far from the picture at the start: an encoder that obeys no request for a
/// keyframe, such as those of OBS and raspberry_ninja, may send its first one 2 s after the sound.
const LARGEST_START_OFFSET: ClockTime = ClockTime::from_mseconds(2500);

/// Audio may be so far from the video that was captured with it.
const LIP_SYNC_MS: f64 = 40.0;

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
    /// Milliseconds of each beep minus its flash, in order, where both were found within half a
    /// second of each other.
    pub flash_beep_offsets: Vec<f64>,
    /// Milliseconds of each beep after the second of the publisher's clock at which it was sent, as
    /// the counters of the frames beside it tell that clock.
    pub beep_offsets: Vec<f64>,
    /// What the container says of its own length, if it does.
    pub declared_duration: Option<ClockTime>,
    /// What demuxers and decoders complained about.
    pub errors: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Video {
    /// What the demuxer or parser calls the codec.
    pub codec: String,
    /// Of the first picture.
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
    /// Only if most pictures carry our counter.
    pub counters: Option<Counters>,
    /// Frames with a counter, in the order in which they are shown.
    pub shown: Many<Frame>,
    /// What their counters tell of the time of their capture.
    pub capture: Option<Capture>,
    /// When each flash began.
    pub flashes: Vec<ClockTime>,
}

/// What the counters in the pictures say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub first: u32,
    pub last: u32,
    /// Numbers between the first and the last that no picture carries.
    pub missing: u64,
    pub doubled: u64,
    pub out_of_order: u64,
    /// Pictures without a readable counter.
    pub bad: u64,
    /// Pictures with one that show something else than that frame did.
    pub smeared: u64,
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
    /// When each beep began. One that had begun before the file, or before a hole ended, is none.
    pub beeps: Vec<ClockTime>,
    /// As they stand in the file, of codecs whose packets tell how long they last.
    pub packets: Many<Packet>,
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

    /// The flash that is farthest from its beep, in milliseconds.
    pub fn worst_flash_beep_offset(&self) -> Option<f64> {
        self.flash_beep_offsets
            .iter()
            .copied()
            .max_by(|a, b| a.abs().total_cmp(&b.abs()))
    }

    pub fn is_whole(&self) -> bool {
        self.problems().is_empty()
    }

    /// Whether most frames carry our counter: then what was sent is known.
    fn is_ours(&self) -> bool {
        let video = self.video.as_ref();
        video.is_some_and(|video| video.counters.is_some())
    }

    /// Whether time in the file is that of what stands in it, one sentence for each kind of fault.
    pub fn time_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(audio) = &self.audio {
            faults.extend(speed::too_fast_or_slow(&audio.packets));
            faults.extend(speed::misplaced(&audio.packets));
        }
        if let Some(video) = &self.video
            && let Some(capture) = &video.capture
        {
            faults.extend(capture.misplaced(&video.shown));
        }
        faults
    }

    fn problems_of_ours(&self, may_be: impl Fn(&Hole) -> bool, problems: &mut Vec<String>) {
        if let Some(audio) = &self.audio {
            let holes = speed::holes(&audio.packets).into_iter();
            problems.extend(
                holes
                    .filter(|hole| hole.ms > speed::LARGEST_HOLE_MS && !may_be(hole))
                    .map(|hole| format!("audio missing for {:.0} ms at {}", hole.ms, hole.at)),
            );
        }
        let apart = self.beep_offsets.iter().copied();
        let worst = apart.max_by(|a, b| a.abs().total_cmp(&b.abs()));
        if let Some(worst) = worst.filter(|ms| ms.abs() > LIP_SYNC_MS) {
            problems.push(format!("a beep {worst:+.1} ms after its video"));
        }
    }

    /// What keeps the file from being whole, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        self.problems_beside(|_| false)
    }

    /// The same beside holes in audio that are as they should be: of a sender that leaves out
    /// silence, or those that a manifest lists.
    pub fn problems_beside(&self, may_be: impl Fn(&Hole) -> bool) -> Vec<String> {
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
        if self.is_ours() {
            problems.extend(self.time_faults());
            self.problems_of_ours(may_be, &mut problems);
        }
        if let Some(offset) = self.av_start_offset()
            && offset.abs() > LARGEST_START_OFFSET.mseconds() as f64
        {
            problems.push(format!(
                "sound starts {:+.2} s after the picture",
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
        if let Some(counters) = &self.counters {
            count(counters.missing, "missing");
            count(counters.doubled, "doubled");
            count(counters.out_of_order, "out of order");
            count(counters.bad, "without a readable counter");
            count(counters.smeared, "with parts of other frames");
        }
        if self.largest_gap > LARGEST_GAP {
            problems.push(format!("no picture for {:.2} s", seconds(self.largest_gap)));
        }
    }
}

impl Audio {
    fn problems(&self, problems: &mut Vec<String>) {
        if self.largest_gap > LARGEST_GAP {
            problems.push(format!(
                "sound missing for {:.2} s",
                seconds(self.largest_gap)
            ));
        }
    }
}

fn seconds(time: ClockTime) -> f64 {
    time.nseconds() as f64 / 1e9
}
