// SPDX-License-Identifier: MPL-2.0
//! What the server does wrong: off by default, and only tests switch it on.

use std::{sync::PoisonError, time::Duration};

use async_tungstenite::tungstenite::Utf8Bytes;
use serde_json::Value;
use smol::Timer;

use crate::log::Direction;

use super::{
    hub::{Hub, Input},
    rules::{LeaveNotice, SocketId},
};

/// An offer is not held back for longer than this while its candidates are awaited.
const HOLD: Duration = Duration::from_secs(1);

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
    text: Utf8Bytes,
}

impl Hub {
    /// Sends a message as the faults let it.
    pub fn deliver(&mut self, to: SocketId, from: Option<SocketId>, text: Utf8Bytes) {
        let faults = self.faults();
        if faults == Faults::default() {
            return self.send(to, text);
        }
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        if json["request"] == "offerSDP" && self.use_up_offer_drop() {
            return self.log(to, Direction::Dropped, &text);
        }
        let increment = matches!(
            json["request"].as_str(),
            Some("someonejoined" | "videoaddedtoroom")
        );
        if increment && faults.duplicate_increments {
            self.send(to, text.clone());
        }
        let is_offer = json.get("description").is_some() && json.get("streamID").is_some();
        let is_candidate = json.get("candidates").is_some() || json.get("candidate").is_some();
        match (faults.candidates, from) {
            (Candidates::BeforeOffer, Some(from)) if is_offer => self.hold(from, to, text),
            (Candidates::BeforeOffer, Some(from)) if is_candidate => {
                self.send(to, text);
                self.release(from, to);
            }
            (Candidates::DelayedBy(delay), _) if is_candidate => {
                self.later(delay, Input::Deliver { to, text });
            }
            _ => self.send(to, text),
        }
    }

    fn use_up_offer_drop(&self) -> bool {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let drop = faults.drop_offer_requests > 0;
        faults.drop_offer_requests = faults.drop_offer_requests.saturating_sub(1);
        drop
    }

    fn hold(&mut self, from: SocketId, to: SocketId, text: Utf8Bytes) {
        self.held.push(Held { from, to, text });
        self.later(HOLD, Input::Release { from, to });
    }

    pub fn release(&mut self, from: SocketId, to: SocketId) {
        let matches = |held: &mut Held| held.from == from && held.to == to;
        let released: Vec<Held> = self.held.extract_if(.., matches).collect();
        for held in released {
            self.send(held.to, held.text);
        }
    }

    fn later(&self, delay: Duration, input: Input) {
        let hub = self.input.clone();
        let wait = async move {
            Timer::after(delay).await;
            let _ = hub.send(input).await;
        };
        self.executor.spawn(wait).detach();
    }
}
