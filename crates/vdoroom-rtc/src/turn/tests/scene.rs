// SPDX-License-Identifier: MPL-2.0
//! The servers of a connection, and a network to them that takes no time.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::server::{PASSWORD, Server, USER};
use crate::settings::{Transport, TurnServer};
use crate::turn::{Relays, Step};

pub(super) const HOST: &str = "turn.example.org";

pub(crate) fn settings(transport: Transport) -> TurnServer {
    TurnServer {
        host: HOST.into(),
        port: 3478,
        user: USER.into(),
        password: PASSWORD.into(),
        transport,
    }
}

pub(super) struct Scene {
    pub now: Instant,
    pub relays: Relays,
    /// By their addresses. Who is not here cannot be reached.
    pub servers: Vec<(SocketAddr, Server)>,
    /// Which address each of our sockets goes to.
    pub open: Vec<Option<SocketAddr>>,
    pub gained: Vec<SocketAddr>,
    pub lost: Vec<SocketAddr>,
    pub received: Vec<((SocketAddr, SocketAddr), Vec<u8>)>,
}

impl Scene {
    pub(super) fn new(settings: &[TurnServer]) -> Self {
        Self {
            now: Instant::now(),
            relays: Relays::new(settings),
            servers: Vec::new(),
            open: vec![None; settings.len()],
            gained: Vec::new(),
            lost: Vec::new(),
            received: Vec::new(),
        }
    }

    /// With one server, which has given an address.
    pub(super) fn relaying(transport: Transport) -> Self {
        let mut scene = Self::new(&[settings(transport)]);
        scene.serve("203.0.113.1", Server::new("203.0.113.1:50000"));
        scene.server().is_stream = transport == Transport::Tcp;
        scene.name(&["203.0.113.1"]);
        scene.pass(Duration::from_secs(1));
        assert_eq!(scene.gained, [scene.servers[0].1.relayed]);
        scene
    }

    pub(super) fn serve(&mut self, ip: &str, server: Server) {
        let address = SocketAddr::new(ip.parse().unwrap(), 3478);
        self.servers.push((address, server));
    }

    /// The first.
    pub(super) fn server(&mut self) -> &mut Server {
        &mut self.servers[0].1
    }

    pub(super) fn name(&mut self, ips: &[&str]) {
        let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().unwrap()).collect();
        self.act(|relays, now, steps| relays.named(now, HOST, &ips, steps));
    }

    pub(super) fn act(&mut self, act: impl FnOnce(&mut Relays, Instant, &mut Vec<Step>)) {
        let mut steps = Vec::new();
        act(&mut self.relays, self.now, &mut steps);
        for step in steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Open { server, to, .. } => {
                self.open[server] = Some(to);
                let is_there = self.servers.iter().any(|(address, _)| *address == to);
                self.act(|relays, now, steps| match is_there {
                    true => relays.opened(now, server, steps),
                    false => relays.failed(now, server, steps),
                });
            }
            Step::Send { server, bytes } => {
                let to = self.open[server].unwrap();
                let mut servers = self.servers.iter_mut();
                let (_, fake) = servers.find(|(address, _)| *address == to).unwrap();
                if let Some(answer) = fake.receive(&bytes) {
                    self.hear(server, &answer);
                }
            }
            Step::Close { server } => self.open[server] = None,
            Step::Gained(ours, _) => self.gained.push(ours),
            Step::Lost(ours) => self.lost.push(ours),
        }
    }

    /// The server says this.
    pub(super) fn hear(&mut self, server: usize, bytes: &[u8]) {
        let mut received = Vec::new();
        self.act(|relays, now, steps| {
            relays.receive(now, server, bytes, steps, |relayed| {
                received.push((relayed.path, relayed.bytes.to_vec()));
            });
        });
        self.received.extend(received);
    }

    /// We send something from the address that the first server has given us.
    pub(super) fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        let from = self.server().relayed;
        self.act(|relays, now, steps| {
            let left = relays.send(now, (from, to), datagram.to_vec(), steps);
            assert_eq!(left, None, "it is of none of them");
        });
    }

    pub(super) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut calls = 0;
        while let Some(at) = self.relays.deadline()
            && at <= end
        {
            self.now = self.now.max(at);
            self.act(|relays, now, steps| relays.tick(now, steps));
            calls += 1;
            assert!(calls < 10_000, "it never rests");
        }
        self.now = end;
    }
}
