// SPDX-License-Identifier: MPL-2.0
//! How far we are with the websocket.

use std::time::Instant;

use crate::api::RoomState;

#[derive(Clone, Copy, Debug)]
pub enum Link {
    Connecting,
    Joining {
        /// When silence tells something.
        silent_at: Option<Instant>,
    },
    Joined {
        since: Instant,
    },
    /// Closed; to be opened again then.
    Waiting {
        until: Instant,
        /// It was closed by us and will be reported as closed.
        closing: bool,
    },
    /// Not used any more; sessions go on.
    Given,
    Failed,
    Stopped,
}

impl Link {
    pub fn is_over(self) -> bool {
        matches!(self, Self::Failed | Self::Stopped)
    }

    pub fn is_open(self) -> bool {
        matches!(self, Self::Joining { .. } | Self::Joined { .. })
    }

    /// The server is lost, or does not want us.
    pub fn is_down(self) -> bool {
        matches!(self, Self::Waiting { .. } | Self::Given | Self::Failed)
    }

    pub fn is_joined(self) -> bool {
        matches!(self, Self::Joined { .. })
    }

    pub fn deadline(self) -> Option<Instant> {
        match self {
            Self::Joining { silent_at } => silent_at,
            Self::Waiting { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Somebody has to let us in: silence does not mean anything any more.
    pub fn wait_for_admission(&mut self) {
        if let Self::Joining { silent_at } = self {
            *silent_at = None;
        }
    }

    pub fn state(self) -> RoomState {
        match self {
            Self::Connecting => RoomState::Connecting,
            Self::Joining { .. } => RoomState::Joining,
            Self::Joined { .. } => RoomState::Joined,
            Self::Waiting { .. } => RoomState::Disconnected,
            Self::Given | Self::Failed => RoomState::Failed,
            Self::Stopped => RoomState::Stopped,
        }
    }
}
