// SPDX-License-Identifier: MPL-2.0
//! What a track remembers of where its packets belong: a frame has one place, however many packets
//! it has, and the next one is found by the [`Line`].

use super::line::{Answer, Line, Place};

#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Of the timeline when it was asked.
    generation: u64,
    /// RTP timestamp and place of the newest frame.
    newest: Option<(u32, Place)>,
    line: Option<Line>,
}

impl Memory {
    /// The place of a packet, if it is known while the timeline has this generation. Otherwise the
    /// timeline has to be asked.
    pub(crate) fn place(&mut self, generation: u64, rtp: u32) -> Option<Place> {
        if generation != self.generation {
            return None;
        }
        if let Some((newest, place)) = self.newest
            && newest == rtp
        {
            return Some(place);
        }
        let place = self.line.as_mut()?.place(rtp)?;
        self.newest = Some((rtp, place));
        Some(place)
    }

    /// Gives back what the track has placed by, so that the timeline can go on from there.
    pub(crate) fn take_line(&mut self) -> Option<Line> {
        self.line.take()
    }

    /// What the timeline has answered for a packet of this timestamp.
    pub(crate) fn keep(&mut self, rtp: u32, answer: Answer) -> Place {
        self.generation = answer.generation;
        self.newest = Some((rtp, answer.place));
        self.line = answer.line;
        answer.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(ms: i128, generation: u64) -> Answer {
        Answer {
            place: Place {
                time: Some(ms),
                ntp: None,
            },
            line: None,
            generation,
        }
    }

    #[test]
    fn the_packets_of_a_frame_have_one_place() {
        let mut memory = Memory::default();
        assert_eq!(memory.place(0, 7), None);
        let place = memory.keep(7, answer(40, 0));
        assert_eq!(memory.place(0, 7), Some(place));
        assert_eq!(memory.place(0, 8), None, "another frame");
        assert_eq!(memory.place(0, 7), Some(place));
    }

    #[test]
    fn a_place_is_asked_for_anew_once_the_timeline_has_changed() {
        let mut memory = Memory::default();
        memory.keep(7, answer(40, 3));
        assert_eq!(memory.place(4, 7), None);
        let place = memory.keep(7, answer(60, 4));
        assert_eq!(memory.place(4, 7), Some(place));
        assert_eq!(place.time, Some(60));
    }
}
