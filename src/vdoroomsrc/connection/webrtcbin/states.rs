// SPDX-License-Identifier: MPL-2.0
//! Passes webrtcbin's connection states to the log, `stats` and the bus.

use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_webrtc::{WebRTCDTLSTransport, WebRTCICETransportPolicy};

use crate::vdoroomsrc::reports::{Candidate, Layer};
use crate::vdoroomsrc::reports::Command;
use crate::vdoroomsrc::control::Control;
use crate::vdoroomsrc::reports::Reports;
use crate::vdoroomsrc::connection::Session;
use crate::vdoroomsrc::reports::CAT;
use crate::vdoroomsrc::element::VdoRoomSrc;
use crate::vdoroomsrc::control::announce;
use crate::protocol::{Event, SessionId};

/// How often the selected candidate pair is looked for, and looked at.
const PAIR_INTERVAL: Duration = Duration::from_secs(1);
const KNOWN_PAIR_INTERVAL: Duration = Duration::from_secs(10);

/// When no address of ours is found any more: those of this machine are there at once, however busy
/// it is, and without one of them no server is asked. webrtcbin (1.22) never stops gathering.
const FRUITLESS_GATHERING: Duration = Duration::from_secs(5);

/// Properties of webrtcbin.
const STATES: [(Layer, &str); 2] = [
    (Layer::Gathering, "ice-gathering-state"),
    (Layer::Connection, "connection-state"),
];

/// Reports the states of a new webrtcbin.
pub(crate) fn connect(webrtcbin: &gst::Element, id: SessionId, reports: &Reports) {
    for (layer, property) in STATES {
        report(webrtcbin, property, id, layer, reports);
    }
}

fn report(
    object: &impl IsA<glib::Object>,
    property: &'static str,
    id: SessionId,
    layer: Layer,
    reports: &Reports,
) {
    let to = reports.clone();
    object.connect_notify(Some(property), move |object, _| {
        if let Some(state) = nick(&object.property_value(property)) {
            to.command(Command::State {
                session: id,
                layer,
                state,
            });
        }
    });
}

/// The name of an enum's value.
fn nick(value: &glib::Value) -> Option<String> {
    let (_, value) = glib::EnumValue::from_value(value)?;
    Some(value.nick().to_owned())
}

impl Session {
    /// Reports the states of the transport, which is there once the answer is. Returns those that it
    /// has already: webrtcbin's threads may have been faster.
    #[must_use]
    pub(crate) fn watch_transport(&mut self, reports: &Reports) -> Vec<(Layer, String)> {
        if std::mem::replace(&mut self.watches_transport, true) {
            return vec![];
        }
        let channel = self
            .webrtcbin
            .property::<Option<gst::Object>>("sctp-transport")
            .filter(|sctp| sctp.has_property("transport"))
            .and_then(|sctp| sctp.property::<Option<WebRTCDTLSTransport>>("transport"));
        let media = || {
            let first = self
                .webrtcbin
                .emit_by_name::<Option<gst_webrtc::WebRTCRTPTransceiver>>(
                    "get-transceiver",
                    &[&0i32],
                );
            first?.receiver()?.transport()
        };
        let Some(dtls) = channel.or_else(media) else {
            self.watches_transport = false;
            return vec![];
        };
        report(&dtls, "state", self.id, Layer::Dtls, reports);
        // webrtcbin's own property (1.22) says nothing of a transport without media.
        let ice = dtls.transport();
        if let Some(ice) = &ice {
            report(ice, "state", self.id, Layer::Ice, reports);
        }
        let ice = ice.and_then(|ice| nick(&ice.property_value("state")));
        let dtls = nick(&dtls.property_value("state"));
        let states = [(Layer::Ice, ice), (Layer::Dtls, dtls)];
        let known = states
            .into_iter()
            .filter_map(|(layer, state)| Some((layer, state?)));
        known.collect()
    }

    /// What has to be looked at from time to time.
    pub(crate) fn poll_transport(&mut self, now: Instant, reports: &Reports) {
        self.poll_ping(now);
        self.poll_pair(now, reports);
        self.poll_repair(now, reports);
        let fruitless = |since: &mut Instant| now >= *since + FRUITLESS_GATHERING;
        if self.gathers_since.take_if(fruitless).is_some() {
            reports.events.send(Event::PeerLost {
                session: self.id,
                reason: FAILED.into(),
            });
        }
    }

