// SPDX-License-Identifier: MPL-2.0
//! Pads of the connection that are not exposed yet, and how far those of a session have come.

use std::time::{Duration, Instant};

use gst::prelude::*;

use super::link::Link;
use crate::vdoroomsrc::media::{Kind, Unselected, Watch};
use crate::vdoroomsrc::reports::Hold;

/// How long a new session's pads wait for those of the one before, which still drain.
const NAMESAKE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the first pad waits for the others that the publisher promised: who is muted from the
/// start sends nothing.
const COMPANY_TIMEOUT: Duration = Duration::from_secs(2);

/// How long none may have come: some publishers offer their tracks one after the other.
const CALM: Duration = Duration::from_millis(500);

pub(crate) struct WaitingPad {
    pub pad: gst::Pad,
    pub hold: Box<dyn Hold>,
    /// Until when a pad of the same name may take to go.
    pub deadline: Instant,
    pub since: Instant,
    /// What it carried before, if it was exposed once: its packets have their places.
    pub was: Option<Before>,
}

/// What a pad of the connection carried until nobody wanted it.
pub(crate) struct Before {
    /// As it was announced.
    pub stream_id: String,
    pub kind: Kind,
    /// They keep its packets away, and tell if the connection is closed.
    watches: Vec<Watch>,
}

impl WaitingPad {
    /// Its packets are kept by `hold`.
    pub(crate) fn new(pad: gst::Pad, hold: Box<dyn Hold>) -> Self {
        let now = Instant::now();
        Self {
            pad,
            hold,
            deadline: now + NAMESAKE_TIMEOUT,
            since: now,
            was: None,
        }
    }

    /// What it leads to is there. What has passed `hold` may be on its way through the other probes, so
    /// that packets were kept away until now.
    pub(crate) fn release(self) {
        let watches = self.was.into_iter().flat_map(|was| was.watches);
        watches.for_each(Watch::end);
        self.hold.release();
    }

    pub(crate) fn refuse(self) {
        self.hold.refuse();
    }

    /// Nobody wants it any more, before it was exposed again.
    pub(crate) fn unselect(self) -> Option<UnselectedPad> {
        self.hold.release();
        let (pad, was) = (self.pad, self.was?);
        Some(UnselectedPad { pad, was })
    }
}

/// A pad of the connection whose medium is not wanted for now: it runs into nothing.
pub(crate) struct UnselectedPad {
    pad: gst::Pad,
    pub was: Before,
}

impl UnselectedPad {
    pub(crate) fn new(stream_id: String, kind: Kind, left: Unselected) -> Self {
        let Unselected { pad, watches } = left;
        let was = Before {
            stream_id,
            kind,
            watches,
        };
        Self { pad, was }
    }

    /// To be exposed again. `None` if the pad is gone.
    pub(crate) fn select(self, link: &dyn Link) -> Option<WaitingPad> {
        let hold = link.hold(&self.pad)?;
        // Its last track may still be on its way out.
        if let Some(peer) = self.pad.peer() {
            let _ = self.pad.unlink(&peer);
        }
        Some(WaitingPad {
            was: Some(self.was),
            ..WaitingPad::new(self.pad, hold)
        })
    }
}

/// How far the pads of a session have come.
#[derive(Debug, Default)]
pub(crate) enum Pads {
    #[default]
    None,
    Some {
        first: Instant,
        newest: Instant,
        count: usize,
    },
    All,
}

impl Pads {
    /// Whether this is the moment from which no further pad is expected. `count` of them have been
    /// introduced, and these may be all that are promised.
    pub(crate) fn get_last(&mut self, now: Instant, count: usize, are_all_there: bool) -> bool {
        let (first, newest) = match *self {
            Self::All => return false,
            Self::None => (now, now),
            Self::Some {
                first,
                count: before,
                ..
            } if before != count => (first, now),
            Self::Some { first, newest, .. } => (first, newest),
        };
        let waited = |since| now.saturating_duration_since(since);
        let is_last = are_all_there && waited(newest) >= CALM || waited(first) >= COMPANY_TIMEOUT;
        *self = match is_last {
            true => Self::All,
            false => Self::Some {
                first,
                newest,
                count,
            },
        };
        is_last
    }
}
