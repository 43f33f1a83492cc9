// SPDX-License-Identifier: MPL-2.0
//! Where a decoder can begin.
//!
//! h264parse and h265parse (1.22) report a keyframe for every frame with a slice of type I and every
//! recovery point. Later frames may refer to frames before it: with an open GOP those that are
//! shown earlier, and with intra refresh all frames for a while. They also report one for any frame
//! into which they insert parameter sets (`gst_h264_parse_handle_sps_pps_nals`, 1.22 to 1.29), which
//! they do for the first one that they get.

use super::bits::{Bits, Bytes};
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

/// What a frame tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// An IDR or BLA frame.
    Clean,
    /// A CRA frame, another frame of type I, or one with a recovery point.
    Gradual,
    /// It refers to frames before it.
    None,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Entries {
    /// When the last clean one was.
    clean: Option<i64>,
}

impl Entries {
    /// Judges a frame that a parser calls a keyframe; its time is in nanoseconds.
    pub(crate) fn judge(&mut self, refresh: Refresh, time: i64) -> Entry {
        let is_recent = |clean: i64| time.saturating_sub(clean) <= LONGEST_GROUP;
        match refresh {
            Refresh::Clean => {
                self.clean = Some(time);
                Entry::Clean
            }
            Refresh::Gradual if !self.clean.is_some_and(is_recent) => Entry::Open,
            Refresh::Gradual | Refresh::None => Entry::No,
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

    /// By the units up to the first slice.
    pub(crate) fn refresh(self, frame: &[u8]) -> Refresh {
        let mut rest = frame;
        let mut recovers = false;
        while let Some((unit, after)) = self.next(rest) {
            let Some(first) = unit.first() else { break };
            let unit = &unit[..self.length.map_or(unit.len(), |_| unit.len() - after.len())];
            let kind = match self.standard {
                Standard::H264 => h264_unit(first & 0x1f, unit),
                Standard::H265 => h265_unit(first >> 1 & 0x3f, unit),
            };
            match kind {
                Unit::Slice(Refresh::None) if recovers => return Refresh::Gradual,
                Unit::Slice(refresh) => return refresh,
                Unit::RecoveryPoint => recovers = true,
                Unit::Other => {}
            }
            rest = after;
        }
        Refresh::None
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

enum Unit {
    Slice(Refresh),
    RecoveryPoint,
    Other,
}

/// H.264 section 7.4.1, table 7-1.
fn h264_unit(kind: u8, unit: &[u8]) -> Unit {
    match kind {
        5 => Unit::Slice(Refresh::Clean),
        1 | 2 => Unit::Slice(match h264_slice_type(unit) {
            // I and SI.
            Some(2 | 4 | 7 | 9) => Refresh::Gradual,
            _ => Refresh::None,
        }),
        3 | 4 => Unit::Slice(Refresh::None),
        6 if has_recovery_point(unit.get(1..)) => Unit::RecoveryPoint,
        _ => Unit::Other,
    }
}

/// H.264 section 7.3.3.
fn h264_slice_type(unit: &[u8]) -> Option<u32> {
    let mut bits = Bits::new(unit.get(1..)?);
    bits.exp_golomb()?;
    bits.exp_golomb()
}

/// H.265 section 7.4.2.2, table 7-1.
fn h265_unit(kind: u8, unit: &[u8]) -> Unit {
    match kind {
        16..=20 => Unit::Slice(Refresh::Clean),
        21 => Unit::Slice(Refresh::Gradual),
        0..=31 => Unit::Slice(match h265_slice_type(unit) {
            Some(2) => Refresh::Gradual,
            _ => Refresh::None,
        }),
        39 if has_recovery_point(unit.get(2..)) => Unit::RecoveryPoint,
        _ => Unit::Other,
    }
}

/// H.265 section 7.3.6.1, of the first slice of a frame, where the picture parameter set announces no
/// extra bits.
fn h265_slice_type(unit: &[u8]) -> Option<u32> {
    let mut bits = Bits::new(unit.get(2..)?);
    if !bits.flag()? {
        return None;
    }
    bits.exp_golomb()?;
    bits.exp_golomb()
}

/// Whether supplemental enhancement information has a recovery point (H.264 section 7.3.2.3.1 and
/// annex D; H.265 alike).
fn has_recovery_point(messages: Option<&[u8]>) -> bool {
    const RECOVERY_POINT: usize = 6;
    let mut bytes = Bytes::new(messages.unwrap_or_default());
    while !ends(bytes.rest()) {
        let (Some(kind), Some(size)) = (sum(&mut bytes), sum(&mut bytes)) else {
            break;
        };
        if kind == RECOVERY_POINT {
            return true;
        }
        if size > 0 && bytes.nth(size - 1).is_none() {
            break;
        }
    }
    false
}

/// A type or a size: each byte of 255 says that another one follows.
fn sum(bytes: &mut Bytes<'_>) -> Option<usize> {
    let mut sum = 0;
    loop {
        let byte = bytes.next()?;
        sum += usize::from(byte);
        if byte != 0xff {
            return Some(sum);
        }
    }
}

/// Whether only the bit is left that ends a unit. With start codes another unit follows.
fn ends(rest: &[u8]) -> bool {
    matches!(rest, [] | [0x80] | [0x80, 0, 0, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn a_recovery_point_is_a_way_in_only_if_there_is_no_other() {
        use Refresh::{Clean, Gradual};
        let mut entries = Entries::default();
        assert_eq!(entries.judge(Refresh::None, 0), Entry::No);
        assert_eq!(entries.judge(Gradual, 0), Entry::Open);
        assert_eq!(entries.judge(Clean, SECOND), Entry::Clean);
        assert_eq!(entries.judge(Gradual, 2 * SECOND), Entry::No);
        assert_eq!(entries.judge(Gradual, 11 * SECOND), Entry::No);
        assert_eq!(entries.judge(Gradual, 12 * SECOND), Entry::Open);
        assert_eq!(entries.judge(Refresh::None, 30 * SECOND), Entry::No);
    }

    #[test]
    fn an_idr_frame_is_found_behind_what_comes_before_it() {
        use Refresh::{Clean, Gradual, None as Nothing};
        let avc = Form::new(Standard::H264, "avc", Some(&[1, 100, 0, 13, 0xfd]));
        let bytes = Form::new(Standard::H264, "byte-stream", None);
        let hevc = Form::new(Standard::H265, "byte-stream", None);
        for (form, frame, refresh) in [
            (avc, &[0, 2, 0x09, 0xf0, 0, 2, 0x65, 0x88][..], Clean),
            (avc, &[0, 2, 0x06, 0x05, 0, 2, 0x41, 0x9a], Nothing),
            // A recovery point behind another message, and a slice of type P.
            (
                avc,
                &[0, 8, 6, 1, 1, 9, 6, 1, 0xc4, 0x80, 0, 2, 0x41, 0x9a],
                Gradual,
            ),
            // Another message with the same bytes inside.
            (avc, &[0, 6, 6, 1, 2, 6, 1, 0x80, 0, 2, 0x41, 0x9a], Nothing),
            (bytes, &[0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x65, 0x88], Clean),
            // A slice of type P with an IDR slice behind it, and one of type I.
            (
                bytes,
                &[0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x61, 0x9a, 0, 0, 1, 0x65],
                Nothing,
            ),
            (bytes, &[0, 0, 1, 0x61, 0x88], Gradual),
            (hevc, &[0, 0, 1, 0x40, 1, 0, 0, 1, 0x26, 1], Clean),
            // No recovery point, and a slice whose first bytes would be one.
            (
                bytes,
                &[0, 0, 1, 6, 5, 1, 7, 0x80, 0, 0, 1, 0x61, 0x9a, 6, 1],
                Nothing,
            ),
            // A CRA frame; TRAIL_R of type P and of type I; a recovery point.
            (hevc, &[0, 0, 1, 0x2a, 1], Gradual),
            (hevc, &[0, 0, 1, 0x02, 1, 0b1101_0000], Nothing),
            (hevc, &[0, 0, 1, 0x02, 1, 0b1101_1000], Gradual),
            (
                hevc,
                &[0, 0, 1, 0x4e, 1, 6, 1, 0x80, 0, 0, 1, 0x02, 1, 0b1101_0000],
                Gradual,
            ),
        ] {
            assert_eq!(form.refresh(frame), refresh, "{frame:x?}");
        }
    }

    #[test]
    fn noise_is_no_way_in() {
        for standard in [Standard::H264, Standard::H265] {
            for form in ["avc", "byte-stream"] {
                let form = Form::new(standard, form, None);
                for length in 0..20_usize {
                    assert_eq!(form.refresh(&vec![0xff; length]), Refresh::None);
                    assert_eq!(form.refresh(&vec![0; length]), Refresh::None);
                }
            }
        }
    }
}
