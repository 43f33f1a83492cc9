// SPDX-License-Identifier: MPL-2.0
//! What a media check found, and whether it is whole: what any file tells, and beside it what our
//! pattern does.

use std::fmt;
use std::ops::Deref;

use gst::ClockTime;
use vdoroom_recordings::media;

use super::speed::{self, Capture, Frame, Hole, Many, Packet};

/// Audio may be so far from the video that was captured with it.
const LIP_SYNC_MS: f64 = 40.0;

/// Everything that decoding a file showed.
#[derive(Clone, Default)]
pub struct Report {
    /// What any file tells.
    pub media: media::Report,
    /// The first video track.
    pub video: Option<Video>,
    /// The first audio track.
    pub audio: Option<Audio>,
    /// Milliseconds of each beep minus its flash, in order, where both were found within half a
    /// second of each other.
    pub flash_beep_offsets: Vec<f64>,
    /// Milliseconds of each beep after the second of the publisher's clock at which it was sent, as
    /// the counters of the frames beside it tell that clock.
    pub beep_offsets: Vec<f64>,
}

#[derive(Clone, Debug, Default)]
pub struct Video {
    /// What any file tells.
    pub seen: media::Video,
    /// Only if most frames carry our counter.
    pub counters: Option<Counters>,
    /// Frames with a counter, in the order in which they are shown.
    pub shown: Many<Frame>,
    /// What their counters tell of the time of their capture.
    pub capture: Option<Capture>,
    /// When each flash began.
    pub flashes: Vec<ClockTime>,
}

/// What the counters in the frames say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub first: u32,
    pub last: u32,
    /// Numbers between the first and the last that no frame carries.
    pub missing: u64,
    pub doubled: u64,
    pub out_of_order: u64,
    /// Frames without a readable counter.
    pub bad: u64,
    /// Frames with one that show something else than that frame did.
    pub smeared: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Audio {
    /// What any file tells.
    pub heard: media::Audio,
    /// When each beep began. One that had begun before the file, or before a hole ended, is none.
    pub beeps: Vec<ClockTime>,
    /// As they stand in the file, of codecs whose packets tell how long they last.
    pub packets: Many<Packet>,
}

impl From<media::Video> for Video {
    fn from(seen: media::Video) -> Self {
        Self {
            seen,
            ..Self::default()
        }
    }
}

impl Deref for Video {
    type Target = media::Video;

    fn deref(&self) -> &media::Video {
        &self.seen
    }
}

impl From<media::Audio> for Audio {
    fn from(heard: media::Audio) -> Self {
        Self {
            heard,
            ..Self::default()
        }
    }
}

impl Deref for Audio {
    type Target = media::Audio;

    fn deref(&self) -> &media::Audio {
        &self.heard
    }
}

impl From<media::Report> for Report {
    fn from(media: media::Report) -> Self {
        Self {
            media,
            ..Self::default()
        }
    }
}

impl Deref for Report {
    type Target = media::Report;

    fn deref(&self) -> &media::Report {
        &self.media
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("container", &self.container)
            .field("size", &self.size)
            .field("video", &self.video)
            .field("audio", &self.audio)
            .field("further_tracks", &self.further_tracks)
            .field("flash_beep_offsets", &self.flash_beep_offsets)
            .field("beep_offsets", &self.beep_offsets)
            .field("declared_duration", &self.declared_duration)
            .field("errors", &self.errors)
            .finish()
    }
}

impl Report {
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
        let mut problems = self.media.problems();
        let video = self.video.as_ref();
        if let Some(counters) = video.and_then(|video| video.counters.as_ref()) {
            counters.problems(&mut problems);
        }
        if self.is_ours() {
            problems.extend(self.time_faults());
            self.problems_of_ours(may_be, &mut problems);
        }
        problems
    }
}

impl Counters {
    fn problems(&self, problems: &mut Vec<String>) {
        for (number, what) in [
            (self.missing, "missing"),
            (self.doubled, "doubled"),
            (self.out_of_order, "out of order"),
            (self.bad, "without a readable counter"),
            (self.smeared, "with parts of other frames"),
        ] {
            if number > 0 {
                problems.push(format!("{number} frames {what}"));
            }
        }
    }
}
