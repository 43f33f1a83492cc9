// SPDX-License-Identifier: MPL-2.0
//! The sockets to TURN servers: one for each connection and server.

mod wire;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use mio::{Events, Interest, Registry, Token};

use self::wire::{Readiness, Wire};
use super::demux::Id;
use super::socket::{Left, Space};
use crate::settings::Transport;

/// Of one socket in one go, lest the others starve.
const MAX_READS: usize = 32;

/// The sockets of all are counted from zero.
const FIRST: usize = usize::MAX / 2;

/// Whose it is, and the number of the server.
pub(crate) type Key = (Id, usize);

struct Registered {
    key: Key,
    wire: Wire,
    /// Something has come that was not received yet.
    is_ready: bool,
}

#[derive(Default)]
pub(crate) struct Wires {
    all: HashMap<Token, Registered>,
    tokens: HashMap<Key, Token>,
    /// How many there have been.
    count: usize,
}

/// What has happened to one of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    Opened,
    Failed,
}

impl Wires {
    /// Opens one in the place of that which it had before.
    pub(crate) fn open(
        &mut self,
        registry: &Registry,
        key: Key,
        (transport, to): (Transport, SocketAddr),
    ) -> io::Result<Option<Happened>> {
        self.close(registry, key);
        let mut wire = Wire::open(transport, to)?;
        let token = Token(FIRST + self.count);
        let interest = match transport {
            Transport::Udp => Interest::READABLE,
            Transport::Tcp => Interest::READABLE | Interest::WRITABLE,
        };
        registry.register(wire.source(), token, interest)?;
        self.count += 1;
        self.tokens.insert(key, token);
        let one = Registered {
            key,
            wire,
            is_ready: false,
        };
        self.all.insert(token, one);
        Ok((transport == Transport::Udp).then_some(Happened::Opened))
    }

    pub(crate) fn close(&mut self, registry: &Registry, key: Key) {
        let token = self.tokens.remove(&key);
        if let Some(mut one) = token.and_then(|token| self.all.remove(&token)) {
            // It is closed right after that.
            let _ = registry.deregister(one.wire.source());
        }
    }

    /// Notes which have something.
    pub(crate) fn note(&mut self, events: &Events) {
        for event in events {
            if let Some(found) = self.all.get_mut(&event.token()) {
                found.is_ready = true;
            }
        }
    }

    /// What the kernel keeps for the one with the least that takes datagrams.
    pub(crate) fn kept(&self) -> Option<usize> {
        let kept = self.all.values().filter_map(|one| match &one.wire {
            Wire::Datagrams(socket) => Some(socket.kept),
            Wire::Stream(_) => None,
        });
        kept.min()
    }

    /// Gives what has come to `take`, with when it came. Returns whether there is more.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        space: &mut Space,
        happened: &mut Vec<(Key, Happened)>,
        mut take: impl FnMut(Key, Instant, &[u8]),
    ) -> bool {
        let mut is_behind = false;
        for one in self.all.values_mut().filter(|one| one.is_ready) {
            let key = one.key;
            one.is_ready = false;
            match one.wire.look() {
                Ok(Readiness::Opening) => continue,
                Ok(Readiness::Opened) => happened.push((key, Happened::Opened)),
                Ok(Readiness::Open) => {}
                Err(_) => {
                    happened.push((key, Happened::Failed));
                    continue;
                }
            }
            let mut reads = 0;
            loop {
                let received = one
                    .wire
                    .receive(now, space, |came, bytes| take(key, came, bytes));
                match received {
                    Ok(Left::More) => reads += 1,
                    Ok(Left::Nothing) => break,
                    Ok(Left::Unknown) => {
                        one.is_ready = true;
                        break;
                    }
                    Err(_) => {
                        happened.push((key, Happened::Failed));
                        break;
                    }
                }
                if reads >= MAX_READS {
                    one.is_ready = true;
                    is_behind = true;
                    break;
                }
            }
        }
        is_behind
    }

    /// False if the server cannot be reached.
    pub(crate) fn send(&mut self, key: Key, message: &[u8]) -> bool {
        let token = self.tokens.get(&key);
        let found = token.and_then(|token| self.all.get_mut(token));
        found.is_none_or(|one| one.wire.send(message).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, UdpSocket};
    use std::time::Duration;

    use mio::Poll;

    use super::*;

    const KEY: Key = (Id(7), 1);

    struct Scene {
        poll: Poll,
        wires: Wires,
        happened: Vec<(Key, Happened)>,
        received: Vec<u8>,
    }

    impl Scene {
        fn open(transport: Transport, to: SocketAddr) -> Self {
            let poll = Poll::new().unwrap();
            let mut wires = Wires::default();
            let opened = wires.open(poll.registry(), KEY, (transport, to)).unwrap();
            Self {
                poll,
                wires,
                happened: opened.into_iter().map(|what| (KEY, what)).collect(),
                received: Vec::new(),
            }
        }

        fn wait(&mut self, until: impl Fn(&Self) -> bool) {
            let mut space = Space::default();
            while !until(self) {
                let mut events = Events::with_capacity(4);
                let longest = Some(Duration::from_secs(20));
                self.poll.poll(&mut events, longest).unwrap();
                assert!(!events.is_empty(), "nothing happens");
                self.wires.note(&events);
                let (wires, received) = (&mut self.wires, &mut self.received);
                let take = |key, _, bytes: &[u8]| {
                    assert_eq!(key, KEY);
                    received.extend_from_slice(bytes);
                };
                wires.receive(Instant::now(), &mut space, &mut self.happened, take);
            }
        }
    }

    #[test]
    fn datagrams_go_both_ways() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut scene = Scene::open(Transport::Udp, server.local_addr().unwrap());
        assert_eq!(scene.happened, [(KEY, Happened::Opened)]);
        assert!(scene.wires.send(KEY, b"ask"));
        let mut request = [0; 10];
        let (length, from) = server.recv_from(&mut request).unwrap();
        assert_eq!(&request[..length], b"ask");
        server.send_to(b"answer", from).unwrap();
        scene.wait(|scene| scene.received == b"answer");
    }

    #[test]
    fn a_stream_opens_goes_both_ways_and_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut scene = Scene::open(Transport::Tcp, listener.local_addr().unwrap());
        assert!(scene.happened.is_empty());
        let (mut server, _) = listener.accept().unwrap();
        scene.wait(|scene| scene.happened == [(KEY, Happened::Opened)]);
        assert!(scene.wires.send(KEY, b"ask"));
        let mut request = [0; 3];
        server.read_exact(&mut request).unwrap();
        server.write_all(b"answer").unwrap();
        scene.wait(|scene| scene.received == b"answer");
        drop(server);
        scene.wait(|scene| scene.happened.ends_with(&[(KEY, Happened::Failed)]));
    }

    #[test]
    fn where_no_server_listens_it_fails() {
        for transport in [Transport::Udp, Transport::Tcp] {
            let unused = match transport {
                Transport::Udp => UdpSocket::bind("127.0.0.1:0").unwrap().local_addr(),
                Transport::Tcp => TcpListener::bind("127.0.0.1:0").unwrap().local_addr(),
            };
            let mut scene = Scene::open(transport, unused.unwrap());
            scene.wires.send(KEY, b"ask");
            scene.wait(|scene| scene.happened.ends_with(&[(KEY, Happened::Failed)]));
        }
    }
}
