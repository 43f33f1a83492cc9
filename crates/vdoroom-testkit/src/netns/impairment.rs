// SPDX-License-Identifier: MPL-2.0
//! What a bad network does to packets, as a value: no clock, and chance from a seed.

use std::time::{Duration, Instant};

/// All zero: a perfect wire.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impairment {
    /// The same packets are lost with the same seed.
    pub seed: u64,
    /// Of a hundred packets, so many are lost.
    pub loss_percent: f64,
    pub delay: Duration,
    /// Up to so much more, each value as likely as another. Packets do not overtake each other
    /// for it.
    pub jitter: Duration,
    /// Of a hundred packets, so many come `reordered_by` later than the others.
    pub reordered_percent: f64,
    pub reordered_by: Duration,
    /// In kbit/s; 0 = as much as comes.
    pub rate: u32,
}

/// How much a router keeps when more comes than its line takes.
const LONGEST_QUEUE: Duration = Duration::from_millis(300);

/// One direction of a wire.
pub struct Line {
    chance: u64,
    /// When all is sent that has come so far.
    free_at: Option<Instant>,
    /// When the last packet in order arrives.
    last_arrival: Option<Instant>,
}

impl Line {
    pub fn new(seed: u64) -> Self {
        Self {
            chance: seed,
            free_at: None,
            last_arrival: None,
        }
    }

    /// When a packet of `bytes` that is sent now arrives, if it does.
    pub fn carry(&mut self, now: Instant, bytes: usize, how: &Impairment) -> Option<Instant> {
        // Drawn for each packet, whatever is done with them: the same seed is the same sequence.
        let (lost, jitter, late) = (self.draw(), self.draw(), self.draw());
        if lost * 100.0 < how.loss_percent {
            return None;
        }
        let sent = self.transmit(now, bytes, how.rate)?;
        let arrival = sent + how.delay + how.jitter.mul_f64(jitter);
        if late * 100.0 < how.reordered_percent {
            return Some(arrival + how.reordered_by);
        }
        let arrival = self.last_arrival.map_or(arrival, |last| last.max(arrival));
        self.last_arrival = Some(arrival);
        Some(arrival)
    }

    /// When the line has sent it; `None` if too much waits already.
    fn transmit(&mut self, now: Instant, bytes: usize, rate: u32) -> Option<Instant> {
        if rate == 0 {
            return Some(now);
        }
        let free = self.free_at.map_or(now, |at| at.max(now));
        if free - now > LONGEST_QUEUE {
            return None;
        }
        let bits = bytes as f64 * 8.0;
        let free = free + Duration::from_secs_f64(bits / (f64::from(rate) * 1000.0));
        self.free_at = Some(free);
        Some(free)
    }

    /// From 0 up to 1 (SplitMix64).
    fn draw(&mut self) -> f64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a thousand packets of 1000 bytes, one each millisecond.
    fn carried(how: Impairment) -> Vec<Option<Duration>> {
        let (start, mut line) = (Instant::now(), Line::new(how.seed));
        let packet = |n| {
            let now = start + Duration::from_millis(n);
            line.carry(now, 1000, &how).map(|at| at - now)
        };
        (0..1000).map(packet).collect()
    }

    #[test]
    fn a_perfect_wire_takes_no_time() {
        assert_eq!(
            carried(Impairment::default()),
            vec![Some(Duration::ZERO); 1000]
        );
    }

    #[test]
    fn a_seed_decides_what_is_lost() {
        let how = |seed| Impairment {
            seed,
            loss_percent: 5.0,
            ..Default::default()
        };
        let lost = carried(how(1)).iter().filter(|p| p.is_none()).count();
        assert!((30..70).contains(&lost), "{lost}");
        assert_eq!(carried(how(1)), carried(how(1)));
        assert_ne!(carried(how(1)), carried(how(2)));
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_keeps_the_order() {
        let ms = Duration::from_millis;
        let delays = carried(Impairment {
            delay: ms(20),
            jitter: ms(50),
            ..Default::default()
        });
        let arrivals = delays.iter().zip(0..).map(|(d, n)| ms(n) + d.unwrap());
        assert!(arrivals.is_sorted());
        assert!(
            delays
                .iter()
                .all(|d| (ms(20)..=ms(70)).contains(&d.unwrap()))
        );
    }

    #[test]
    fn some_packets_are_overtaken() {
        let how = Impairment {
            reordered_percent: 10.0,
            reordered_by: Duration::from_millis(5),
            ..Default::default()
        };
        let late = carried(how)
            .iter()
            .filter(|d| **d == Some(how.reordered_by))
            .count();
        assert!((60..140).contains(&late), "{late}");
    }

    #[test]
    fn a_narrow_line_passes_its_rate_and_drops_the_rest() {
        // 8 Mbit/s come.
        let passed = carried(Impairment {
            rate: 4_000,
            ..Default::default()
        });
        let passed = passed.iter().flatten().count();
        // Half of them, and what fills the queue.
        assert!((600..680).contains(&passed), "{passed}");
    }
}
