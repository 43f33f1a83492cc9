// SPDX-License-Identifier: MPL-2.0
//! One TURN server: its addresses are tried one after the other until one of them gives us an
//! address of ours.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::link::{Link, News};
use super::step::{Relayed, Step};
use crate::settings::{Transport, TurnServer};

/// Of one server that are tried.
const MAX_ADDRESSES: usize = 4;

/// Within which an address answers and gives us one.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it is waited for a server to hear that we go.
const FAREWELL: Duration = Duration::from_secs(2);

/// What fits into the attribute (RFC 8489 section 14.3).
const LONGEST_USER: usize = 508;

enum State {
    /// Its name has no address yet.
    Named,
    Opening {
        to: SocketAddr,
        until: Instant,
    },
    Asking {
        link: Box<Link>,
        until: Instant,
    },
    Relaying {
        link: Box<Link>,
    },
    /// It hears that we go, as soon as it has given us an address if it has not.
    Leaving {
        link: Box<Link>,
        until: Instant,
    },
    Over,
}

pub(super) struct Relay {
    number: usize,
    server: TurnServer,
    untried: VecDeque<SocketAddr>,
    state: State,
    /// What goes to the server.
    out: Vec<Vec<u8>>,
}

impl Relay {
    pub(super) fn new(number: usize, server: TurnServer) -> Self {
        let state = match server.user.len() {
            ..=LONGEST_USER => State::Named,
            _ => State::Over,
        };
        Self {
            number,
            server,
            untried: VecDeque::new(),
            state,
            out: Vec::new(),
        }
    }

