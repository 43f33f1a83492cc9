// SPDX-License-Identifier: MPL-2.0
//! Whether what comes is media at all, or is encrypted from end to end: told frame by frame, since a
//! single frame that is broken may have many packets.

use crate::vdoroomsrc::media::payload::{Fault, Payload};

/// Of so many frames so many are broken: no accident. An encrypted frame keeps the rules of a
/// payload by chance: of VP8 each fourth, of AV1 each second.
const FRAMES: u32 = 50;
const BROKEN: u32 = 15;

/// A sender may never say where a frame ends.
const PACKETS: u32 = 1000;

#[derive(Debug, Default)]
pub(crate) struct Sample {
    packets: u32,
    frames: u32,
    broken: u32,
    /// Of the frame that has not ended.
    is_broken: bool,
    /// The first one.
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Undecodable,
    /// What is wrong with some of it.
    Faulty(Fault),
    Well,
}

impl Sample {
    /// Told with each full sample.
    pub(crate) fn packet(
        &mut self,
        is_broken: bool,
        fault: Option<Fault>,
        ends_frame: bool,
        payload: &mut Payload,
    ) -> Option<Finding> {
        self.packets += 1;
        self.is_broken |= is_broken;
        self.fault = self.fault.or(fault);
        if ends_frame {
            self.frames += 1;
            self.broken += u32::from(std::mem::take(&mut self.is_broken));
        }
        if self.frames < FRAMES && self.packets < PACKETS {
            return None;
        }
        let sample = std::mem::take(self);
        let is_strange = payload.was_strange();
        Some(match sample.fault {
            _ if sample.broken >= BROKEN || is_strange => Finding::Undecodable,
            Some(fault) => Finding::Faulty(fault),
            None => Finding::Well,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vdoroomsrc::media::codecs::Codec;

    /// What is found of frames of video with so many packets each, of which these are broken.
    fn found(frames: u32, packets: u32, is_broken: impl Fn(u32) -> bool) -> Vec<Finding> {
        let mut sample = Sample::default();
        let mut payload = Payload::of(Codec::by_name("VP8").unwrap());
        let all = (0..frames).flat_map(|frame| (1..=packets).map(move |packet| (frame, packet)));
        let findings = all.filter_map(|(frame, packet)| {
            let is_broken = is_broken(frame);
            let fault = (is_broken && packet == 1).then_some("a fault");
            sample.packet(is_broken, fault, packet == packets, &mut payload)
        });
        findings.collect()
    }

    #[test]
    fn frames_count_and_not_their_packets() {
        let one = found(50, 1, |frame| frame == 3);
        assert_eq!(one, [Finding::Faulty("a fault")]);
        // A keyframe of more packets than all other frames have together.
        assert_eq!(found(50, 19, |frame| frame == 0), one);
        for packets in [1, 2, 10] {
            let most = found(100, packets, |frame| frame % 4 != 0);
            assert_eq!(most, [Finding::Undecodable; 2], "{packets}");
            let half = found(100, packets, |frame| frame % 2 == 0);
            assert_eq!(half, [Finding::Undecodable; 2], "{packets}");
        }
        assert_eq!(found(100, 3, |_| false), [Finding::Well; 2]);
    }

    #[test]
    fn frames_without_an_end_are_told_of_as_well() {
        let mut sample = Sample::default();
        let mut payload = Payload::of(Codec::by_name("VP8").unwrap());
        let mut packets = (0..PACKETS).map(|number| {
            let fault = (number == 7).then_some("a fault");
            sample.packet(fault.is_some(), fault, false, &mut payload)
        });
        let found = packets.by_ref().flatten().next();
        assert_eq!(found, Some(Finding::Faulty("a fault")));
    }
}
