// SPDX-License-Identifier: MPL-2.0
//! One connection with the servers that it uses, and those of its parts that outlive it.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::addresses::literal;
use crate::peer::{Action, Datagram, Peer};
use crate::settings::Settings;
use crate::turn::{MAX_SERVERS, Relayed, Relays, Step};

pub(crate) struct Session {
    pub peer: Peer,
    relays: Relays,
    /// What they have given us. Not what they say only, which may be an address of this machine.
    relayed: Vec<SocketAddr>,
    /// STUN servers whose names have no address yet.
    stun: Vec<(String, u16)>,
    are_awaited: bool,
    steps: Vec<Step>,
}

/// What a session wants done that is not told to its consumer.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// Names whose addresses it wants to know.
    pub names: Vec<String>,
    pub steps: Vec<Step>,
}

impl Session {
    pub(crate) fn new(
        now: Instant,
        peer: Peer,
        settings: &Settings,
        actions: &mut Vec<Action>,
        wishes: &mut Wishes,
    ) -> Self {
        // What they say of our addresses is not told then.
        let stun = if settings.relay_only { 0 } else { MAX_SERVERS };
        let mut session = Self {
            peer,
            relays: Relays::new(&settings.turn),
            relayed: Vec::new(),
            stun: settings.stun.iter().take(stun).cloned().collect(),
            are_awaited: false,
            steps: Vec::new(),
        };
        let turn = settings.turn.iter().take(MAX_SERVERS);
        let hosts = session.stun.iter().map(|(host, _)| host);
        let mut hosts: Vec<String> = hosts.chain(turn.map(|turn| &turn.host)).cloned().collect();
        hosts.sort();
        hosts.dedup();
        for host in hosts {
            match literal(&host) {
                Some(ip) => session.named(now, &host, &[ip], actions),
                None => wishes.names.push(host),
            }
        }
        session
    }

    /// A name has these addresses, or none.
    pub(crate) fn named(
        &mut self,
        now: Instant,
        host: &str,
        ips: &[IpAddr],
        actions: &mut Vec<Action>,
    ) {
        self.relays.named(now, host, ips, &mut self.steps);
        // One of each kind is enough: they say how we look from outside.
        let first = |is_v4| ips.iter().find(move |ip| ip.is_ipv4() == is_v4);
        let ips: Vec<IpAddr> = first(true)
            .into_iter()
            .chain(first(false))
            .copied()
            .collect();
        for (_, port) in self.stun.extract_if(.., |(name, _)| name == host) {
            let servers = ips.iter().map(|ip| SocketAddr::new(*ip, port));
            self.peer.stun(now, servers, actions);
        }
    }

    /// The socket to a TURN server can be used.
    pub(crate) fn opened(&mut self, now: Instant, server: usize) {
        self.relays.opened(now, server, &mut self.steps);
    }

    /// It cannot be used, or not any more.
    pub(crate) fn failed(&mut self, now: Instant, server: usize) {
        self.relays.failed(now, server, &mut self.steps);
    }

    /// A TURN server has sent something. Returns whether it is media.
    pub(crate) fn receive(
        &mut self,
        (now, came): (Instant, Instant),
        server: usize,
        bytes: &[u8],
        actions: &mut Vec<Action>,
    ) -> bool {
        /// What begins with less is no media.
        const MEDIA: u8 = 128;
        let (peer, mut is_media) = (&mut self.peer, false);
        let take = |relayed: Relayed<'_>| {
            let (path, bytes) = (relayed.path, relayed.bytes);
            is_media |= bytes.first().is_some_and(|first| *first >= MEDIA);
            // Several may come at once, and the first of them may end it.
            if !peer.is_closed() {
                peer.datagram(now, &Datagram { came, path, bytes }, actions);
            }
        };
        self.relays
            .receive(now, server, bytes, &mut self.steps, take);
        is_media
    }

    pub(crate) fn deadline(&self) -> Instant {
        let own = self.peer.deadline();
        self.relays.deadline().map_or(own, |other| own.min(other))
    }

    pub(crate) fn tick(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.peer.tick(now, actions);
        self.relays.tick(now, &mut self.steps);
    }

    /// Sends from an address of a TURN server. Gives the datagram back if it is of none.
    pub(crate) fn relay(
        &mut self,
        now: Instant,
        path: (SocketAddr, SocketAddr),
        datagram: Vec<u8>,
    ) -> Option<Vec<u8>> {
        match self.relayed.contains(&path.0) {
            true => self.relays.send(now, path, datagram, &mut self.steps),
            false => Some(datagram),
        }
    }

    /// Tells the connection what has become of its servers. The rest are wishes.
    pub(crate) fn settle(&mut self, now: Instant, actions: &mut Vec<Action>, wishes: &mut Wishes) {
        for step in self.steps.drain(..) {
            match step {
                Step::Gained(ours, server) => {
                    if self.peer.relayed(now, (ours, server), actions) {
                        self.relayed.push(ours);
                    }
                }
                Step::Lost(ours) => {
                    if let Some(at) = self.relayed.iter().position(|other| *other == ours) {
                        self.relayed.swap_remove(at);
                        self.peer.unrelayed(now, ours, actions);
                    }
                }
                other => wishes.steps.push(other),
            }
        }
        let are_awaited = self.relays.are_awaited() || !self.stun.is_empty();
        if are_awaited != self.are_awaited {
            self.are_awaited = are_awaited;
            self.peer.await_servers(now, are_awaited, actions);
        }
    }

    /// Has ended. Its servers still have to hear of that.
    pub(crate) fn leave(mut self, now: Instant, wishes: &mut Wishes) -> Relays {
        self.relays.leave(now, &mut self.steps);
        wishes.steps.append(&mut self.steps);
        self.relays
    }
}
