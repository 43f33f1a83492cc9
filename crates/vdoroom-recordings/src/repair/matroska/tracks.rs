// SPDX-License-Identifier: MPL-2.0
//! The tracks, and what their frames come to.

use std::collections::VecDeque;

/// So many of the last frames tell how long one lasts where nothing says it.
const RECENT: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Video,
    Audio,
    Other,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Other => "other",
        }
    }
}

/// Times are nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    pub number: u64,
    pub kind: Kind,
    pub codec: String,
    /// Is part of the times in the file (RFC 9559 section 5.1.4.1.25).
    pub codec_delay: i64,
    /// How long each frame lasts, if the file says so.
    pub frame_duration: Option<i64>,
    pub frames: u64,
    pub keyframes: u64,
    /// Of the frames that say how long they last.
    end: Option<i64>,
    /// Of those that do not.
    last: Option<i64>,
    recent: VecDeque<i64>,
}

impl Track {
    pub(crate) fn new(number: u64, kind: Kind, codec: String) -> Self {
        Self {
            number,
            kind,
            codec,
            codec_delay: 0,
            frame_duration: None,
            frames: 0,
            keyframes: 0,
            end: None,
            last: None,
            recent: VecDeque::new(),
        }
    }

    pub(crate) fn is_opus(&self) -> bool {
        self.codec == "A_OPUS"
    }

    pub(crate) fn note(&mut self, time: i64, duration: Option<i64>, is_keyframe: bool) {
        self.frames += 1;
        self.keyframes += u64::from(is_keyframe);
        let time = time.saturating_sub(self.codec_delay);
        if let Some(duration) = duration.or(self.frame_duration) {
            self.end = self.end.max(Some(time.saturating_add(duration)));
            return;
        }
        self.last = self.last.max(Some(time));
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(time);
    }

    /// When the last frame ends.
    pub(crate) fn end(&self) -> Option<i64> {
        let last = self.last.map(|last| last.saturating_add(self.typical()));
        self.end.max(last)
    }

    /// How long frames last: the median of the times from one to the next.
    fn typical(&self) -> i64 {
        let mut times: Vec<_> = self.recent.iter().copied().collect();
        times.sort_unstable();
        let mut steps: Vec<_> = times
            .windows(2)
            .filter_map(|pair| Some(pair.last()?.saturating_sub(*pair.first()?)))
            .filter(|step| *step > 0)
            .collect();
        steps.sort_unstable();
        steps.get(steps.len() / 2).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_frame_ends_after_the_time_that_is_usual() {
        let mut track = Track::new(1, Kind::Video, "V_VP8".into());
        assert_eq!(track.end(), None);
        track.note(0, None, true);
        assert_eq!(track.end(), Some(0), "of one frame nothing is known");
        // Out of order, as frames that refer to later ones are, and with a pause.
        for time in [66, 33, 99, 2_000, 2_066, 2_033] {
            track.note(time, None, false);
        }
        assert_eq!(track.end(), Some(2_099));
    }

    #[test]
    fn the_delay_of_a_codec_is_no_part_of_the_duration() {
        let mut track = Track::new(1, Kind::Audio, "A_OPUS".into());
        track.codec_delay = 6;
        track.note(0, Some(20), true);
        track.note(20, Some(20), true);
        assert_eq!(track.end(), Some(34));
    }
}
