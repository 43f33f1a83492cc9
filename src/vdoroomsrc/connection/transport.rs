// SPDX-License-Identifier: MPL-2.0
//! What a session looks at from time to time on its way to its publisher, and reports of it.

use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_webrtc::{WebRTCDTLSTransport, WebRTCRTPTransceiver};

use super::repair::retry_after;
use super::session::Session;
use crate::protocol::Event;
use crate::vdoroomsrc::connection::webrtcbin::{nick, pair, report};
use crate::vdoroomsrc::reports::{Command, Layer, Reports};

/// How often webrtcbin is asked for its statistics, among which is the selected candidate pair. The short
/// interval holds while that pair is unknown, and while an application reads `stats`.
const SHORT_INTERVAL: Duration = Duration::from_secs(1);
const LONG_INTERVAL: Duration = Duration::from_secs(10);

/// When no address of ours is found any more: those of this machine are there at once, however busy
/// it is, and without one of them no server is asked. webrtcbin (1.22) never stops gathering.
const FRUITLESS_GATHERING: Duration = Duration::from_secs(5);

/// What is reported of a connection that webrtcbin gives up.
pub(crate) const FAILED: &str = "the connection failed";

impl Session {
    /// Reports the states of the transport, which is there once the answer is. Returns those that it
    /// has already: webrtcbin's threads may have been faster.
    #[must_use]
    pub(crate) fn watch_transport(&mut self, reports: &Reports) -> Vec<(Layer, String)> {
        if std::mem::replace(&mut self.watches_transport, true) {
            return vec![];
        }
        let Some(dtls) = self.first_transport() else {
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

    /// The only one, where all is bundled.
    pub(crate) fn first_transport(&self) -> Option<WebRTCDTLSTransport> {
        let media = || {
            let first = self
                .webrtcbin
                .emit_by_name::<Option<WebRTCRTPTransceiver>>("get-transceiver", &[&0i32]);
            first?.receiver()?.transport()
        };
        self.channel_transport().or_else(media)
    }

    pub(crate) fn channel_transport(&self) -> Option<WebRTCDTLSTransport> {
        let sctp = self
            .webrtcbin
            .property::<Option<gst::Object>>("sctp-transport")
            .filter(|sctp| sctp.has_property("transport"));
        sctp.and_then(|sctp| sctp.property("transport"))
    }

    /// What has to be looked at from time to time.
    pub(crate) fn poll_transport(&mut self, now: Instant, reports: &Reports) {
        self.poll_ping(now);
        self.poll_stats(now, reports);
        self.poll_repair(now, reports);
        let fruitless = |since: &mut Instant| now >= *since + FRUITLESS_GATHERING;
        if self.gathers_since.take_if(fruitless).is_some() {
            reports.events.send(Event::PeerLost {
                session: self.id,
                reason: FAILED.into(),
            });
        }
    }

    /// Asks webrtcbin for its statistics, from time to time: the candidate pair in use may change, and
    /// webrtcbin (1.22) tells of it only once there is a pad.
    fn poll_stats(&mut self, now: Instant, reports: &Reports) {
        let is_due = |interval| self.asked_for_stats.is_none_or(|at| now >= at + interval);
        if self.tracks.is_empty() && self.waiting_pads.is_empty() || !is_due(SHORT_INTERVAL) {
            return;
        }
        let is_wanted = self.webrtc_stats.take_is_read() || self.connectivity.pair.is_none();
        if !is_wanted && !is_due(LONG_INTERVAL) {
            return;
        }
        self.asked_for_stats = Some(now);
        let (id, reports) = (self.id, reports.clone());
        let stats = self.webrtc_stats.clone();
        let promise = gst::Promise::with_change_func(move |reply| {
            let Ok(Some(reply)) = reply else { return };
            stats.note(reply);
            if let Some((local, remote)) = pair(reply) {
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

    /// Says how often lost packets are asked for, and when that cannot help.
    fn poll_repair(&mut self, now: Instant, reports: &Reports) {
        let round_trip = self.connectivity.round_trip;
        let Some(round_trip) = round_trip.filter(|_| self.repair.is_due(now)) else {
            return;
        };
        let latency = Duration::from_millis(self.webrtcbin.property::<u32>("latency").into());
        let pace = retry_after(latency, round_trip).map_or(-1, |pace| pace.as_millis() as i32);
        let video = self.tracks.iter().filter(|track| track.kind.is_video());
        let ssrcs: Vec<u32> = video.filter_map(|track| track.ssrc()).collect();
        let mut lost = 0;
        for (ssrc, jitterbuffer) in &self.jitterbuffers {
            let Some(jitterbuffer) = jitterbuffer.upgrade().filter(|_| ssrcs.contains(ssrc)) else {
                continue;
            };
            if !jitterbuffer.property::<bool>("do-retransmission") {
                return;
            }
            jitterbuffer.set_property("rtx-retry-timeout", pace);
            let stats = jitterbuffer.property::<gst::Structure>("stats");
            lost += stats.get::<u64>("num-lost").unwrap_or(0);
        }
        if let Some(enough) = self.repair.lacks(lost, latency, round_trip) {
            reports.command(Command::Warn(format!(
                "stream \"{}\": lost video cannot be repaired: a retransmission takes {} ms, and \
                 latency is {} ms; set latency={enough}",
                self.stream,
                round_trip.as_millis(),
                latency.as_millis(),
            )));
        }
    }
}