    /// It may still give us an address.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(
            self.state,
            State::Named | State::Opening { .. } | State::Asking { .. }
        )
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Its name has these addresses.
    pub(super) fn named(&mut self, now: Instant, host: &str, ips: &[IpAddr], out: &mut Vec<Step>) {
        if self.server.host == host && matches!(self.state, State::Named) {
            let port = self.server.port;
            let addresses = ips.iter().map(|ip| SocketAddr::new(*ip, port));
            self.untried.extend(addresses.take(MAX_ADDRESSES));
            self.try_next(now, out);
        }
    }

    fn try_next(&mut self, now: Instant, out: &mut Vec<Step>) {
        let server = self.number;
        self.state = match self.untried.pop_front() {
            Some(to) => {
                let transport = self.server.transport;
                out.push(Step::Open {
                    server,
                    transport,
                    to,
                });
                let until = now + PATIENCE;
                State::Opening { to, until }
            }
            None => {
                out.push(Step::Close { server });
                State::Over
            }
        };
    }

    /// Its socket can be used.
    pub(super) fn opened(&mut self, now: Instant, out: &mut Vec<Step>) {
        if let State::Opening { to, until } = self.state {
            let mut link = Box::new(Link::new(now, &self.server, to));
            let news = link.drive(now, &mut self.out);
            self.state = State::Asking { link, until };
            self.became(now, news, out);
        }
    }

    /// Its socket cannot be used.
    pub(super) fn failed(&mut self, now: Instant, out: &mut Vec<Step>) {
        match self.state {
            // Somebody may have sent that in its name, and the publisher hears from it for a while
            // yet if not.
            State::Relaying { .. } if self.server.transport == Transport::Udp => {}
            State::Over => {}
            _ => self.over(now, out),
        }
    }

    /// This address of the server is of no use, or not any more.
    fn over(&mut self, now: Instant, out: &mut Vec<Step>) {
        match &self.state {
            State::Opening { .. } | State::Asking { .. } => return self.try_next(now, out),
            State::Relaying { link } => {
                out.extend(link.relayed().iter().copied().map(Step::Lost));
            }
            State::Named | State::Leaving { .. } | State::Over => {}
        }
        let server = self.number;
        out.push(Step::Close { server });
        self.state = State::Over;
    }

    fn link(&mut self) -> Option<&mut Link> {
        match &mut self.state {
            State::Asking { link, .. } | State::Relaying { link } | State::Leaving { link, .. } => {
                Some(link)
            }
            State::Named | State::Opening { .. } | State::Over => None,
        }
    }

    pub(super) fn receive(
        &mut self,
        now: Instant,
        bytes: &[u8],
        out: &mut Vec<Step>,
        take: impl FnMut(Relayed<'_>),
    ) {
        let mut sent = std::mem::take(&mut self.out);
        let received = self
            .link()
            .map(|link| link.receive(now, bytes, &mut sent, take));
        self.out = sent;
        match received {
            Some(Ok(news)) => self.became(now, news, out),
            Some(Err(_)) => self.over(now, out),
            None => {}
        }
    }

    /// Whether this address is one that the server has given us.
    pub(super) fn has(&self, address: SocketAddr) -> bool {
        match &self.state {
            State::Relaying { link } => link.relayed().contains(&address),
            _ => false,
        }
    }

    pub(super) fn send(
        &mut self,
        now: Instant,
        to: SocketAddr,
        datagram: Vec<u8>,
        out: &mut Vec<Step>,
    ) {
        if let State::Relaying { link } = &mut self.state {
            let news = link.send(now, to, datagram, &mut self.out);
            self.became(now, news, out);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Opening { until, .. } => Some(*until),
            State::Asking { link, until } | State::Leaving { link, until } => {
                Some(link.deadline().min(*until))
            }
            State::Relaying { link } => Some(link.deadline()),
            State::Named | State::Over => None,
        }
    }

    pub(super) fn tick(&mut self, now: Instant, out: &mut Vec<Step>) {
        match &self.state {
            State::Opening { until, .. }
            | State::Asking { until, .. }
            | State::Leaving { until, .. }
                if now >= *until =>
            {
                return self.over(now, out);
            }
            _ => {}
        }
        let mut sent = std::mem::take(&mut self.out);
        let due = self.link().filter(|link| now >= link.deadline());
        let news = due.map(|link| link.drive(now, &mut sent));
        self.out = sent;
        if let Some(news) = news {
            self.became(now, news, out);
        }
    }

    /// What is left to say goes out, and then what it has come to.
    fn became(&mut self, now: Instant, news: News, out: &mut Vec<Step>) {
        let server = self.number;
        let sent = self.out.drain(..);
        out.extend(sent.map(|bytes| Step::Send { server, bytes }));
        match std::mem::replace(&mut self.state, State::Over) {
            State::Asking { link, .. } if !news.gained.is_empty() => {
                let gained = link.relayed().iter();
                out.extend(gained.map(|ours| Step::Gained(*ours, link.remote())));
                self.state = State::Relaying { link };
            }
            // It has come too late, and is given back at once.
            State::Leaving { link, until } if !news.gained.is_empty() => {
                return self.give_back(now, link, until, out);
            }
            other => self.state = other,
        }
        if news.is_over {
            self.over(now, out);
        }
    }

    /// The connection has ended.
    pub(super) fn leave(&mut self, now: Instant, out: &mut Vec<Step>) {
        let until = now + FAREWELL;
        match std::mem::replace(&mut self.state, State::Over) {
            State::Relaying { link } => self.give_back(now, link, until, out),
            State::Asking { link, .. } if link.may_have_gained() => {
                self.state = State::Leaving { link, until };
            }
            State::Opening { .. } | State::Asking { .. } => out.push(Step::Close {
                server: self.number,
            }),
            other @ State::Leaving { .. } => self.state = other,
            State::Named | State::Over => {}
        }
    }

    fn give_back(
        &mut self,
        now: Instant,
        mut link: Box<Link>,
        until: Instant,
        out: &mut Vec<Step>,
    ) {
        let news = link.give_back(now, &mut self.out);
        self.state = State::Leaving { link, until };
        self.became(now, news, out);
    }
}
