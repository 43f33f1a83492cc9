// SPDX-License-Identifier: MPL-2.0
//! When the newest frame of a track came.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Arrival {
    started: Instant,
    /// Milliseconds after `started`, plus one; 0 is none.
    at: AtomicU64,
}

impl Arrival {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            at: AtomicU64::new(0),
        }
    }

    pub(super) fn note(&self) {
        let age = self.started.elapsed().as_millis() as u64;
        self.at.store(age + 1, Relaxed);
    }

    pub(super) fn forget(&self) {
        self.at.store(0, Relaxed);
    }

    pub(super) fn newest(&self) -> Option<Instant> {
        let at = self.at.load(Relaxed).checked_sub(1)?;
        self.started.checked_add(Duration::from_millis(at))
    }
}
