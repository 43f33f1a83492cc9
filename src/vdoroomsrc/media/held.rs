// SPDX-License-Identifier: MPL-2.0
//! How long a consumer has had the same buffer.

use std::time::{Duration, Instant};

/// How long one may have a buffer that said that it never waits. A busy machine takes longer than it
/// should, too.
const LONGEST: Duration = Duration::from_millis(500);

/// Since when, and how many it had taken by then.
#[derive(Debug, Default)]
pub(super) struct Held(Option<(Instant, u64)>);

impl Held {
    /// Whether that is too long; it is then counted anew. `taken` is how many it has taken so far.
    pub(super) fn is_too_long(&mut self, now: Instant, is_held: bool, taken: u64) -> bool {
        let same = self.0.filter(|(_, before)| *before == taken);
        let held = is_held.then(|| same.unwrap_or((now, taken)));
        let is_late =
            |(since, _): &(Instant, u64)| now.saturating_duration_since(*since) >= LONGEST;
        self.0 = held.filter(|held| !is_late(held));
        held.is_some() && self.0.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_is_late_with_one_buffer_and_not_with_many() {
        let (start, mut held) = (Instant::now(), Held::default());
        let at = |ms| start + Duration::from_millis(ms);
        let looks = [(0, true, 1), (400, true, 1), (500, true, 2), (900, true, 2)];
        for (ms, is_held, taken) in looks {
            assert!(!held.is_too_long(at(ms), is_held, taken), "{ms}");
        }
        assert!(held.is_too_long(at(1000), true, 2));
        assert!(!held.is_too_long(at(1100), true, 2), "counted anew");
        assert!(!held.is_too_long(at(1500), false, 2));
        assert!(!held.is_too_long(at(1700), true, 2));
    }
}
