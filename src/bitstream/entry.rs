// SPDX-License-Identifier: MPL-2.0
//! Where a decoder can begin.
//!
//! h264parse and h265parse (1.22) report a keyframe for every frame with a slice of type I and every
//! recovery point. Later frames may refer to frames before it: with an open GOP those that are
//! shown earlier, and with intra refresh all frames for a while.

use super::standard::Standard;

/// A stream whose last IDR frame is older than this may never send one again: then recovery points
/// and CRA frames are the only way in. Encoders of OBS send an IDR frame every 10 s at the latest.
const LONGEST_GROUP: i64 = 10_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Nothing that follows refers to what was before.
    Clean,
    /// The stream has no other, and what follows but is shown earlier cannot be decoded.
    Open,
    /// A decoder that begins here shows damaged frames.
    No,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Entries {
    /// When the last clean one was.
    clean: Option<i64>,
}

impl Entries {
    /// Judges a frame that a parser calls a keyframe; its time is in nanoseconds.
    pub(crate) fn judge(&mut self, is_clean: bool, time: i64) -> Entry {
        let is_recent = |clean: i64| time.saturating_sub(clean) <= LONGEST_GROUP;
        if is_clean {
            self.clean = Some(time);
            Entry::Clean
        } else if self.clean.is_some_and(is_recent) {
            Entry::No
        } else {
            Entry::Open
        }
    }
}

/// How NAL units are told apart in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    standard: Standard,
    /// Bytes of length before each unit; none has start codes.
    length: Option<usize>,
}

impl Form {
    /// As the caps name it, with their `codec_data`.
    pub(crate) fn new(standard: Standard, stream_format: &str, record: Option<&[u8]>) -> Self {
        let at = match standard {
            Standard::H264 => 4,
            Standard::H265 => 21,
        };
        // Four if it is not told.
        let told = record
            .and_then(|record| record.get(at))
            .copied()
            .unwrap_or(3);
        let length = (stream_format != "byte-stream").then_some(usize::from(told & 3) + 1);
        Self { standard, length }
    }

    pub(crate) fn standard(self) -> Standard {
        self.standard
    }

    /// Whether the first slice is of an IDR or BLA frame.
    pub(crate) fn is_clean(self, frame: &[u8]) -> bool {
        let mut rest = frame;
        while let Some((unit, after)) = self.next(rest) {
            let Some(first) = unit.first() else { break };
            match self.standard {
                Standard::H264 => match first & 0x1f {
                    5 => return true,
                    1..=4 => return false,
                    _ => {}
                },
                Standard::H265 => match first >> 1 & 0x3f {
                    16..=20 => return true,
                    0..=31 => return false,
                    _ => {}
                },
            }
            rest = after;
        }
        false
    }

    /// What begins with the next unit, and where the one after it is looked for.
    fn next(self, data: &[u8]) -> Option<(&[u8], &[u8])> {
        let Some(bytes) = self.length else {
            let code = data.windows(3).position(|w| w == [0, 0, 1])?;
            let unit = data.get(code + 3..)?;
            return Some((unit, unit));
        };
        let (length, rest) = data.split_at_checked(bytes)?;
        let length = length.iter().fold(0, |n, b| n << 8 | usize::from(*b));
        Some((rest, rest.get(length..).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn a_recovery_point_is_a_way_in_only_if_there_is_no_other() {
        let mut entries = Entries::default();
        assert_eq!(entries.judge(false, 0), Entry::Open);
        assert_eq!(entries.judge(true, SECOND), Entry::Clean);
        assert_eq!(entries.judge(false, 2 * SECOND), Entry::No);
        assert_eq!(entries.judge(false, 11 * SECOND), Entry::No);
        assert_eq!(entries.judge(false, 12 * SECOND), Entry::Open);
    }

    #[test]
    fn an_idr_frame_is_found_behind_what_comes_before_it() {
        let avc = Form::new(Standard::H264, "avc", Some(&[1, 100, 0, 13, 0xfd]));
        assert!(avc.is_clean(&[0, 2, 0x09, 0xf0, 0, 2, 0x65, 0x88]));
        assert!(!avc.is_clean(&[0, 2, 0x06, 0x05, 0, 2, 0x41, 0x9a]));
        let bytes = Form::new(Standard::H264, "byte-stream", None);
        assert!(bytes.is_clean(&[0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x65, 0x88]));
        assert!(!bytes.is_clean(&[0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x61, 0x88, 0, 0, 1, 0x65]));
        let hevc = Form::new(Standard::H265, "byte-stream", None);
        assert!(hevc.is_clean(&[0, 0, 1, 0x40, 1, 0, 0, 1, 0x26, 1]));
        assert!(!hevc.is_clean(&[0, 0, 1, 0x2a, 1]), "a CRA frame");
    }

    #[test]
    fn noise_is_no_way_in() {
        for form in ["avc", "byte-stream"] {
            let form = Form::new(Standard::H264, form, None);
            for length in 0..20_usize {
                assert!(!form.is_clean(&vec![0xff; length]));
                assert!(!form.is_clean(&vec![0; length]));
            }
        }
    }
}
