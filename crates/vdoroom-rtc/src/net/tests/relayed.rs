// SPDX-License-Identifier: MPL-2.0
//! A connection that reaches its publisher through a TURN server only, in virtual time.

use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::event::{Closed, Consumer, Event, IceState, Packet};
use crate::net::connections::Connections;
use crate::net::demux::Id;
use crate::peer::Publisher;
use crate::settings::{Settings, Transport};
use crate::turn::{FakeServer, Step, fake_settings};

const ID: Id = Id(7);
const OURS: &str = "203.0.113.1:50000";
const THEIRS: &str = "192.0.2.2:6000";
const SERVER: &str = "203.0.113.1";
const SECOND: Duration = Duration::from_secs(1);

enum Heard {
    Event(Event),
    Packet(Packet),
}

struct Ear(Sender<Heard>);

impl Consumer for Ear {
    fn event(&mut self, event: Event) {
        let _ = self.0.send(Heard::Event(event));
    }

    fn packet(&mut self, packet: Packet) {
        let _ = self.0.send(Heard::Packet(packet));
    }
}

struct Scene {
    now: Instant,
    connections: Connections,
    server: FakeServer,
    is_open: bool,
    publisher: Publisher,
    heard: Receiver<Heard>,
    events: Vec<Event>,
    packets: Vec<Packet>,
    /// Datagrams that were not sent through the server.
    direct: usize,
}

impl Scene {
    /// With an offer.
    fn new(transport: Transport) -> Self {
        Self::at(transport, &[])
    }

    /// With addresses of this machine, too.
    fn at(transport: Transport, local: &[SocketAddr]) -> Self {
        let now = Instant::now();
        let (ear, heard) = channel();
        let mut publisher = Publisher::new(now, THEIRS, OURS);
        let mut server = FakeServer::new(OURS);
        server.is_stream = transport == Transport::Tcp;
        let mut connections = Connections::default();
        let settings = Settings {
            turn: vec![fake_settings(transport)],
            stun: match local {
                [] => vec![("stun.example.org".into(), 3478)],
                _ => Vec::new(),
            },
            relay_only: local.is_empty(),
            ..Settings::default()
        };
        connections.open(now, ID, settings, local, Box::new(Ear(ear)));
        connections.offer(now, ID, &publisher.offer());
        let mut scene = Self {
            now,
            connections,
            server,
            is_open: false,
            publisher,
            heard,
            events: Vec::new(),
            packets: Vec::new(),
            direct: 0,
        };
        scene.settle();
        let answer = scene.events.iter().find_map(|event| match event {
            Event::Answer(answer) => Some(answer.clone().unwrap()),
            _ => None,
        });
        scene.publisher.answer(&answer.unwrap());
        scene
    }

    fn connected(transport: Transport) -> Self {
        let mut scene = Self::new(transport);
        scene.name(&[SERVER.parse().unwrap()]);
        scene.candidate();
        let ours = str0m::Candidate::host(OURS.parse().unwrap(), "udp").unwrap();
        scene.publisher.rtc.add_remote_candidate(ours);
        scene.pass(2 * SECOND, false);
        assert!(scene.publisher.is_ready());
        assert_eq!(scene.direct, 0);
        scene
    }

    /// The publisher tells its address.
    fn candidate(&mut self) {
        let theirs = "1 1 udp 2113937151 192.0.2.2 6000 typ host";
        let now = self.now;
        self.connections
            .act(now, ID, |peer, out| peer.candidate(now, theirs, out));
    }

