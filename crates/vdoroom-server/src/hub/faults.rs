// SPDX-License-Identifier: MPL-2.0
//! What comes between the rules and the sockets with the feature `faults`. All is off until a test
//! switches it on.

use std::{sync::PoisonError, time::Duration};

use async_tungstenite::tungstenite::Utf8Bytes;
use serde_json::Value;
use smol::Timer;

use crate::{
    input::{Input, Late},
    log::Direction,
    rules::{Leniency, SocketId},
};

use super::{
    state::Hub,
    switches::{Candidates, Faults, Held},
};

/// An offer is not held back for longer than this while its candidates are awaited.
const HOLD: Duration = Duration::from_secs(1);

impl Hub {
    pub fn leniency(&self) -> Leniency {
        let faults = self.testing.faults();
        Leniency {
            leave_notice: faults.leave_notice,
            allow_duplicate_streams: faults.allow_duplicate_streams,
        }
    }

    pub fn ignores_handshakes(&self) -> bool {
        self.testing.faults().ignore_handshakes
    }

    pub fn never_answers(&self) -> bool {
        self.testing.faults().never_answer
    }

    /// Forgets what was held back of a client, or for it.
    pub fn forget(&mut self, id: SocketId) {
        self.held.retain(|held| held.from != id && held.to != id);
    }

    pub fn late(&mut self, late: Late) {
        match late {
            Late::Deliver { to, text } => self.send(to, text),
            Late::Release { from, to } => self.release(from, to),
        }
    }

    /// Sends a message as the faults let it.
    pub fn deliver(&mut self, to: SocketId, from: Option<SocketId>, text: Utf8Bytes) {
        let faults = self.testing.faults();
        if faults == Faults::default() {
            return self.send(to, text);
        }
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        if json["request"] == "offerSDP" && self.use_up_offer_drop() {
            return self.note(to, Direction::Dropped, &text);
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
                self.later(delay, Late::Deliver { to, text });
            }
            _ => self.send(to, text),
        }
    }

    fn use_up_offer_drop(&self) -> bool {
        let mut faults = self
            .testing
            .switches
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let drop = faults.drop_offer_requests > 0;
        faults.drop_offer_requests = faults.drop_offer_requests.saturating_sub(1);
        drop
    }

    fn hold(&mut self, from: SocketId, to: SocketId, text: Utf8Bytes) {
        self.held.push(Held { from, to, text });
        self.later(HOLD, Late::Release { from, to });
    }

    fn release(&mut self, from: SocketId, to: SocketId) {
        let matches = |held: &mut Held| held.from == from && held.to == to;
        let released: Vec<Held> = self.held.extract_if(.., matches).collect();
        for held in released {
            self.send(held.to, held.text);
        }
    }

    fn later(&self, delay: Duration, late: Late) {
        let hub = self.input.clone();
        let wait = async move {
            Timer::after(delay).await;
            let _ = hub.send(Input::Late(late)).await;
        };
        self.executor.spawn(wait).detach();
    }
}
