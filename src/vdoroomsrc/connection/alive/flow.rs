// SPDX-License-Identifier: MPL-2.0
//! Whether a publisher's media flows.

use std::time::{Duration, Instant};

use crate::protocol::STALL;

/// The I/O thread of a connection with media reads at least once a second: reports are due then.
const RECENT: Duration = Duration::from_secs(2);

/// `newest` is when the newest packet of all its media came, `flowed` what this said before. `keeps_up`
/// tells whether what has come since then was received.
pub(crate) fn flows(
    now: Instant,
    newest: Option<Instant>,
    flowed: bool,
    keeps_up: impl FnOnce(Instant) -> bool,
) -> bool {
    let is_recent = newest.is_some_and(|at| now.saturating_duration_since(at) < STALL);
    // Whatever came may have been dropped: that is no pause.
    is_recent
        || flowed
            && now
                .checked_sub(RECENT)
                .is_some_and(|since| !keeps_up(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_flows_until_none_has_come_for_a_second() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!flows(at(5000), None, false, |_| true));
        assert!(flows(at(5999), Some(at(5000)), true, |_| true));
        assert!(!flows(at(6000), Some(at(5000)), true, |_| true));
    }

    #[test]
    fn what_is_not_received_in_time_is_no_pause() {
        let now = Instant::now() + Duration::from_secs(60);
        let newest = Some(now - Duration::from_secs(30));
        assert!(flows(now, newest, true, |_| false));
        assert!(
            !flows(now, newest, false, |_| false),
            "it has paused before"
        );
    }
}
