// SPDX-License-Identifier: MPL-2.0
//! How long the end of a session may take.

use std::time::{Duration, Instant};

/// How long EOS may take to pass the consumers of a session that has ended, counted from the last
/// buffer that they took, and in all.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
const LONGEST_DRAIN: Duration = Duration::from_secs(15);

/// How long the `bye` on the data channel may take to leave (protocol 5.5).
const BYE_TIME: Duration = Duration::from_millis(100);

pub(crate) struct Ending {
    pub(super) not_before: Instant,
    deadline: Instant,
    at_the_latest: Instant,
    /// What the consumers had taken when that was looked at last.
    taken: u64,
}

impl Ending {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            not_before: now + BYE_TIME,
            deadline: now + DRAIN_TIMEOUT,
            at_the_latest: now + LONGEST_DRAIN,
            taken: 0,
        }
    }

    /// Whether the consumers, which have `taken` this number of buffers, stand still.
    pub(crate) fn is_overdue(&mut self, now: Instant, taken: u64) -> bool {
        if taken > self.taken {
            self.taken = taken;
            self.deadline = self.at_the_latest.min(now + DRAIN_TIMEOUT);
        }
        now >= self.deadline
    }
}
