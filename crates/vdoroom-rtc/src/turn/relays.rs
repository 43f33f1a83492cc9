// SPDX-License-Identifier: MPL-2.0
//! The TURN servers of one connection.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::relay::Relay;
use super::step::{Relayed, Step};
use crate::settings::TurnServer;

/// Each costs a socket, and an address of the server.
pub(crate) const MAX_SERVERS: usize = 4;

#[derive(Default)]
pub(crate) struct Relays {
    all: Vec<Relay>,
}

impl Relays {
    /// Nothing is asked before the names of the servers have addresses.
    pub(crate) fn new(servers: &[TurnServer]) -> Self {
        let servers = servers.iter().take(MAX_SERVERS).cloned().enumerate();
        Self {
            all: servers.map(|(at, server)| Relay::new(at, server)).collect(),
        }
    }

    /// Some may still give us an address.
    pub(crate) fn are_awaited(&self) -> bool {
        self.all.iter().any(Relay::is_awaited)
    }

    pub(crate) fn are_over(&self) -> bool {
        self.all.iter().all(Relay::is_over)
    }

    /// A name has these addresses, or none.
    pub(crate) fn named(&mut self, now: Instant, host: &str, ips: &[IpAddr], out: &mut Vec<Step>) {
        for relay in &mut self.all {
            relay.named(now, host, ips, out);
        }
    }

    /// A socket can be used.
    pub(crate) fn opened(&mut self, now: Instant, server: usize, out: &mut Vec<Step>) {
        if let Some(relay) = self.all.get_mut(server) {
            relay.opened(now, out);
        }
    }

    /// A socket could not be opened, or cannot be used any more.
    pub(crate) fn failed(&mut self, now: Instant, server: usize, out: &mut Vec<Step>) {
        if let Some(relay) = self.all.get_mut(server) {
            relay.failed(now, out);
        }
    }

    /// A server has sent something. What it has received for us goes to `take`.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        server: usize,
        bytes: &[u8],
        out: &mut Vec<Step>,
        take: impl FnMut(Relayed<'_>),
    ) {
        if let Some(relay) = self.all.get_mut(server) {
            relay.receive(now, bytes, out, take);
        }
    }

    /// Sends from an address of a server. Gives the datagram back if it is of none.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        (from, to): (SocketAddr, SocketAddr),
        datagram: Vec<u8>,
        out: &mut Vec<Step>,
    ) -> Option<Vec<u8>> {
        match self.all.iter_mut().find(|relay| relay.has(from)) {
            Some(relay) => {
                relay.send(now, to, datagram, out);
                None
            }
            None => Some(datagram),
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.all.iter().filter_map(Relay::deadline).min()
    }

    pub(crate) fn tick(&mut self, now: Instant, out: &mut Vec<Step>) {
        for relay in &mut self.all {
            relay.tick(now, out);
        }
    }

    /// Gives all addresses back.
    pub(crate) fn leave(&mut self, now: Instant, out: &mut Vec<Step>) {
        for relay in &mut self.all {
            relay.leave(now, out);
        }
    }
}
