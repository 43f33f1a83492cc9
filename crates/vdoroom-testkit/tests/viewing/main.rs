// SPDX-License-Identifier: MPL-2.0
//! Publishers, ours and a real browser's, against a minimal viewer.

mod chromium;
mod decode;
mod publishers;
mod viewer;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Deadline for what takes a moment. A browser on a busy machine takes the longest.
const SOON: Duration = Duration::from_secs(60);

/// Media tests run one after the other: each wants its frames in real time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