    fn name(&mut self, ips: &[IpAddr]) {
        for (id, name) in std::mem::take(&mut self.connections.names) {
            self.connections.named(self.now, id, &name, ips);
        }
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            for (id, step) in std::mem::take(&mut self.connections.steps) {
                self.step(id, step);
            }
            let theirs = THEIRS.parse().unwrap();
            for datagram in std::mem::take(&mut self.publisher.sent) {
                self.publish(theirs, &datagram);
            }
            for (to, datagram) in std::mem::take(&mut self.server.sent) {
                assert_eq!(to, theirs);
                self.publisher.receive(self.now, &datagram);
            }
            self.direct += self.connections.outgoing.drain(..).count();
            if self.connections.steps.is_empty() && self.publisher.sent.is_empty() {
                break;
            }
        }
        for heard in self.heard.try_iter() {
            match heard {
                Heard::Event(event) => self.events.push(event),
                Heard::Packet(packet) => self.packets.push(packet),
            }
        }
    }

    fn step(&mut self, id: Id, step: Step) {
        match step {
            Step::Open { server, to, .. } => {
                assert_eq!(to.ip(), SERVER.parse::<IpAddr>().unwrap());
                self.is_open = true;
                self.connections.opened(self.now, id, server);
            }
            Step::Send { server, bytes } => {
                if let Some(answer) = self.server.receive(&bytes) {
                    let now = (self.now, self.now);
                    self.connections.receive(now, (id, server), &answer);
                }
            }
            Step::Close { .. } => self.is_open = false,
            other => panic!("{other:?}"),
        }
    }

    /// The publisher sends something to the address of the server.
    fn publish(&mut self, from: SocketAddr, datagram: &[u8]) {
        if let Some(message) = self.server.relay(from, datagram) {
            let now = (self.now, self.now);
            self.connections.receive(now, (ID, 0), &message);
        }
    }

    fn pass(&mut self, duration: Duration, films: bool) {
        let end = self.now + duration;
        while self.now < end {
            self.now += Duration::from_millis(5);
            if films && let Some(packet) = self.publisher.film() {
                self.publisher.sent.push(packet);
            }
            if self.now >= self.publisher.deadline {
                self.publisher.tick(self.now);
            }
            self.connections.tick(self.now);
            self.settle();
        }
    }

    fn has(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(wanted)
    }

    fn candidates(&self) -> Vec<&str> {
        let candidates = self.events.iter().filter_map(|event| match event {
            Event::LocalCandidate(text) => Some(text.as_str()),
            _ => None,
        });
        candidates.collect()
    }
}

#[test]
fn a_publisher_is_received_through_a_server_only() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut scene = Scene::connected(transport);
        scene.pass(2 * SECOND, true);
        scene.pass(SECOND, false);
        assert!(scene.packets.len() > 390, "{}", scene.packets.len());
        assert!(scene.packets.iter().all(|packet| packet.lost == 0));
        let [candidate] = scene.candidates()[..] else {
            panic!("{:?}", scene.candidates());
        };
        assert!(candidate.contains("203.0.113.1 50000 typ relay"));
        assert!(scene.publisher.keyframes_requested == 0 && scene.publisher.say("hello"));
        scene.pass(SECOND, false);
        assert!(scene.has(|event| matches!(event, Event::ChannelText { .. })));
        assert_eq!(scene.server.channels.len(), 1);
    }
}

#[test]
fn the_end_of_gathering_waits_for_a_server_that_may_still_answer() {
    let is_done = |scene: &Scene| scene.has(|event| matches!(event, Event::GatheringDone));
    let mut scene = Scene::new(Transport::Udp);
    assert_eq!(scene.connections.names, [(ID, "turn.example.org".into())]);
    scene.pass(4 * SECOND, false);
    assert!(!is_done(&scene), "its name has no address yet");
    scene.name(&[SERVER.parse().unwrap()]);
    scene.pass(SECOND / 10, false);
    assert!(is_done(&scene));
    let mut scene = Scene::new(Transport::Udp);
    scene.pass(SECOND, false);
    scene.name(&[]);
    assert!(is_done(&scene), "there is none");
    let mut scene = Scene::new(Transport::Udp);
    scene.pass(6 * SECOND, false);
    assert!(is_done(&scene), "no server has the name");
}

#[test]
fn who_closes_gives_the_address_back_and_is_told_nothing_more() {
    let mut scene = Scene::connected(Transport::Udp);
    let now = scene.now;
    scene.connections.close_all(now);
    assert!(scene.connections.are_leaving());
    scene.settle();
    scene.pass(SECOND, true);
    assert!(!scene.server.allocated && !scene.is_open);
    assert!(!scene.connections.are_leaving());
    let last = scene.events.last();
    assert!(
        matches!(last, Some(Event::Closed(Closed::Local))),
        "{last:?}"
    );
    assert!(scene.packets.is_empty());
}

#[test]
fn an_address_that_is_lost_is_not_used_any_more() {
    let mut scene = Scene::connected(Transport::Tcp);
    scene.connections.failed(scene.now, ID, 0);
    scene.settle();
    assert!(!scene.is_open);
    scene.pass(SECOND, true);
    let is_disconnected = |event: &Event| matches!(event, Event::Ice(IceState::Disconnected));
    assert!(scene.has(is_disconnected));
    assert!(scene.packets.is_empty());
}

#[test]
fn what_a_server_says_to_be_ours_is_not_taken_if_it_is_this_machines() {
    let mut scene = Scene::at(Transport::Tcp, &[OURS.parse().unwrap()]);
    scene.name(&[SERVER.parse().unwrap()]);
    scene.candidate();
    scene.pass(SECOND, false);
    assert!(scene.server.allocated);
    assert!(scene.direct > 0 && scene.server.permitted.is_empty());
    assert_eq!(scene.candidates().len(), 1);
    scene.connections.failed(scene.now, ID, 0);
    scene.direct = 0;
    scene.pass(SECOND, false);
    assert!(scene.direct > 0);
}
