// SPDX-License-Identifier: MPL-2.0
//! When missing packets of one SSRC are requested: 20 ms after a later one has come, since it may
//! only have been overtaken, and again as long as there is time.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

const OVERTAKEN: Duration = Duration::from_millis(20);

/// Requests for each packet, with the first.
const ATTEMPTS: u32 = 5;

/// What a request and its answer need beside the round trip, the I/O thread's rest included.
const MARGIN: Duration = Duration::from_millis(35);

/// More requests within a round trip only cause duplicates.
const PER_ROUND_TRIP: u32 = 3;

/// Missing packets that are kept in mind. More at once are an interruption, which no repeats fill.
const MAX_MISSING: u64 = 512;

#[derive(Debug, Default)]
pub(crate) struct Nack {
    missing: BTreeMap<u64, Missing>,
}

#[derive(Debug)]
struct Missing {
    /// `None` once there is no time left.
    ask_at: Option<Instant>,
    asked: u32,
}

impl Nack {
    /// A packet has come behind these.
    pub(crate) fn hole(&mut self, now: Instant, indices: Range<u64>) {
        let known = self.missing.len() as u64;
        if known + indices.end.saturating_sub(indices.start) > MAX_MISSING {
            return;
        }
        for index in indices {
            self.missing.entry(index).or_insert(Missing {
                ask_at: Some(now + OVERTAKEN),
                asked: 0,
            });
        }
    }

    /// It has come. True if it was asked for.
    pub(crate) fn came(&mut self, index: u64) -> bool {
        let missing = self.missing.remove(&index);
        missing.is_some_and(|missing| missing.asked > 0)
    }

    /// Those before `next` are given up.
    pub(crate) fn give_up_before(&mut self, next: u64) {
        while let Some(first) = self.missing.first_entry()
            && *first.key() < next
        {
            first.remove();
        }
    }

    /// What is to be requested now.
    pub(crate) fn due(&mut self, now: Instant, pace: Duration) -> Vec<u64> {
        let mut due = Vec::new();
        for (&index, missing) in &mut self.missing {
            if missing.ask_at.is_some_and(|at| at <= now) {
                due.push(index);
                missing.asked += 1;
                missing.ask_at = (missing.asked < ATTEMPTS).then(|| now + pace);
            }
        }
        due
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let missing = self.missing.values();
        missing.filter_map(|missing| missing.ask_at).min()
    }
}

/// The time between two requests for the same packet: the attempts are spread over the time that is
/// left. One in each round trip would fill a slow network where `latency` is long.
pub(crate) fn pace(latency: Duration, round_trip: Duration) -> Duration {
    let time = latency.saturating_sub(round_trip).saturating_sub(MARGIN);
    (time / (ATTEMPTS - 1))
        .max(round_trip / PER_ROUND_TRIP)
        .max(OVERTAKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Duration = Duration::from_millis(100);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn what_was_only_overtaken_is_not_requested() {
        let start = Instant::now();
        let mut nack = Nack::default();
        nack.hole(start, 5..7);
        assert_eq!(nack.deadline(), Some(start + ms(20)));
        assert!(nack.due(start + ms(19), PACE).is_empty());
        assert!(!nack.came(5), "it needed no request");
        assert_eq!(nack.due(start + ms(20), PACE), [6]);
        assert!(nack.came(6));
        assert_eq!(nack.deadline(), None);
    }

    #[test]
    fn a_packet_is_requested_again_five_times_at_most() {
        let start = Instant::now();
        let mut nack = Nack::default();
        nack.hole(start, 5..6);
        let times: Vec<u64> = (0..2000)
            .filter(|&at| !nack.due(start + ms(at), PACE).is_empty())
            .collect();
        assert_eq!(times, [20, 120, 220, 320, 420]);
        assert_eq!(nack.deadline(), None);
        assert!(nack.came(5));
    }

    #[test]
    fn what_is_given_up_is_not_requested() {
        let start = Instant::now();
        let mut nack = Nack::default();
        nack.hole(start, 5..9);
        nack.give_up_before(8);
        assert_eq!(nack.due(start + ms(20), PACE), [8]);
    }

    #[test]
    fn an_interruption_is_not_requested_and_memory_is_bounded() {
        let start = Instant::now();
        let mut nack = Nack::default();
        nack.hole(start, 0..5000);
        nack.hole(start, 0..u64::MAX);
        assert_eq!(nack.deadline(), None);
        for n in 0..5000 {
            nack.hole(start, 2 * n..2 * n + 1);
        }
        assert!(nack.missing.len() as u64 <= MAX_MISSING);
    }

    #[test]
    fn there_are_attempts_enough_within_the_latency() {
        let pace_of = |latency, round_trip| pace(ms(latency), ms(round_trip)).as_millis();
        assert_eq!(pace_of(200, 50), 28);
        assert_eq!(pace_of(200, 100), 33, "not more than three in a round trip");
        assert_eq!(pace_of(500, 2), 115);
        assert_eq!(pace_of(20, 0), 20, "never without a rest");
    }
}
