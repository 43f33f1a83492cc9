// SPDX-License-Identifier: MPL-2.0
//! A sleep of a thread that handles messages: those that arrive meanwhile are handled together
//! afterwards. To wake a thread for each buffer costs more than what it does then. Plain Rust.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Ends the rest of a thread early.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    /// No other lock is taken while this one is held.
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    pub(crate) fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    /// Sleeps for this long, or until a ring. A ring since the last sleep counts.
    pub(crate) fn rest(&self, time: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut rung, _) = self
            .changed
            .wait_timeout_while(rung, time, |rung| !*rung)
            .unwrap_or_else(PoisonError::into_inner);
        *rung = false;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_ring_ends_the_rest_that_lasts_or_comes_next_and_no_other() {
        let long = Duration::from_secs(60);
        let bell = Arc::new(Bell::default());
        let began = Instant::now();
        bell.ring();
        bell.rest(long);
        let another = bell.clone();
        let ringer = std::thread::spawn(move || another.ring());
        bell.rest(long);
        ringer.join().unwrap();
        assert!(began.elapsed() < long);
        let short = Duration::from_millis(20);
        let began = Instant::now();
        bell.rest(short);
        assert!(began.elapsed() >= short);
    }
}
