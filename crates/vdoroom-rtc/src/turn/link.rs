// SPDX-License-Identifier: MPL-2.0
//! What is said to a TURN server through one socket.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use stun_types::TransportType::Udp;
use stun_types::attribute::ErrorCode;
use stun_types::message::Message;
use turn_client_proto::api::{TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet};
use turn_client_proto::prelude::TurnClientApi;
use turn_client_proto::stun::{Instant as Tick, agent::Transmit};
use turn_client_proto::types::{AddressFamily, TurnCredentials};
use turn_client_proto::udp::TurnClientUdp;

use super::frames::{Frames, Rubbish, padded};
use super::step::Relayed;
use crate::settings::{Transport, TurnServer};

/// After which a request is sent again, and then after twice that.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// A request without an answer has failed after 11.5 s in all.
const ATTEMPTS: u32 = 4;
const LAST_WAIT: Duration = Duration::from_secs(8);

/// Over TCP nothing is sent again.
const ANSWER: Duration = Duration::from_secs(10);

/// Addresses of a publisher that the server is asked to let through.
const MAX_WAYS: usize = 128;

/// A permission that is refused, or was lost, is asked for again after this time.
const PERMISSION_AGAIN: Duration = Duration::from_secs(5);

/// Longer than a channel waits for its answer, since turn-client-proto would ask for another.
const CHANNEL_AGAIN: Duration = Duration::from_secs(60);

/// The client says when it wants to be called, which is not believed to be without end.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// Turns that the client may take at once. It needs two.
const MAX_TURNS: usize = 100;

/// The client counts from zero, and subtracts.
const ZERO: Duration = Duration::from_secs(24 * 60 * 60);

/// Messages of STUN begin with less.
const FIRST_OTHER: u8 = 4;

/// What has become of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub gained: Vec<SocketAddr>,
    /// Nothing comes of it any more.
    pub is_over: bool,
}

pub(super) struct Link {
    client: TurnClientUdp,
    /// There is one in a stream.
    frames: Option<Frames>,
    remote: SocketAddr,
    begun: Instant,
    deadline: Instant,
    /// The server has said that it wants a password.
    is_challenged: bool,
    relayed: Vec<SocketAddr>,
    ways: HashMap<SocketAddr, Way>,
}

/// How the server treats an address of the publisher.
struct Way {
    /// The newest that is to be sent once it is let through.
    held: Option<Vec<u8>>,
    permission_at: Instant,
    channel_at: Instant,
}

impl Link {
    /// Asks for an address when it is first driven.
    pub(super) fn new(now: Instant, server: &TurnServer, remote: SocketAddr) -> Self {
        let credentials = TurnCredentials::new(&server.user, &server.password);
        let mut config = TurnConfig::new(credentials);
        if remote.is_ipv6() {
            config.add_address_family(AddressFamily::IPV6);
        }
        let frames = match server.transport {
            Transport::Udp => {
                config.set_request_retransmits(FIRST_WAIT, LAST_WAIT, ATTEMPTS, LAST_WAIT);
                None
            }
            Transport::Tcp => {
                config.set_request_retransmits(ANSWER, ANSWER, 1, ANSWER);
                Some(Frames::default())
            }
        };
        Self {
            // In a stream, too: the frames are taken off before.
            client: TurnClientUdp::allocate(own(remote), remote, config),
            frames,
            remote,
            begun: now,
            deadline: now,
            is_challenged: false,
            relayed: Vec::new(),
            ways: HashMap::new(),
        }
    }

    /// The server.
    pub(super) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Where it receives for us.
    pub(super) fn relayed(&self) -> &[SocketAddr] {
        &self.relayed
    }

