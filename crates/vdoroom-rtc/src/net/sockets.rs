// SPDX-License-Identifier: MPL-2.0
//! The sockets of all connections: one for each address of this machine and each range of ports.

use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

use mio::{Interest, Registry, Token};

use super::addresses;
use super::socket::Socket;

/// Of the sockets. Others are not registered beside them.
const TOKEN: Token = Token(0);

#[derive(Default)]
pub(crate) struct Sockets {
    pub all: Vec<Socket>,
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
        for ip in addresses::local()? {
            if self.of(ports).any(|socket| socket.address.ip() == ip) {
                continue;
            }
            match Self::bind(registry, ip, ports) {
                Ok(socket) => self.all.push(socket),
                Err(error) => last = Some(error),
            }
        }
        let addresses: Vec<SocketAddr> = self.of(ports).map(|socket| socket.address).collect();
        match (addresses.is_empty(), last) {
            (true, Some(error)) => Err(error),
            _ => Ok(addresses),
        }
    }

    fn bind(
        registry: &Registry,
        ip: std::net::IpAddr,
        ports: Option<&RangeInclusive<u16>>,
    ) -> io::Result<Socket> {
        let mut socket = Socket::bind(ip, ports)?;
        registry.register(&mut socket.io, TOKEN, Interest::READABLE)?;
        Ok(socket)
    }

    fn of<'a>(
        &'a self,
        ports: Option<&'a RangeInclusive<u16>>,
    ) -> impl Iterator<Item = &'a Socket> {
        let all = self.all.iter();
        all.filter(move |socket| socket.ports.as_ref() == ports)
    }

    /// Closes those that no connection uses any more.
    pub(crate) fn close_unused<'a>(
        &mut self,
        registry: &Registry,
        used: impl Iterator<Item = Option<&'a RangeInclusive<u16>>> + Clone,
    ) {
        self.all.retain_mut(|socket| {
            let is_used = used.clone().any(|ports| socket.ports.as_ref() == ports);
            if !is_used {
                // It is closed right after that.
                let _ = registry.deregister(&mut socket.io);
            }
            is_used
        });
    }

    pub(crate) fn send(&self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        if let Some(socket) = self.all.iter().find(|socket| socket.address == from) {
            socket.send(to, datagram);
        }
    }
}
