// SPDX-License-Identifier: MPL-2.0
//! When to try again.

use std::time::Duration;

use rand_chacha::rand_core::Rng;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// Attempts that nothing answers burden no server, and a network may be back at any moment.
const UNREACHABLE: Duration = Duration::from_millis(500);

/// How long a server that is full wants to be left alone (protocol 1.3).
pub const BUSY: Duration = Duration::from_secs(15);

/// A play of a stream that left is repeated after these times; the last one repeats (protocol 7.5).
const PLAYS: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(45),
    Duration::from_secs(180),
];

/// The wait after the `sent`th play, from 1.
pub fn after_play(sent: u32) -> Duration {
    let index = usize::try_from(sent.saturating_sub(1)).unwrap_or(usize::MAX);
    PLAYS[index.min(PLAYS.len() - 1)]
}

/// A publisher that is there and does not answer has as many viewers as it wants, or waits to be let
/// in: a place may be free at any moment.
const THERE: Duration = Duration::from_secs(15);
/// The plays of all those together are so far apart on average: a hosted server limits rates, and a
/// room may have hundreds.
const SPREAD: Duration = Duration::from_millis(500);

/// The wait after the `sent`th play of a publisher that is there, one of `unanswered`.
pub fn while_there(sent: u32, unanswered: usize) -> Duration {
    let spread = SPREAD.saturating_mul(u32::try_from(unanswered).unwrap_or(u32::MAX));
    let [first, .., longest] = PLAYS;
    match sent {
        0 | 1 => first,
        _ => spread.clamp(THERE, longest),
    }
}

/// Exponential back-off with jitter for the websocket: half of each wait is left to chance, so
/// that a server that comes back does not meet everybody at once.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next wait: 1 to 1.5 s, then twice as long each time, never above 30 s.
    pub fn next(&mut self, rng: &mut impl Rng) -> Duration {
        let full = FIRST * 2u32.saturating_pow(self.failures.min(5));
        self.failures = self.failures.saturating_add(1);
        let jitter = full.mul_f64(f64::from(rng.next_u32()) / f64::from(u32::MAX) / 2.0);
        (full + jitter).min(LONGEST)
    }

    /// The wait for a server that cannot be reached: 0.5 to 0.75 s.
    pub fn unreachable(rng: &mut impl Rng) -> Duration {
        UNREACHABLE + UNREACHABLE.mul_f64(f64::from(rng.next_u32()) / f64::from(u32::MAX) / 2.0)
    }

    /// The next wait for a server that said it is full: 15 to 30 s.
    pub fn next_busy(&mut self, rng: &mut impl Rng) -> Duration {
        self.next(rng)
            .max(BUSY + BUSY.mul_f64(f64::from(rng.next_u32()) / f64::from(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute() {
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        let mut backoff = Backoff::default();
        for least in [1, 2, 4, 8, 16, 30, 30, 30] {
            let wait = backoff.next(&mut rng);
            let least = Duration::from_secs(least);
            assert!(
                wait >= least && wait <= (least * 3 / 2).min(LONGEST),
                "{wait:?}"
            );
        }
    }

    #[test]
    fn a_full_server_is_left_alone_for_15_seconds() {
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        let wait = Backoff::default().next_busy(&mut rng);
        assert!(wait >= BUSY && wait <= LONGEST);
    }

    #[test]
    fn plays_are_repeated_ever_more_rarely() {
        let waits: Vec<u64> = (1..7).map(|sent| after_play(sent).as_secs()).collect();
        assert_eq!(waits, [5, 15, 45, 180, 180, 180]);
    }

    #[test]
    fn who_is_there_is_played_every_quarter_of_a_minute_but_never_all_at_once() {
        let waits = |unanswered| [1, 2, 3, 99].map(|sent| while_there(sent, unanswered).as_secs());
        assert_eq!(waits(1), [5, 15, 15, 15]);
        assert_eq!(waits(30), [5, 15, 15, 15]);
        assert_eq!(waits(80), [5, 40, 40, 40]);
        assert_eq!(waits(1000), [5, 180, 180, 180]);
    }
}
