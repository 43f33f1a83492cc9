// SPDX-License-Identifier: MPL-2.0
//! Waiting for what nobody tells of, such as files and other processes: it is looked at again and
//! again, until it is so or a deadline has passed. What tells of itself is waited for by its events.

use std::thread;
use std::time::{Duration, Instant};

/// Between two looks. A server of ours lets one address connect 20 times a second.
const LOOK: Duration = Duration::from_millis(50);

/// Looks until there is a value; `None` at the deadline.
pub fn look_for<T>(deadline: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + deadline;
    loop {
        let found = look();
        if found.is_some() || Instant::now() >= until {
            return found;
        }
        thread::sleep(LOOK);
    }
}

/// The same, but at the deadline it panics, and says what was not there.
pub fn wait_for<T>(what: &str, deadline: Duration, look: impl FnMut() -> Option<T>) -> T {
    look_for(deadline, look).unwrap_or_else(|| panic!("{what}: not within {deadline:?}"))
}

/// The same for what is so or not.
pub fn wait_until(what: &str, deadline: Duration, mut is_so: impl FnMut() -> bool) {
    wait_for(what, deadline, || is_so().then_some(()));
}
