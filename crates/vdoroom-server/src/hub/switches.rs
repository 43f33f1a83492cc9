// SPDX-License-Identifier: MPL-2.0
//! What tests have of a hub: its faults, and its conversation.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    log::Log,
    rules::{LeaveNotice, SocketId},
};

/// In which order candidates and offers of publishers reach a viewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Candidates {
    #[default]
    AsSent,
    /// The first candidate overtakes the offer.
    BeforeOffer,
    DelayedBy(Duration),
}

/// What the server does wrong. All off by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pub candidates: Candidates,
    /// So many of the next `offerSDP` requests are lost.
    pub drop_offer_requests: u32,
    /// `someonejoined` and `videoaddedtoroom` are sent twice.
    pub duplicate_increments: bool,
    /// A second seeder with the same stream ID is let in.
    pub allow_duplicate_streams: bool,
    /// What a room is told when a member's socket closes.
    pub leave_notice: LeaveNotice,
    /// Messages are read, and nothing is ever said.
    pub never_answer: bool,
    /// Connections are accepted, and their handshake is never answered.
    pub ignore_handshakes: bool,
}

/// An offer that waits for a candidate to pass it.
pub struct Held {
    pub from: SocketId,
    pub to: SocketId,
    pub text: Utf8Bytes,
}

/// Shared by a hub and its handle.
#[derive(Clone, Default)]
pub struct Testing {
    pub switches: Arc<Mutex<Faults>>,
    /// Only for a server that was built with one.
    pub log: Option<Arc<Log>>,
}

impl Testing {
    pub fn faults(&self) -> Faults {
        let faults = self.switches.lock();
        faults.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
