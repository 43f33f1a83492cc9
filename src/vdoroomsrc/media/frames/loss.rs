// SPDX-License-Identifier: MPL-2.0
//! Which frames are damaged by packets that were lost for good.
//!
//! A frame depends on earlier ones. After a gap a decoder shows artefacts until the next keyframe; a
//! VP8 decoder does not even notice. Gaps are found in packets before the depayloader. Frames are
//! marked after the parser, which keeps no flags but keeps times.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::ClockTime;

use crate::vdoroomsrc::media::payload::Packet;

/// The state between packets and frames. One streaming thread uses it, so the lock is never
/// contended.
#[derive(Default)]
pub(crate) struct Loss {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Last>,
    /// Since the frame before.
    hole: bool,
    /// A frame of this RTP timestamp, and what was begun before it, may lack packets.
    incomplete: Option<u32>,
    damaged_from: Option<ClockTime>,
    /// A keyframe until then may lack packets: it mends nothing.
    distrusted_until: Option<ClockTime>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    seqnum: u16,
    timestamp: u32,
    marker: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Good,
    /// Suffers from a hole, or has one.
    Damaged,
    /// The first good one after a hole.
    Mended,
}

impl Loss {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A packet with this sequence number goes into the depayloader, or is of no use to it. True if
    /// it is the first one behind a hole, and all was well before.
    pub(crate) fn packet(&self, number: u16, packet: &Packet<'_>, begins_picture: bool) -> bool {
        self.state().packet(number, packet, begins_picture)
    }

    /// The depayloader gives a frame that is shown then.
    pub(crate) fn unpacked(&self, pts: ClockTime) {
        self.state().unpacked(pts);
    }

    /// What is behind the parser.
    pub(crate) fn judge(&self, pts: Option<ClockTime>, is_keyframe: bool) -> Mark {
        self.state().judge(pts, is_keyframe)
    }
}

impl State {
    fn packet(&mut self, seqnum: u16, packet: &Packet<'_>, begins_picture: bool) -> bool {
        let now = Last {
            seqnum,
            timestamp: packet.timestamp,
            marker: packet.marker,
        };
        let Some(last) = self.last.replace(now) else {
            return false;
        };
        let step = seqnum.wrapping_sub(last.seqnum);
        let is_hole = step != 1;
        let is_first = is_hole && !self.hole && self.damaged_from.is_none();
        if is_hole {
            self.hole = true;
            let ends_well = last.marker && last.timestamp != packet.timestamp;
            if !ends_well || !begins_picture {
                self.incomplete = Some(packet.timestamp);
            }
        } else if let Some(of) = self.incomplete
            && of != packet.timestamp
            && (last.marker || of != last.timestamp)
        {
            // The depayloader has given it up, or out.
            self.incomplete = None;
        }
        is_first
    }

    fn unpacked(&mut self, pts: ClockTime) {
        if std::mem::take(&mut self.hole) {
            self.damaged_from.get_or_insert(pts);
        }
        // B-frames come later than one that is shown after them, and suffer as well.
        self.damaged_from = self.damaged_from.map(|from| from.min(pts));
        if self.incomplete.is_some() {
            self.distrusted_until = Some(pts);
        }
    }

    fn judge(&mut self, pts: Option<ClockTime>, is_keyframe: bool) -> Mark {
        let Some(from) = self.damaged_from else {
            return Mark::Good;
        };
        if pts.is_some_and(|pts| pts < from) {
            return Mark::Good;
        }
        let is_trusted = self.distrusted_until.is_none_or(|until| pts > Some(until));
        if !is_keyframe || !is_trusted {
            return Mark::Damaged;
        }
        self.damaged_from = None;
        Mark::Mended
    }
}

/// Whether a frame begins with this payload, as far as the codec tells. Depayloaders of VP8 and
/// VP9 give out whole frames only; that of H.264 also those that lack slices.
pub(crate) fn begins_picture(encoding_name: &str, payload: &[u8]) -> bool {
    let byte = |at: usize| payload.get(at).copied().unwrap_or(0);
    match encoding_name {
        // RFC 7741 section 4.2: S, and PID 0.
        "VP8" => byte(0) & 0x17 == 0x10,
        // RFC 9628 section 4.2: B.
        "VP9" => byte(0) & 0x08 != 0,
        // RTP payload format for AV1, section 4.4: N and no Z. Tells keyframes only.
        "AV1" => byte(0) & 0x88 == 0x08,
        // RFC 6184: STAP-A (24) begins with a header and two bytes of length, FU-A (28) has S.
        "H264" => match byte(0) & 0x1f {
            24 => begins_avc(byte(3) & 0x1f, byte(4)),
            28 => byte(1) & 0x80 != 0 && begins_avc(byte(1) & 0x1f, byte(2)),
            kind => begins_avc(kind, byte(1)),
        },
        // RFC 7798: AP (48), FU (49).
        "H265" => match byte(0) >> 1 & 0x3f {
            48 => begins_hevc(byte(4) >> 1 & 0x3f, byte(6)),
            49 => byte(2) & 0x80 != 0 && begins_hevc(byte(2) & 0x3f, byte(3)),
            kind => begins_hevc(kind, byte(2)),
        },
        _ => true,
    }
}

