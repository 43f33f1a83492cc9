// SPDX-License-Identifier: MPL-2.0
//! The time of day, by this machine's clock.

use std::time::SystemTime;

/// Nanoseconds since 1970 in UTC; 0 for a clock that is set before that.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(0))
}
