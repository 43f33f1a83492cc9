// SPDX-License-Identifier: MPL-2.0
//! Decoding times, computed from presentation times.
//!
//! RTP has presentation times only (RFC 6184 section 5.1, RFC 7798 section 4.1), and frames
//! come in the order in which they are decoded. A decoder that holds `n` frames before it shows one
//! shows, with each frame that it is given, the earliest of those that it holds: that is the latest
//! time by which the frame must have been decoded. Without B-frames both times are the same.

use super::sps::{MAX_DEPTH, Reordering};

const MS: i64 = 1_000_000;
/// What frames with the same time are put apart by: small enough to stay before the next frame,
/// large enough for Matroska's millisecond clock.
const APART: i64 = MS;
/// How far the first frames are decoded before each other: nothing is known of their distance.
const FIRST: i64 = 20 * MS;
/// Frames that are shown farther apart do not belong together: the time has jumped.
const JUMP: i64 = 5_000 * MS;

#[derive(Clone, Debug, Default)]
pub(crate) struct DecodingOrder {
    reordering: Reordering,
    /// When the latest frames are shown, in order; one more than a decoder holds.
    shown: Vec<i64>,
    /// When the last frame was decoded.
    decoded: Option<i64>,
}

/// Nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub pts: i64,
    pub dts: i64,
}

impl DecodingOrder {
    /// Frames may be shown in another order from now on.
    pub(crate) fn set_reordering(&mut self, reordering: Reordering) {
        // What was learnt of a stream that does not tell still holds.
        let learnt = if reordering.is_guess {
            self.reordering.depth
        } else {
            0
        };
        self.reordering = Reordering {
            depth: reordering.depth.max(learnt),
            ..reordering
        };
    }

    /// The next frame; `None` if it came without a time. DTS rises, no PTS comes twice, and none is
    /// before its DTS: a frame that comes too late is shown as soon as it can be.
    pub(crate) fn frame(&mut self, pts: Option<i64>) -> Times {
        let earliest = self.decoded.map(|decoded| decoded.saturating_add(APART));
        let mut pts = pts.or(earliest).unwrap_or(0);
        if let Some(earliest) = earliest.filter(|earliest| pts < *earliest) {
            if self.reordering.is_guess && self.reordering.depth < MAX_DEPTH {
                self.reordering.depth += 1;
            }
            pts = earliest;
        }
        self.shown.retain(|shown| shown - pts < JUMP);
        while self.shown.binary_search(&pts).is_ok() {
            pts = pts.saturating_add(APART);
        }
        let at = self.shown.partition_point(|shown| *shown < pts);
        self.shown.insert(at, pts);
        let held = self.reordering.depth;
        let surplus = self.shown.len().saturating_sub(held + 1);
        self.shown.drain(..surplus);
        let missing = (held + 1).saturating_sub(self.shown.len()) as i64;
        let first = self.shown.first().copied().unwrap_or(pts);
        let dts = first.saturating_sub(missing * FIRST);
        let dts = self.decoded.map_or(dts, |decoded| dts.max(decoded + 1));
        self.decoded = Some(dts);
        Times { pts, dts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(depth: usize, is_guess: bool) -> DecodingOrder {
        let mut order = DecodingOrder::default();
        order.set_reordering(Reordering { depth, is_guess });
        order
    }

    /// PTS and DTS in milliseconds.
    fn timed(order: &mut DecodingOrder, pts: &[i64]) -> Vec<(i64, i64)> {
        let frames = pts.iter().map(|pts| order.frame(Some(pts * MS)));
        frames.map(|t| (t.pts / MS, t.dts / MS)).collect()
    }

    #[test]
    fn without_reordering_a_frame_is_decoded_when_it_is_shown() {
        let times = timed(&mut order(0, false), &[5, 38, 71]);
        assert_eq!(times, [(5, 5), (38, 38), (71, 71)]);
    }

    #[test]
    fn repeated_missing_and_falling_times_become_rising_ones() {
        let mut order = order(0, false);
        let pts = [Some(40), Some(40), None, Some(30), Some(73)];
        let times = pts.map(|pts| order.frame(pts.map(|pts| pts * MS)).pts / MS);
        assert_eq!(times, [40, 41, 42, 43, 73]);
    }

    #[test]
    fn b_frames_keep_their_times_and_are_decoded_before() {
        let shown = [100, 200, 133, 166, 300, 233, 266, 400, 333, 366];
        let times = timed(&mut order(1, false), &shown);
        let decoded = [80, 100, 133, 166, 200, 233, 266, 300, 333, 366];
        assert_eq!(times, shown.into_iter().zip(decoded).collect::<Vec<_>>());
    }

    #[test]
    fn b_frames_that_others_refer_to_are_decoded_earlier_still() {
        let shown = [100, 233, 166, 133, 200, 366, 300, 266, 333];
        let times = timed(&mut order(2, false), &shown);
        let decoded = [60, 80, 100, 133, 166, 200, 233, 266, 300];
        assert_eq!(times, shown.into_iter().zip(decoded).collect::<Vec<_>>());
    }

    #[test]
    fn two_b_frames_with_one_time_are_two_frames() {
        let times = timed(&mut order(1, false), &[100, 200, 133, 133, 300]);
        let pts: Vec<_> = times.iter().map(|t| t.0).collect();
        assert_eq!(pts, [100, 200, 133, 134, 300]);
    }

    #[test]
    fn what_a_stream_does_not_tell_is_learnt() {
        let mut order = order(0, true);
        timed(&mut order, &[100, 200, 133, 166]);
        let shown = [300, 233, 266, 400, 333, 366, 500, 433, 466];
        let pts: Vec<_> = timed(&mut order, &shown).iter().map(|t| t.0).collect();
        assert_eq!(pts[3..], shown[3..]);
    }

    #[test]
    fn a_time_that_jumped_is_forgotten() {
        let mut order = order(1, false);
        timed(&mut order, &[100, 90_000, 133, 166]);
        let times = timed(&mut order, &[300, 233, 266, 400, 333]);
        let decoded: Vec<_> = times.iter().map(|t| t.1).collect();
        assert_eq!(decoded, [166, 233, 266, 300, 333]);
    }

    #[test]
    fn whatever_comes_is_decoded_in_order_and_before_it_is_shown() {
        let mut state = 1_u64;
        for depth in 0..=MAX_DEPTH {
            let mut order = order(depth, depth % 2 == 0);
            let mut last = i64::MIN;
            for n in 0..2000 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let pts = n * 33 * MS + ((state >> 40) % 500) as i64 * MS;
                let times = order.frame((state >> 33 & 15 != 0).then_some(pts));
                assert!(times.dts <= times.pts, "{depth}: {times:?}");
                assert!(times.dts > last, "{depth}: {times:?} after {last}");
                last = times.dts;
            }
        }
    }
}
