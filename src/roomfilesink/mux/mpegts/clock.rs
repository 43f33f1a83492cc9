// SPDX-License-Identifier: MPL-2.0
//! When clock references and tables are due between frames. Plain numbers, in 1/90 000 s.
//!
//! A reference is due all 40 ms (ISO/IEC 13818-1 section 2.7.2 allows 100 ms), also while all tracks
//! are silent: GStreamer's demultiplexer takes the time base for a new one after a longer gap, and
//! guesses its distance.

/// How long before its decoding a frame is in the stream.
const LEAD: i64 = 90_000 / 8;
const DISTANCE: i64 = 40 * 90;
const TABLES: i64 = 100 * 90;
/// As late as the frame of a silent video may come (`waiting::SILENCE`). After it the references must
/// not go back.
const LATENESS: i64 = 400 * 90;
/// All tracks are silent. Who begins to read there finds tables at the end of it.
const SILENCE: i64 = 90_000;
/// No more of a silence than its last ten minutes has references: a frame that is dated a day ahead, or
/// comes a day later, is not to cost half a gigabyte.
const LONGEST_FILLED: i64 = 600 * 90_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Tables,
    Reference(i64),
}

#[derive(Default)]
pub(super) struct Clock {
    /// The newest reference, and the newest tables.
    last: Option<(i64, i64)>,
    /// A frame of the track that has the clock was there.
    runs: bool,
}

impl Clock {
    /// Says what is due before a frame that is decoded at this time, of the track that has the clock or
    /// of another. Returns the reference that goes with the former.
    pub(super) fn frame(&mut self, time: i64, is_own: bool, mut due: impl FnMut(Due)) -> i64 {
        // No frame can be late before the first.
        let lateness = if is_own || !self.runs { 0 } else { LATENESS };
        self.runs |= is_own;
        let now = time.saturating_sub(LEAD + lateness);
        let Some((mut last, mut tables)) = self.last else {
            // Twice: GStreamer tells a transport stream by five packets, and the process may be killed
            // behind the first frame.
            due(Due::Tables);
            due(Due::Tables);
            if !is_own {
                due(Due::Reference(now));
            }
            self.last = Some((now, now));
            return now;
        };
        last = last.max(now.saturating_sub(LONGEST_FILLED));
        let is_silence = now.saturating_sub(tables) > SILENCE;
        if is_silence {
            tables = now;
        }
        loop {
            let (reference, table) = (last + DISTANCE, tables + TABLES);
            if table <= reference.min(now) {
                due(Due::Tables);
                tables = table;
            } else if reference < now {
                due(Due::Reference(reference));
                last = reference;
            } else {
                break;
            }
        }
        if is_silence {
            due(Due::Tables);
        }
        if is_own {
            // A clock that goes back would be taken for a new one.
            last = last.max(now);
        }
        self.last = Some((last, tables));
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is due for frames at these times, in order, and the references of the track with the clock.
    fn run(frames: &[(i64, bool)]) -> Vec<Due> {
        let mut clock = Clock::default();
        let mut all = Vec::new();
        for (time, is_own) in frames {
            let reference = clock.frame(*time, *is_own, |due| all.push(due));
            if *is_own {
                all.push(Due::Reference(reference));
            }
        }
        all
    }

    /// The references, which are never too far apart and never go back.
    fn references(all: &[Due]) -> Vec<i64> {
        let reference = |due: &Due| match due {
            Due::Reference(time) => Some(*time),
            Due::Tables => None,
        };
        let found: Vec<_> = all.iter().filter_map(reference).collect();
        for pair in found.windows(2) {
            assert!((0..=DISTANCE).contains(&(pair[1] - pair[0])), "{pair:?}");
        }
        found
    }

    #[test]
    fn audio_before_the_first_video_comes_after_tables_and_a_reference() {
        let all = run(&[(90_000, false), (95_000, true)]);
        let first = 90_000 - LEAD;
        let second = 95_000 - LEAD;
        let expected = [
            Due::Tables,
            Due::Tables,
            Due::Reference(first),
            Due::Reference(first + DISTANCE),
            Due::Reference(second),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn tables_are_never_more_than_a_tenth_of_a_second_apart() {
        let frames: Vec<_> = (0..300).map(|n| (n * 3003, true)).collect();
        let all = run(&frames);
        references(&all);
        let mut since = 0;
        for due in &all {
            match due {
                Due::Tables => since = 0,
                Due::Reference(_) => since += 1,
            }
            // 33 ms each.
            assert!(since <= 3, "{all:?}");
        }
    }

    #[test]
    fn a_video_that_is_silent_has_a_clock_and_may_come_back_late() {
        let mut frames = vec![(0, true)];
        frames.extend((0..150).map(|n| (n * 1800, false)));
        frames.push((150 * 1800 - LATENESS, true));
        let found = references(&run(&frames));
        assert_eq!(found.last(), Some(&(150 * 1800 - LATENESS - LEAD)));
    }

    #[test]
    fn a_frame_that_is_later_than_any_other_does_not_turn_the_clock_back() {
        let frames = [(0, true), (270_000, false), (90_000, true), (270_000, true)];
        let found = references(&run(&frames));
        assert_eq!(found.last(), Some(&(270_000 - LEAD)));
    }

    #[test]
    fn silence_of_all_tracks_has_references_and_tables_at_its_end() {
        let all = run(&[(0, true), (900_000, true)]);
        references(&all);
        let [Due::Tables, .., Due::Tables, Due::Reference(_)] = all.as_slice() else {
            panic!("{all:?}");
        };
        let tables = all.iter().filter(|due| **due == Due::Tables).count();
        assert_eq!(tables, 3);
    }

    #[test]
    fn a_frame_a_day_later_does_not_cost_a_day_of_references() {
        let day = 24 * 3600 * 90_000;
        let all = run(&[(0, true), (day, true)]);
        assert!(all.len() as i64 <= LONGEST_FILLED / DISTANCE + 5);
        assert_eq!(all.last(), Some(&Due::Reference(day - LEAD)));
    }
}
