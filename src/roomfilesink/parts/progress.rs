// SPDX-License-Identifier: MPL-2.0
//! Whether a counter still grows, and for how long it has not. Plain Rust.

use std::time::{Duration, Instant};

pub(crate) struct Progress {
    value: u64,
    since: Instant,
}

impl Progress {
    pub(crate) fn new(value: u64, now: Instant) -> Self {
        Self { value, since: now }
    }

    /// For how long the number has been what it is now.
    pub(crate) fn idle(&mut self, value: u64, now: Instant) -> Duration {
        if self.value != value {
            *self = Self::new(value, now);
        }
        now.duration_since(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_slowly_is_not_given_up() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut progress = Progress::new(0, start);
        assert_eq!(progress.idle(0, at(900)), Duration::from_millis(900));
        assert_eq!(progress.idle(1, at(1800)), Duration::ZERO);
        assert_eq!(progress.idle(1, at(2700)), Duration::from_millis(900));
    }
}
