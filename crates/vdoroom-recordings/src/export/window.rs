// SPDX-License-Identifier: MPL-2.0
//! Which stretch of a recording is exported.

use super::recording::{Placed, Recording, nanoseconds};
use super::request::{Moment, Request};

/// What of a recording is exported, in nanoseconds after its beginning.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub from: u64,
    pub until: u64,
}

impl Window {
    pub fn of(recording: &Recording, request: &Request) -> Self {
        let after = |moment: Moment| match moment {
            Moment::After(after) => after,
            Moment::Utc(utc) => {
                let utc = nanoseconds(utc).unwrap_or_default();
                utc.saturating_sub(recording.zero_utc)
            }
        };
        let until = request.until.map_or(recording.length, after);
        Self {
            from: request.from.map_or(0, after),
            until: until.min(recording.length),
        }
    }

    /// What of a part is inside.
    pub fn cut(self, part: &Placed) -> Option<Self> {
        let from = part.start.max(self.from);
        let until = part.end.min(self.until);
        (from < until).then_some(Self { from, until })
    }

    /// Whether nothing of a part is outside.
    pub fn holds(self, part: &Placed) -> bool {
        self.from <= part.zero && part.end <= self.until
    }
}
