// SPDX-License-Identifier: MPL-2.0
//! Waiting for what nobody tells of, such as files and other processes: it is looked at again and
//! again, until it is so or a deadline has passed. What tells of itself is waited for by its events.

use std::thread;
use std::time::{Duration, Instant};

/// Between two looks. A server of ours lets one address connect 20 times a second.
const LOOK: Duration = Duration::from_millis(50);

/// Looks until there is a value. At the deadline it panics, and says what was not there.
pub fn wait_for<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + deadline;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what}: not within {deadline:?}");
        thread::sleep(LOOK);
    }
}

/// The same for what is so or not.
pub fn wait_until(what: &str, deadline: Duration, mut is_so: impl FnMut() -> bool) {
    wait_for(what, deadline, || is_so().then_some(()));
}