/// Parameter sets, SEI and delimiters come before a frame; its first slice has first_mb_in_slice
/// 0, which is one bit that is set (H.264 section 7.3.3).
fn begins_avc(kind: u8, slice: u8) -> bool {
    match kind {
        6..=9 => true,
        1 | 2 | 5 => slice & 0x80 != 0,
        _ => false,
    }
}

/// As [`begins_avc`], with first_slice_segment_in_pic_flag (H.265 section 7.3.6.1).
fn begins_hevc(kind: u8, slice: u8) -> bool {
    match kind {
        32..=35 | 39 => true,
        0..=31 => slice & 0x80 != 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: ClockTime = ClockTime::MSECOND;

    /// Packets as (sequence number, timestamp, marker, whether a frame begins), with `None` where
    /// the depayloader gives out a frame, and the judgement on a delta frame and a keyframe then.
    fn judged(packets: &[(u16, u32, bool, bool)], frames: &[(usize, u64, bool)]) -> Vec<Mark> {
        let (mut state, mut marks) = (State::default(), vec![]);
        for (index, (seqnum, timestamp, marker, begins)) in packets.iter().enumerate() {
            let packet = Packet {
                timestamp: *timestamp,
                marker: *marker,
                payload: &[1],
                follows: true,
            };
            state.packet(*seqnum, &packet, *begins);
            for (_, pts, is_keyframe) in frames.iter().filter(|frame| frame.0 == index) {
                state.unpacked(*pts * MS);
                marks.push(state.judge(Some(*pts * MS), *is_keyframe));
            }
        }
        marks
    }

    #[test]
    fn frames_are_good_as_long_as_nothing_is_lost() {
        let packets = [
            (65535, 1, false, true),
            (0, 1, true, false),
            (1, 2, true, true),
        ];
        let marks = judged(&packets, &[(1, 10, true), (2, 20, false)]);
        assert_eq!(marks, [Mark::Good, Mark::Good]);
    }

    #[test]
    fn frames_behind_a_hole_are_damaged_until_a_keyframe() {
        let packets = [
            (1, 1, true, true),
            (3, 3, true, true),
            (4, 4, true, true),
            (5, 5, true, true),
        ];
        let marks = judged(
            &packets,
            &[(0, 10, true), (1, 30, false), (2, 40, true), (3, 50, false)],
        );
        assert_eq!(marks, [Mark::Good, Mark::Damaged, Mark::Mended, Mark::Good]);
    }

    #[test]
    fn b_frames_behind_a_hole_are_damaged_too() {
        let packets = [(1, 1, true, true), (3, 4, true, true), (4, 2, true, true)];
        let marks = judged(&packets, &[(0, 10, true), (1, 40, false), (2, 20, false)]);
        assert_eq!(marks, [Mark::Good, Mark::Damaged, Mark::Damaged]);
    }

    #[test]
    fn a_keyframe_that_comes_whole_right_behind_a_hole_mends() {
        let packets = [(1, 1, true, true), (3, 3, false, true), (4, 3, true, false)];
        assert_eq!(
            judged(&packets, &[(0, 10, false), (2, 30, true)]),
            [Mark::Good, Mark::Mended]
        );
    }

    #[test]
    fn a_keyframe_that_lacks_packets_mends_nothing() {
        let inside = [
            (1, 1, true, true),
            (2, 2, false, true),
            (4, 2, true, true),
            (5, 3, true, true),
        ];
        let marks = judged(&inside, &[(0, 10, false), (2, 20, true), (3, 30, true)]);
        assert_eq!(marks, [Mark::Good, Mark::Damaged, Mark::Mended]);
        let its_start = [(1, 1, true, true), (3, 2, true, false)];
        let marks = judged(&its_start, &[(0, 10, false), (1, 20, true)]);
        assert_eq!(marks, [Mark::Good, Mark::Damaged]);
        // The end of a keyframe is lost; the next frame brings out what there is of it.
        let its_end = [
            (1, 1, false, true),
            (3, 2, false, true),
            (4, 2, true, false),
        ];
        let marks = judged(&its_end, &[(1, 10, true), (2, 20, false)]);
        assert_eq!(marks, [Mark::Damaged, Mark::Damaged]);
    }

    #[test]
    fn a_frame_begins_where_its_codec_says() {
        for (codec, payload, begins) in [
            ("VP8", &[0x90u8, 0x80][..], true),
            ("VP8", &[0x80, 0x80], false),
            ("VP8", &[0x91, 0x80], false),
            ("VP9", &[0x88], true),
            ("VP9", &[0x80], false),
            ("AV1", &[0x18], true),
            ("AV1", &[0x90], false),
            ("H264", &[0x67, 0x42], true),
            ("H264", &[0x41, 0x9a], true),
            ("H264", &[0x41, 0x20], false),
            ("H264", &[0x78, 0, 9, 0x67, 0x42], true),
            ("H264", &[0x7c, 0x85, 0x88], true),
            ("H264", &[0x7c, 0x85, 0x08], false),
            ("H264", &[0x7c, 0x05, 0x88], false),
            ("H265", &[0x40, 0x01, 0x0c], true),
            ("H265", &[0x02, 0x01, 0xd0], true),
            ("H265", &[0x02, 0x01, 0x50], false),
            ("H265", &[0x62, 0x01, 0x93, 0x80], true),
            ("H265", &[0x62, 0x01, 0x13, 0x80], false),
            ("H264", &[], false),
        ] {
            assert_eq!(
                begins_picture(codec, payload),
                begins,
                "{codec} {payload:x?}"
            );
        }
    }
}
