// SPDX-License-Identifier: MPL-2.0
//! How far connections have come, and why one was never made: for the log, `stats` and the bus. Runs on
//! the control thread.

use std::time::Instant;

use gst_webrtc::WebRTCICETransportPolicy;

use super::announce;
use super::thread::Control;
use crate::protocol::{Event, SessionId};
use crate::vdoroomsrc::connection::FAILED;
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::reports::{Candidate, Layer};

/// What the room says of a session that took too long.
const NOT_MADE: &str = "not made in time";

impl Control {
    pub(super) fn state(&mut self, element: &gst::Bin, id: SessionId, layer: Layer, state: String) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if !session.connectivity.set(layer, state.clone()) {
            return;
        }
        let (stream, layer_name) = (&session.stream, layer.name());
        gst::info!(CAT, obj = element, "{stream}: {layer_name} {state}");
        // The candidates were reported before.
        let is_gathered = layer == Layer::Gathering && state == "complete";
        if is_gathered
            && session.connectivity.has_no_relay()
            && let Some(doubt) = &self.config.doubt
        {
            doubt.raise();
        }
        if layer == Layer::Gathering {
            let may_be_fruitless = state == "gathering"
                && self.config.ice.policy == WebRTCICETransportPolicy::All
                && session.connectivity.has_no_candidates();
            session.gathers_since = may_be_fruitless.then(Instant::now);
        }
        self.tell_connection(element, id);
        match layer {
            Layer::Connection => self.connection_state(id, &state),
            Layer::Dtls if state == "connected" => self.handshake_over(element, id),
            _ => {}
        }
    }

    /// We have an address more. The room hears of it here, behind the answer that it belongs to: a
    /// browser takes candidates for those of the answer that it has.
    pub(super) fn gathered(&mut self, session: SessionId, sdp_mline_index: u32, candidate: String) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.gathers_since = None;
            session.connectivity.add_local(&candidate);
        }
        self.reports.events.send(Event::LocalCandidate {
            session,
            sdp_mline_index,
            candidate,
        });
    }

    pub(super) fn pair(
        &mut self,
        element: &gst::Bin,
        id: SessionId,
        local: Candidate,
        remote: Candidate,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let pair = Some((local.clone(), remote.clone()));
        if std::mem::replace(&mut session.connectivity.pair, pair.clone()) != pair {
            let stream = &session.stream;
            gst::info!(CAT, obj = element, "{stream}: from {local} to {remote}");
            self.tell_connection(element, id);
        }
    }

    /// Takes the time, if this answers our ping.
    pub(super) fn hear_pong(&mut self, id: SessionId, text: &str) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let now = Instant::now();
        if let Some(event) = session.hear_voice(now, text) {
            self.reports.events.send(event);
        }
        if let Some(time) = session.hear_pong(now, text) {
            let stream = &session.stream;
            gst::info!(
                CAT,
                obj = session.link.element(),
                "{stream}: round trip {time:?}"
            );
            self.publish_view(id);
        }
    }

    fn tell_connection(&self, element: &gst::Bin, id: SessionId) {
        if let Some(session) = self.sessions.get(&id) {
            let (stream, connectivity) = (&session.stream, &session.connectivity);
            announce::connection(element, stream, session.number, connectivity);
            self.publish_view(id);
        }
    }

    /// Says why a connection that ends was never made, unless that was said last time.
    pub(super) fn tell_failure(&mut self, element: &gst::Bin, id: SessionId, reason: &str) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let stream = session.stream.clone();
        if session.connectivity.was_connected() {
            self.failures.remove(&stream);
            return;
        }
        if !reason.contains(NOT_MADE) && !reason.contains(FAILED) {
            return;
        }
        let diagnosis = session.connectivity.diagnosis(&self.config.ice);
        let told = self.failures.insert(stream.clone(), diagnosis.clone());
        if told.as_ref() != Some(&diagnosis) {
            announce::warn(element, Some(&stream), &diagnosis);
        }
    }

    pub(super) fn connection_state(&mut self, id: SessionId, state: &str) {
        match state {
            "connected" => self
                .reports
                .events
                .send(Event::PeerConnected { session: id }),
            "failed" => self.lost(id, format!("{FAILED} (ICE or DTLS)")),
            _ => {}
        }
    }
}
