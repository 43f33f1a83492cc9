// SPDX-License-Identifier: MPL-2.0
//! How often retransmission of lost packets is requested, and when that cannot help.

use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(1);

/// Requests and answers are lost as well: with one packet in twenty gone, every tenth attempt
/// fails. A frame that lacks a packet damages all frames until the next keyframe.
const ATTEMPTS: u32 = 5;

/// A missing packet is noticed when the next frame arrives, at 30 frames per second.
const NOTICED: Duration = Duration::from_millis(35);

/// More requests within a round trip only cause duplicate retransmissions.
const PER_ROUND_TRIP: u32 = 3;

#[derive(Debug, Default)]
pub(crate) struct Repair {
    looked: Option<Instant>,
    lost: u64,
    warned: bool,
}

impl Repair {
    /// Whether it is time to look again; counts as done if so.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.looked.is_none_or(|at| now >= at + INTERVAL);
        if is_due {
            self.looked = Some(now);
        }
        is_due
    }

    /// What `latency` has to be, told once, if `lost` has grown and no retransmission is in time.
    pub(super) fn lacks(
        &mut self,
        lost: u64,
        latency: Duration,
        round_trip: Duration,
    ) -> Option<u128> {
        let loses = std::mem::replace(&mut self.lost, lost) < lost;
        let is_news = loses && round_trip + NOTICED > latency && !self.warned;
        self.warned |= is_news;
        is_news.then(|| latency_for(round_trip))
    }
}

/// The time between two requests for the same packet: the attempts are spread over the time that is
/// left. One in each round trip filled a slow network where `latency` is long. `None` leaves it to
/// rtpjitterbuffer: every retransmission would arrive too late.
pub(super) fn retry_after(latency: Duration, round_trip: Duration) -> Option<Duration> {
    let time = latency.saturating_sub(round_trip).saturating_sub(NOTICED);
    let pace = (time / (ATTEMPTS - 1)).max(round_trip / PER_ROUND_TRIP);
    (!time.is_zero()).then_some(pace)
}

/// The `latency` within which packets can be asked for twice.
fn latency_for(round_trip: Duration) -> u128 {
    let wanted = round_trip * 2 + Duration::from_millis(100);
    wanted.as_millis().next_multiple_of(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(latency: u64, round_trip: u64) -> Option<u128> {
        let ms = Duration::from_millis;
        retry_after(ms(latency), ms(round_trip)).map(|pace| pace.as_millis())
    }

    #[test]
    fn there_are_attempts_enough_within_the_latency() {
        assert_eq!(pace(200, 50), Some(28));
        assert_eq!(
            pace(200, 100),
            Some(33),
            "not more than three in a round trip"
        );
        assert_eq!(pace(500, 200), Some(66));
    }

    #[test]
    fn nothing_is_hurried_without_need() {
        assert_eq!(pace(500, 50), Some(103));
        assert_eq!(pace(500, 2), Some(115));
        assert_eq!(pace(200, 600), None, "it is too late anyway");
    }

    #[test]
    fn a_long_way_wants_a_long_latency() {
        assert_eq!(latency_for(Duration::from_millis(600)), 1300);
        assert_eq!(latency_for(Duration::from_millis(203)), 600);
    }
}