    /// The server may have an address for us, whether we have heard of it or not.
    pub(super) fn may_have_gained(&self) -> bool {
        self.is_challenged
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    fn tick(&self, now: Instant) -> Tick {
        let since = now.saturating_duration_since(self.begun) + ZERO;
        Tick::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    fn instant(&self, tick: Tick) -> Instant {
        let nanos = u64::try_from(tick.as_nanos()).unwrap_or_default();
        self.begun + Duration::from_nanos(nanos).saturating_sub(ZERO)
    }

    /// The server has sent something. What it has received for us goes to `take`.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        bytes: &[u8],
        out: &mut Vec<Vec<u8>>,
        mut take: impl FnMut(Relayed<'_>),
    ) -> Result<News, Rubbish> {
        let mut is_answer = false;
        match self.frames.take() {
            None => is_answer = self.message(now, bytes, &mut take),
            Some(mut frames) => {
                let fed = frames.feed(bytes, |message| {
                    is_answer |= self.message(now, message, &mut take);
                });
                self.frames = Some(frames);
                fed?;
            }
        }
        match is_answer {
            true => Ok(self.drive(now, out)),
            false => Ok(News::default()),
        }
    }

    /// True if it is about the link itself.
    fn message(&mut self, now: Instant, bytes: &[u8], take: &mut impl FnMut(Relayed<'_>)) -> bool {
        if self.relayed.is_empty() && self.is_refused(bytes) {
            self.client.protocol_error();
            return true;
        }
        let transmit = Transmit::new(bytes, Udp, self.remote, own(self.remote));
        match self.client.recv(transmit, self.tick(now)) {
            TurnRecvRet::PeerData(data) => {
                if let Some(ours) = self.of_kind(data.peer) {
                    take(Relayed {
                        path: (ours, data.peer),
                        bytes: data.data(),
                    });
                }
                false
            }
            TurnRecvRet::Handled => true,
            TurnRecvRet::Ignored(_) | TurnRecvRet::PeerIcmp { .. } => false,
        }
    }

    /// Whether the server does not accept the password. The client would wait on.
    fn is_refused(&mut self, bytes: &[u8]) -> bool {
        let error = Message::from_bytes(bytes)
            .ok()
            .and_then(|message| message.attribute::<ErrorCode>().ok());
        let is_challenge = error.is_some_and(|error| error.code() == ErrorCode::UNAUTHORIZED);
        is_challenge && std::mem::replace(&mut self.is_challenged, true)
    }

    fn of_kind(&self, peer: SocketAddr) -> Option<SocketAddr> {
        let mut all = self.relayed.iter();
        all.find(|ours| ours.is_ipv4() == peer.is_ipv4()).copied()
    }

    /// Lets the server send something for us. It does so only where it was asked to let the
    /// answers through.
    pub(super) fn send(
        &mut self,
        now: Instant,
        to: SocketAddr,
        datagram: Vec<u8>,
        out: &mut Vec<Vec<u8>>,
    ) -> News {
        let tick = self.tick(now);
        let is_known = self.ways.contains_key(&to);
        if self.of_kind(to).is_none() || (!is_known && self.ways.len() >= MAX_WAYS) {
            return News::default();
        }
        let way = self.ways.entry(to).or_insert(Way {
            held: None,
            permission_at: now,
            channel_at: now,
        });
        // What is refused here was asked for already.
        if !self.client.have_permission(Udp, to.ip()) {
            way.held = Some(datagram);
            if now < way.permission_at {
                return News::default();
            }
            way.permission_at = now + PERMISSION_AGAIN;
            let _ = self.client.create_permission(Udp, to.ip(), tick);
            return self.drive(now, out);
        }
        // It is in use, and a channel costs 4 bytes for each datagram instead of 36.
        let is_in_use = datagram.first().is_some_and(|first| *first >= FIRST_OTHER);
        let is_asked = is_in_use && now >= way.channel_at;
        if is_asked {
            way.channel_at = now + CHANNEL_AGAIN;
            let _ = self.client.bind_channel(Udp, to, tick);
        }
        self.pass(tick, to, datagram, out);
        match is_asked {
            true => self.drive(now, out),
            false => News::default(),
        }
    }

    fn pass(&mut self, tick: Tick, to: SocketAddr, datagram: Vec<u8>, out: &mut Vec<Vec<u8>>) {
        // One whose permission has just ended is lost.
        if let Ok(Some(transmit)) = self.client.send_to(Udp, to, datagram, tick) {
            out.push(self.framed(transmit.build().data));
        }
    }

    fn framed(&self, message: Vec<u8>) -> Vec<u8> {
        match self.frames {
            Some(_) => padded(message),
            None => message,
        }
    }

    /// Lets the client do what is due.
    pub(super) fn drive(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) -> News {
        let tick = self.tick(now);
        let mut news = News::default();
        let mut last = None;
        for _ in 0..MAX_TURNS {
            let polled = match self.client.poll(tick) {
                TurnPollRet::WaitUntil(at) => at,
                _ => {
                    news.is_over = true;
                    break;
                }
            };
            let mut is_quiet = true;
            if let Some(event) = self.client.poll_event() {
                is_quiet = false;
                self.heard(tick, event, &mut news, out);
            }
            if let Some(transmit) = self.client.poll_transmit(tick) {
                is_quiet = false;
                out.push(self.framed(transmit.data.to_vec()));
            }
            // It tells of one request at a time that has had no answer.
            if is_quiet && last == Some(polled) {
                break;
            }
            last = is_quiet.then_some(polled);
        }
        let wanted = last.map_or(now, |at| self.instant(at));
        self.deadline = wanted.max(now + SHORTEST_WAIT);
        news
    }

    fn heard(&mut self, tick: Tick, event: TurnEvent, news: &mut News, out: &mut Vec<Vec<u8>>) {
        match event {
            TurnEvent::AllocationCreated(_, address) => {
                self.relayed.push(address);
                news.gained.push(address);
            }
            TurnEvent::PermissionCreated(_, ip) => {
                let ways = self.ways.iter_mut().filter(|(to, _)| to.ip() == ip);
                let held = ways.filter_map(|(to, way)| Some((*to, way.held.take()?)));
                for (to, datagram) in held.collect::<Vec<_>>() {
                    self.pass(tick, to, datagram, out);
                }
            }
            // Of an allocation that has failed the client says so when it is polled. The rest is
            // asked for again, if something is to be sent there.
            _ => {}
        }
    }

    /// Gives the addresses back. It is over when the server has heard of that.
    pub(super) fn give_back(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) -> News {
        self.ways.clear();
        match self.client.delete(self.tick(now)) {
            Ok(()) => self.drive(now, out),
            Err(_) => News {
                gained: Vec::new(),
                is_over: true,
            },
        }
    }
}

/// In the place of our own address, which is not known here, and does not matter.
fn own(remote: SocketAddr) -> SocketAddr {
    let ip = match remote {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(ip, 0)
}
