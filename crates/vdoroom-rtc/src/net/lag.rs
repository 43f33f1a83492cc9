// SPDX-License-Identifier: MPL-2.0
//! Whether the I/O thread keeps up with what comes. If it gets too little of a processor, the kernel
//! drops packets of all connections: then silence says nothing about a publisher.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Batches are far shorter. A datagram that has waited longer than this was late.
const LATE: Duration = Duration::from_millis(250);

/// Written by the I/O thread, read by the owners of connections.
#[derive(Debug)]
pub(crate) struct Lag {
    begun: Instant,
    /// When the sockets had nothing left, in milliseconds after `begun`, rounded up.
    emptied: AtomicU64,
    /// When a datagram was late, in the same way; 0 if none was.
    late: AtomicU64,
}

impl Lag {
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
            emptied: AtomicU64::new(0),
            late: AtomicU64::new(0),
        }
    }

    /// The sockets have nothing left that came before `now`.
    pub(crate) fn emptied(&self, now: Instant) {
        self.emptied.store(self.number(now), Relaxed);
    }

    /// A datagram is read now, which came then.
    pub(crate) fn waited(&self, now: Instant, came: Instant) {
        if now.saturating_duration_since(came) > LATE {
            self.late.store(self.number(now), Relaxed);
        }
    }

    /// Whether all that came before `since` has been read, and nothing that was read after that had
    /// been late.
    pub(crate) fn keeps_up(&self, since: Instant) -> bool {
        let since = self.number(since);
        self.emptied.load(Relaxed) >= since && self.late.load(Relaxed) < since
    }

    fn number(&self, at: Instant) -> u64 {
        let after = at.saturating_duration_since(self.begun).as_micros();
        after.div_ceil(1000) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_has_not_read_since_then_does_not_keep_up() {
        let lag = Lag::new();
        let at = |ms| lag.begun + Duration::from_millis(ms);
        assert!(!lag.keeps_up(at(500)), "nothing has been read");
        lag.emptied(at(499));
        assert!(!lag.keeps_up(at(500)));
        lag.emptied(at(501));
        assert!(lag.keeps_up(at(500)));
    }

    #[test]
    fn a_thread_that_reads_late_does_not_keep_up() {
        let lag = Lag::new();
        let at = |ms| lag.begun + Duration::from_millis(ms);
        lag.waited(at(400), at(400) - LATE);
        lag.emptied(at(1000));
        assert!(lag.keeps_up(at(300)), "in time");
        lag.waited(at(1001), at(700));
        lag.emptied(at(2000));
        assert!(!lag.keeps_up(at(1001)));
        assert!(lag.keeps_up(at(1002)), "that was before");
    }
}
