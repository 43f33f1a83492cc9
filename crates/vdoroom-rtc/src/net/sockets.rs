// SPDX-License-Identifier: MPL-2.0
//! The sockets of all connections: one for each address of this machine and each range of ports.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use mio::{Events, Interest, Registry, Token};

use super::addresses;
use super::socket::Socket;

pub(crate) struct Registered {
    token: Token,
    pub socket: Socket,
    /// Something has come that was not received yet.
    pub is_ready: bool,
}

#[derive(Default)]
pub(crate) struct Sockets {
    pub all: Vec<Registered>,
    /// How many there have been.
    count: usize,
}

impl Sockets {
    /// The addresses for one more connection, after what is new on this machine was added. None if
    /// nothing can be had.
    pub(crate) fn open(
        &mut self,
        registry: &Registry,
        ports: Option<&RangeInclusive<u16>>,
    ) -> io::Result<Vec<SocketAddr>> {
        let mut last = None;
        let local = addresses::local()?;
        for ip in &local {
            if self.of(ports).any(|socket| socket.address.ip() == *ip) {
                continue;
            }
            if let Err(error) = self.bind(registry, *ip, ports) {
                last = Some(error);
            }
        }
        // Others that are using an address that this machine has no more keep its socket.
        let addresses = self.of(ports).map(|socket| socket.address);
        let addresses: Vec<SocketAddr> = addresses.filter(|a| local.contains(&a.ip())).collect();
        match (addresses.is_empty(), last) {
            (true, Some(error)) => Err(error),
            _ => Ok(addresses),
        }
    }

    fn bind(
        &mut self,
        registry: &Registry,
        ip: IpAddr,
        ports: Option<&RangeInclusive<u16>>,
    ) -> io::Result<()> {
        let mut socket = Socket::bind(ip, ports)?;
        let token = Token(self.count);
        registry.register(&mut socket.io, token, Interest::READABLE)?;
        self.count += 1;
        self.all.push(Registered {
            token,
            socket,
            is_ready: false,
        });
        Ok(())
    }

    /// Notes which have something.
    pub(crate) fn note(&mut self, events: &Events) {
        for event in events {
            let mut all = self.all.iter_mut();
            if let Some(found) = all.find(|one| one.token == event.token()) {
                found.is_ready = true;
            }
        }
    }

    fn of<'a>(
        &'a self,
        ports: Option<&'a RangeInclusive<u16>>,
    ) -> impl Iterator<Item = &'a Socket> {
        let all = self.all.iter().map(|one| &one.socket);
        all.filter(move |socket| socket.ports.as_ref() == ports)
    }

    /// What the kernel keeps for the one with the least.
    pub(crate) fn kept(&self) -> Option<usize> {
        self.all.iter().map(|one| one.socket.kept).min()
    }

    /// Closes those that no connection uses any more.
    pub(crate) fn close_unused<'a>(
        &mut self,
        registry: &Registry,
        used: impl Iterator<Item = Option<&'a RangeInclusive<u16>>> + Clone,
    ) {
        self.all.retain_mut(|Registered { socket, .. }| {
            let is_used = used.clone().any(|ports| socket.ports.as_ref() == ports);
            if !is_used {
                // It is closed right after that.
                let _ = registry.deregister(&mut socket.io);
            }
            is_used
        });
    }

    pub(crate) fn send(&self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        let mut sockets = self.all.iter().map(|one| &one.socket);
        if let Some(socket) = sockets.find(|socket| socket.address == from) {
            socket.send(to, datagram);
        }
    }
}
