// SPDX-License-Identifier: MPL-2.0
//! A publisher, a connection and the network between them, in virtual time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::publisher::Publisher;
use crate::event::{Event, Packet};
use crate::peer::{Action, Datagram, Peer};
use crate::rtp::{Media, Reporter};
use crate::settings::Settings;

const OURS: &str = "192.0.2.1:5000";
const THEIRS: &str = "192.0.2.2:6000";

enum To {
    Us,
    Publisher,
}

pub(super) struct Scene {
    pub now: Instant,
    pub peer: Peer,
    pub publisher: Publisher,
    pub events: Vec<Event>,
    pub packets: Vec<Packet>,
    /// When something came last.
    pub heard: Option<Instant>,
    /// Which packets of media get lost: it is given their number.
    pub loses: Box<dyn Fn(u64) -> bool>,
    /// How much longer such a packet takes, in milliseconds.
    pub delays: Box<dyn Fn(u64) -> u64>,
    pub delay: Duration,
    /// Nothing comes through any more.
    pub is_cut: bool,
    sent: u64,
    network: BTreeMap<(Instant, u64), (To, Vec<u8>)>,
}

impl Scene {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let settings = Settings::default();
        let reporter = Reporter {
            ssrc: 3,
            name: "x".into(),
        };
        let media = Media::new(now, &settings, reporter);
        let ours = [OURS.parse().unwrap()];
        Self {
            now,
            peer: Peer::new(now, &settings, &ours, 77, media).unwrap(),
            publisher: Publisher::new(now, THEIRS, OURS),
            events: Vec::new(),
            packets: Vec::new(),
            heard: None,
            loses: Box::new(|_| false),
            delays: Box::new(|_| 0),
            delay: Duration::from_millis(10),
            is_cut: false,
            sent: 0,
            network: BTreeMap::new(),
        }
    }

    /// Offer and answer.
    pub(super) fn agree(&mut self, change: impl Fn(String) -> String) {
        let offer = change(self.publisher.offer());
        let now = self.now;
        self.act(|peer, out| peer.offer(now, &offer, out));
        let answer = self.events.iter().rev().find_map(|event| match event {
            Event::Answer(Ok(answer)) => Some(answer.clone()),
            _ => None,
        });
        self.publisher.answer(&answer.unwrap());
        let candidate = "candidate:1 1 udp 2113937151 192.0.2.2 6000 typ host";
        self.act(|peer, out| peer.candidate(now, candidate, out));
        let ours = str0m::Candidate::host(OURS.parse().unwrap(), "udp").unwrap();
        self.publisher.rtc.add_remote_candidate(ours);
        self.publisher.drive();
    }

    pub(super) fn act(&mut self, act: impl FnOnce(&mut Peer, &mut Vec<Action>)) {
        let mut actions = Vec::new();
        act(&mut self.peer, &mut actions);
        for action in actions {
            match action {
                Action::Send { datagram, .. } => self.send(To::Publisher, datagram, 0),
                Action::Packet(packet) => self.packets.push(packet),
                Action::Event(event) => self.events.push(event),
                Action::Heard(at) => self.heard = Some(at),
                Action::Poked => {}
            }
        }
    }

    fn send(&mut self, to: To, datagram: Vec<u8>, longer: u64) {
        if self.is_cut {
            return;
        }
        self.sent += 1;
        let at = self.now + self.delay + Duration::from_millis(longer);
        self.network.insert((at, self.sent), (to, datagram));
    }

    /// Lets time pass. If `films`, a packet of video is sent every 10 ms.
    pub(super) fn pass(&mut self, duration: Duration, films: bool) {
        let end = self.now + duration;
        let mut film_at = self.now;
        let mut filmed = 0;
        while self.now < end {
            let network = self.network.keys().next().map(|(at, _)| *at);
            let own = (!self.peer.is_closed()).then(|| self.peer.deadline());
            let next = [Some(self.publisher.deadline), own, network];
            let next = next
                .into_iter()
                .flatten()
                .min()
                .unwrap()
                .min(film_at)
                .min(end);
            self.now = self.now.max(next);
            let now = self.now;
            if now >= film_at {
                film_at = now + Duration::from_millis(10);
                if let Some(packet) = films.then(|| self.publisher.film()).flatten() {
                    filmed += 1;
                    if !(self.loses)(filmed) {
                        let longer = (self.delays)(filmed);
                        self.send(To::Us, packet, longer);
                    }
                }
            }
            if now >= self.publisher.deadline {
                self.publisher.tick(now);
            }
            if !self.peer.is_closed() && now >= self.peer.deadline() {
                self.act(|peer, out| peer.tick(now, out));
            }
            while let Some(first) = self.network.first_entry()
                && first.key().0 <= now
            {
                match first.remove() {
                    (To::Us, datagram) => self.receive(&datagram),
                    (To::Publisher, datagram) => self.publisher.receive(now, &datagram),
                }
            }
            for datagram in std::mem::take(&mut self.publisher.sent) {
                self.send(To::Us, datagram, 0);
            }
        }
    }

    pub(super) fn receive(&mut self, datagram: &[u8]) {
        let now = self.now;
        let datagram = Datagram {
            came: now,
            path: (OURS.parse().unwrap(), THEIRS.parse().unwrap()),
            bytes: datagram,
        };
        self.act(|peer, out| {
            peer.datagram(now, &datagram, out);
        });
    }

    pub(super) fn has(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(wanted)
    }
}
