// SPDX-License-Identifier: MPL-2.0
//! Whether a publisher is there and sends: what its session says to the room of that.

use std::time::{Duration, Instant};

use super::alive::{ASK, Beat, flows, is_pong};
use super::session::Session;
use crate::protocol::Event;

impl Session {
    /// What has changed since the last look.
    pub(crate) fn poll_news(&mut self, now: Instant) -> [Option<Event>; 3] {
        let media = self.poll_media(now);
        [media, self.poll_pulse(now), self.poll_voice(now)]
    }

    /// Media that began, stopped or came back.
    fn poll_media(&mut self, now: Instant) -> Option<Event> {
        let newest = self
            .tracks
            .iter()
            .filter_map(|t| t.exit.last_arrival())
            .max();
        let link = &self.link;
        let flowing = flows(now, newest, self.flowing, |since| link.keeps_up(since));
        if flowing == self.flowing {
            return None;
        }
        self.flowing = flowing;
        let session = self.id;
        Some(match flowing {
            true => Event::MediaFlowing { session },
            false => Event::MediaStalled { session },
        })
    }

    /// Whether its publisher says nothing any more although it is there.
    pub(crate) fn poll_voice(&mut self, now: Instant) -> Option<Event> {
        self.has_channel.then_some(())?;
        let beat = self.voice.poll(now, self.link.heard(), self.flowing)?;
        self.beat(beat)
    }

    /// Its publisher has said this.
    pub(crate) fn hear_voice(&mut self, now: Instant, text: &str) -> Option<Event> {
        let beat = self.voice.hear(now, is_pong(text))?;
        self.beat(beat)
    }

    /// How long the newest ping took, if this answers it.
    pub(crate) fn hear_pong(&mut self, now: Instant, text: &str) -> Option<Duration> {
        let time = self.ping.hear(now, text)?;
        self.connectivity.round_trip = self.ping.round_trip();
        Some(time)
    }

    /// Whether its publisher has gone silent, or is heard again. Without a channel that cannot be
    /// found out.
    pub(crate) fn poll_pulse(&mut self, now: Instant) -> Option<Event> {
        self.has_channel.then_some(())?;
        let link = &self.link;
        let keeps_up = |since| link.keeps_up(since);
        let beat = self.pulse.poll(now, link.heard(), self.flowing, keeps_up)?;
        self.beat(beat)
    }

    fn beat(&self, beat: Beat) -> Option<Event> {
        let session = self.id;
        match beat {
            Beat::Ask => {
                self.send(ASK);
                None
            }
            Beat::Silent => Some(Event::PeerSilent { session }),
            Beat::Heard => Some(Event::PeerHeard { session }),
        }
    }

    /// Measures the round trip, once there is a channel to do it on.
    pub(super) fn poll_ping(&mut self, now: Instant) {
        if self.has_channel
            && self.is_genuine
            && let Some(text) = self.ping.poll(now)
        {
            self.connectivity.round_trip = self.ping.round_trip();
            self.send(&text);
        }
    }
}
