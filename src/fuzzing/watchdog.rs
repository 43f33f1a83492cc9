// SPDX-License-Identifier: MPL-2.0
//! An element that never returns cannot be left: the process ends, and says so.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Once};
use std::thread;
use std::time::{Duration, Instant};

/// An input takes milliseconds. A machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since the beginning until which the input must be through; 0 without one.
static DEADLINE: AtomicU64 = AtomicU64::new(0);

fn elapsed() -> u64 {
    u64::try_from(BEGINNING.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Ends the process unless it is dropped in time.
pub(super) struct Watch;

impl Watch {
    pub(super) fn begin() -> Self {
        static THREAD: Once = Once::new();
        THREAD.call_once(|| {
            thread::spawn(|| {
                loop {
                    thread::sleep(Duration::from_secs(1));
                    let deadline = DEADLINE.load(Ordering::Relaxed);
                    if deadline > 0 && elapsed() > deadline {
                        eprintln!("hangs: an element does not return for {PATIENCE:?}");
                        std::process::abort();
                    }
                }
            });
        });
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        DEADLINE.store(elapsed() + patience, Ordering::Relaxed);
        Self
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        DEADLINE.store(0, Ordering::Relaxed);
    }
}
