// SPDX-License-Identifier: MPL-2.0
//! When a session whose part failed may open the next one.

use std::time::{Duration, Instant};

use super::effects::Context;
use crate::roomfilesink::files::{Answer, FileWork, Shortage};

/// After a failure the next part begins this much later; each further failure doubles it.
pub(crate) const FIRST_RETRY: Duration = Duration::from_secs(1);
pub(crate) const LAST_RETRY: Duration = Duration::from_secs(10);
/// How often a full disk is looked at.
const LOOK: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(crate) struct Retry {
    pub at: Option<Instant>,
    delay: Option<Duration>,
    /// Why the last part failed.
    pub error: Option<String>,
    /// The work on files that were given up.
    pub given_up: Vec<FileWork>,
    /// The disk had no space: no part begins before it has.
    pub shortage: Option<Shortage>,
}

impl Retry {
    /// Whether no part may begin. While a write hangs, another file would hang as well, with
    /// everything that waits for it.
    pub(crate) fn holds_back(&mut self, now: Instant) -> bool {
        self.given_up.retain(FileWork::is_alive);
        !self.given_up.is_empty() || self.at.is_some_and(|at| now < at)
    }

    /// Whether the disk is, as far as is known, without space. Called when a part may begin
    /// otherwise.
    pub(crate) fn lacks_space(&mut self, now: Instant, ctx: &mut Context<'_>) -> bool {
        let Some(shortage) = &mut self.shortage else {
            return false;
        };
        match shortage.poll() {
            Answer::Pending => true,
            Answer::StillShort => {
                self.at = Some(now + LOOK);
                true
            }
            Answer::Enough => {
                self.shortage = None;
                *ctx.is_short = false;
                false
            }
        }
    }

    /// A part has failed, or could not begin.
    pub(crate) fn postpone(&mut self, now: Instant) {
        let delay = self.delay.map_or(FIRST_RETRY, |d| (d * 2).min(LAST_RETRY));
        self.at = Some(now + delay);
        self.delay = Some(delay);
    }

    /// The failure before this is history.
    pub(crate) fn forget(&mut self) {
        self.delay = None;
        self.error = None;
    }
}
