// SPDX-License-Identifier: MPL-2.0
//! What a session looks at from time to time on its way to its publisher.

use std::time::{Duration, Instant};

use super::link::FAILED;
use super::repair::retry_after;
use super::session::Session;
use crate::protocol::Event;
use crate::vdoroomsrc::reports::{Command, Reports};

/// How often the connection is asked for its numbers, among which is the selected candidate pair. The
/// short interval holds while that pair is unknown, and while an application reads `stats`.
const SHORT_INTERVAL: Duration = Duration::from_secs(1);
const LONG_INTERVAL: Duration = Duration::from_secs(10);

/// When no address of ours is found any more: those of this machine are there at once, however busy
/// it is, and without one of them no server is asked. webrtcbin (1.22) never stops gathering.
const FRUITLESS_GATHERING: Duration = Duration::from_secs(5);

impl Session {
    /// What has to be looked at from time to time.
    pub(crate) fn poll_transport(&mut self, now: Instant, reports: &Reports) {
        self.poll_ping(now);
        self.poll_numbers(now, reports);
        self.poll_repair(now, reports);
        let fruitless = |since: &mut Instant| now >= *since + FRUITLESS_GATHERING;
        if self.gathers_since.take_if(fruitless).is_some() {
            reports.events.send(Event::PeerLost {
                session: self.id,
                reason: FAILED.into(),
            });
        }
    }

    /// The candidate pair in use may change, and webrtcbin (1.22) tells of it only once there is a pad.
    fn poll_numbers(&mut self, now: Instant, reports: &Reports) {
        let is_due = |interval| self.asked_for_numbers.is_none_or(|at| now >= at + interval);
        if self.tracks.is_empty() && self.waiting_pads.is_empty() || !is_due(SHORT_INTERVAL) {
            return;
        }
        let is_wanted = self.link.numbers().take_is_read() || self.connectivity.pair.is_none();
        if is_wanted || is_due(LONG_INTERVAL) {
            self.asked_for_numbers = Some(now);
            self.link.ask_for_numbers(reports);
        }
    }

    /// Says how often lost packets are asked for, and when that cannot help.
    fn poll_repair(&mut self, now: Instant, reports: &Reports) {
        let round_trip = self.connectivity.round_trip;
        let Some(round_trip) = round_trip.filter(|_| self.repair.is_due(now)) else {
            return;
        };
        let latency = self.link.latency();
        let pace = retry_after(latency, round_trip);
        let video = self.tracks.iter().filter(|track| track.kind.is_video());
        let ssrcs: Vec<u32> = video.filter_map(|track| track.ssrc()).collect();
        let Some(lost) = self.link.repair(&ssrcs, pace) else {
            return;
        };
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