    /// Measures the round trip, once there is a channel to do it on.
    fn poll_ping(&mut self, now: Instant) {
        if self.channel.is_some()
            && self.is_genuine
            && let Some(text) = self.ping.poll(now)
        {
            self.connectivity.round_trip = self.ping.round_trip();
            self.send(&text);
        }
    }

    /// Asks webrtcbin for the candidate pair that is in use, from time to time: it may change, and
    /// webrtcbin (1.22) tells of it only once there is a pad.
    fn poll_pair(&mut self, now: Instant, reports: &Reports) {
        let interval = match self.connectivity.pair {
            None => PAIR_INTERVAL,
            Some(_) => KNOWN_PAIR_INTERVAL,
        };
        if self.tracks.is_empty() && self.waiting_pads.is_empty()
            || self.asked_for_pair.is_some_and(|at| now < at + interval)
        {
            return;
        }
        self.asked_for_pair = Some(now);
        let (id, reports) = (self.id, reports.clone());
        let promise = gst::Promise::with_change_func(move |reply| {
            if let Some((local, remote)) = reply.ok().flatten().and_then(pair) {
                reports.command(Command::Pair {
                    session: id,
                    local,
                    remote,
                });
            }
        });
        self.webrtcbin
            .emit_by_name::<()>("get-stats", &[&None::<gst::Pad>, &promise]);
    }
}

/// The selected pair among webrtcbin's statistics.
fn pair(stats: &gst::StructureRef) -> Option<(Candidate, Candidate)> {
    let of = |key: &str| {
        let mut all = stats
            .iter()
            .filter_map(|(_, v)| v.get::<gst::Structure>().ok());
        let id = all.find_map(|s| s.get::<String>(key).ok())?;
        let candidate = stats.get::<gst::Structure>(id.as_str()).ok()?;
        Some(Candidate {
            kind: candidate.get("candidate-type").ok()?,
            address: candidate.get("address").ok()?,
            port: candidate.get("port").ok()?,
            // 1.22 always says "none" for the protocol to a TURN server.
            protocol: candidate
                .get::<String>("relay-protocol")
                .ok()
                .filter(|protocol| protocol != "none")
                .or_else(|| candidate.get("protocol").ok())?,
        })
    };
    Some((of("local-candidate-id")?, of("remote-candidate-id")?))
}

impl Control {
    pub(crate) fn state(
        &mut self,
        element: &VdoRoomSrc,
        id: SessionId,
        layer: Layer,
        state: String,
    ) {
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
        if layer == Layer::Connection {
            self.connection_state(id, &state);
        }
    }

    /// We have an address more.
    pub(crate) fn gathered(&mut self, id: SessionId, candidate: &str) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.gathers_since = None;
            session.connectivity.add_local(candidate);
        }
    }

    pub(crate) fn pair(
        &mut self,
        element: &VdoRoomSrc,
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
    pub(crate) fn hear_pong(&mut self, id: SessionId, text: &str) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let now = Instant::now();
        let is_answer = text.len() <= LONGEST_PONG && text.contains(r#""pong""#);
        if let Some(event) = session.hear_voice(now, is_answer) {
            self.reports.events.send(event);
        }
        if let Some(time) = session.ping.hear(now, text) {
            session.connectivity.round_trip = session.ping.round_trip();
            let stream = &session.stream;
            gst::info!(
                CAT,
                obj = session.webrtcbin,
                "{stream}: round trip {time:?}"
            );
            self.publish_views();
        }
    }

    fn tell_connection(&self, element: &VdoRoomSrc, id: SessionId) {
        if let Some(session) = self.sessions.get(&id) {
            announce::connection(element, session);
            self.publish_views();
        }
    }

    /// Says why a connection that ends was never made, unless that was said last time.
    pub(crate) fn tell_failure(&mut self, element: &VdoRoomSrc, id: SessionId, reason: &str) {
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
}

/// With the names of viewer and session, as some publishers have them.
const LONGEST_PONG: usize = 256;

/// What the room says of a session that took too long.
const NOT_MADE: &str = "not made in time";

/// What is reported of one that webrtcbin gives up.
pub(crate) const FAILED: &str = "the connection failed";
