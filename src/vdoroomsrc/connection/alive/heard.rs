// SPDX-License-Identifier: MPL-2.0
//! When something came from a publisher.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// When the newest packet came. The threads that receive write it.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    begun: Instant,
    /// Milliseconds after `begun`.
    at: Arc<AtomicU64>,
}

impl Heard {
    /// It counts as heard when it begins.
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
            at: Arc::default(),
        }
    }

    pub(crate) fn note(&self) {
        self.at
            .store(self.begun.elapsed().as_millis() as u64, Relaxed);
    }

    pub(crate) fn newest(&self) -> Instant {
        let at = Duration::from_millis(self.at.load(Relaxed));
        self.begun.checked_add(at).unwrap_or(self.begun)
    }
}
