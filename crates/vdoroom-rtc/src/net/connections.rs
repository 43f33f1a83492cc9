// SPDX-License-Identifier: MPL-2.0
//! All connections, and what becomes of what they want done. No socket is called from here.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::demux::{Demux, Id};
use super::session::{Session, Wishes};
use super::timers::Timers;
use crate::crypto::random;
use crate::event::{Closed, Consumer, Event};
use crate::peer::{Action, Datagram, Peer};
use crate::rtp::{Media, Reporter};
use crate::settings::Settings;
use crate::turn::{MAX_SERVERS, Relays, Step};

struct Entry {
    session: Session,
    consumer: Box<dyn Consumer>,
    /// None if it uses no socket of ours.
    ports: Option<Option<RangeInclusive<u16>>>,
}

/// What is to be sent.
pub(crate) struct Outgoing {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub datagram: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct Connections {
    entries: HashMap<Id, Entry>,
    /// Have ended, and tell their TURN servers so.
    leaving: HashMap<Id, Relays>,
    demux: Demux,
    timers: Timers,
    /// Whose timers may have changed.
    touched: Vec<Id>,
    actions: Vec<Action>,
    wishes: Wishes,
    pub outgoing: Vec<Outgoing>,
    /// What is to be done with the sockets to TURN servers.
    pub steps: Vec<(Id, Step)>,
    /// Whose addresses are wanted.
    pub names: Vec<(Id, String)>,
    /// Some have ended.
    pub have_ended: bool,
}

impl Connections {
    /// Makes one that is reached at these addresses.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        id: Id,
        settings: Settings,
        local: &[SocketAddr],
        mut consumer: Box<dyn Consumer>,
    ) {
        let Some(peer) = make(now, &settings, local) else {
            let why = "OpenSSL has made no certificate".into();
            return consumer.event(Event::Closed(Closed::Failed(why)));
        };
        let (actions, wishes) = (&mut self.actions, &mut self.wishes);
        let entry = Entry {
            session: Session::new(now, peer, &settings, actions, wishes),
            consumer,
            ports: (!settings.relay_only).then_some(settings.ports),
        };
        self.entries.insert(id, entry);
        self.with(now, id, |_, _| ());
    }

    pub(crate) fn datagram(&mut self, now: Instant, datagram: &Datagram<'_>) {
        let Some(id) = self.demux.find(datagram.path, datagram.bytes) else {
            return;
        };
        let is_genuine = self.act(now, id, |peer, out| peer.datagram(now, datagram, out));
        if is_genuine == Some(true) && self.entries.contains_key(&id) {
            self.demux.bind(datagram.path, id);
        }
    }

    pub(crate) fn offer(&mut self, now: Instant, id: Id, text: &str) {
        let user = self.act(now, id, |peer, out| {
            peer.offer(now, text, out);
            peer.user()
        });
        if let Some(user) = user.filter(|_| self.entries.contains_key(&id)) {
            self.demux.user(user, id);
        }
    }

    pub(crate) fn statistics(&mut self, now: Instant, id: Id) {
        self.act(now, id, |peer, out| {
            let statistics = Box::new(peer.statistics());
            out.push(Action::Event(Event::Statistics(statistics)));
        });
    }

    /// A name has these addresses, or none.
    pub(crate) fn named(&mut self, now: Instant, id: Id, host: &str, ips: &[IpAddr]) {
        self.with(now, id, |session, out| session.named(now, host, ips, out));
    }

    /// The socket to a TURN server can be used.
    pub(crate) fn opened(&mut self, now: Instant, id: Id, server: usize) {
        self.with(now, id, |session, _| session.opened(now, server));
    }

    /// It cannot be used, or not any more.
    pub(crate) fn failed(&mut self, now: Instant, id: Id, server: usize) {
        self.with_leaving(id, |relays, steps| relays.failed(now, server, steps));
        self.with(now, id, |session, _| session.failed(now, server));
    }

    /// A TURN server has sent something. Returns whether it is media.
    pub(crate) fn receive(
        &mut self,
        (now, came): (Instant, Instant),
        (id, server): (Id, usize),
        bytes: &[u8],
    ) -> bool {
        self.with_leaving(id, |relays, steps| {
            relays.receive(now, server, bytes, steps, |_| ());
        });
        let is_media = self.with(now, id, |session, out| {
            session.receive((now, came), server, bytes, out)
        });
        is_media == Some(true)
    }

    /// Calls those that want to be.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.set_timers();
        while let Some(id) = self.timers.due(now) {
            self.with_leaving(id, |relays, steps| relays.tick(now, steps));
            self.with(now, id, |session, out| session.tick(now, out));
        }
    }

    /// After something has happened to them.
    pub(crate) fn set_timers(&mut self) {
        for id in self.touched.drain(..) {
            let own = self.entries.get(&id).map(|entry| entry.session.deadline());
            let left = || self.leaving.get(&id).and_then(Relays::deadline);
            if let Some(at) = own.or_else(left) {
                self.timers.set(id, at);
            }
        }
    }

    /// Some have ended, and their TURN servers have not heard of it.
    pub(crate) fn are_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// One shakes hands just now.
    pub(crate) fn are_connecting(&self, now: Instant) -> bool {
        self.entries
            .values()
            .any(|entry| entry.session.peer.is_connecting(now))
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = Option<&RangeInclusive<u16>>> + Clone {
        let used = self.entries.values().filter_map(|one| one.ports.as_ref());
        used.map(Option::as_ref)
    }

    pub(crate) fn close_all(&mut self, now: Instant) {
        let all: Vec<Id> = self.entries.keys().copied().collect();
        for id in all {
            self.act(now, id, |peer, out| peer.close(now, out));
        }
    }

    /// Lets something happen to a connection. See [`Connections::with`].
    pub(crate) fn act<R>(
        &mut self,
        now: Instant,
        id: Id,
        act: impl FnOnce(&mut Peer, &mut Vec<Action>) -> R,
    ) -> Option<R> {
        self.with(now, id, |session, out| act(&mut session.peer, out))
    }

    /// Lets something happen to a connection, and does what it wants then. Whatever goes wrong
    /// there ends this one only: the thread is that of all.
    fn with<R>(
        &mut self,
        now: Instant,
        id: Id,
        act: impl FnOnce(&mut Session, &mut Vec<Action>) -> R,
    ) -> Option<R> {
        let entry = self.entries.get_mut(&id)?;
        if self.touched.last() != Some(&id) {
            self.touched.push(id);
        }
        let (actions, outgoing, demux) = (&mut self.actions, &mut self.outgoing, &mut self.demux);
        let (wishes, session) = (&mut self.wishes, &mut entry.session);
        let done = catch_unwind(AssertUnwindSafe(|| {
            let result = act(session, actions);
            session.settle(now, actions, wishes);
            while !actions.is_empty() {
                for action in actions.drain(..) {
                    match action {
                        Action::Packet(packet) => entry.consumer.packet(packet),
                        Action::Event(event) => entry.consumer.event(event),
                        Action::Heard(at) => entry.consumer.heard(at),
                        Action::Poked => entry.consumer.poked(),
                        Action::Send { from, to, datagram } => {
                            if let Some(datagram) = session.relay(now, (from, to), datagram) {
                                demux.sent(now, id, &datagram);
                                outgoing.push(Outgoing { from, to, datagram });
                            }
                        }
                    }
                }
                session.settle(now, actions, wishes);
            }
            result
        }));
        let result = match done {
            Ok(result) => Some(result),
            Err(_) => {
                self.actions.clear();
                let why = "a mistake in the program".into();
                let last = Event::Closed(Closed::Failed(why));
                // If it is the consumer that panics, it may do so again.
                let _ = catch_unwind(AssertUnwindSafe(|| entry.consumer.event(last)));
                None
            }
        };
        if result.is_none() || entry.session.peer.is_closed() {
            self.remove(now, id);
        }
        self.fulfil(id);
        result
    }

    /// Passes on what a session wishes.
    fn fulfil(&mut self, id: Id) {
        let wishes = &mut self.wishes;
        self.steps
            .extend(wishes.steps.drain(..).map(|step| (id, step)));
        self.names
            .extend(wishes.names.drain(..).map(|name| (id, name)));
    }

    fn remove(&mut self, now: Instant, id: Id) {
        let Some(entry) = self.entries.remove(&id) else {
            return;
        };
        self.demux.remove(id);
        self.timers.remove(id);
        self.have_ended = true;
        let (session, wishes) = (entry.session, &mut self.wishes);
        let left = catch_unwind(AssertUnwindSafe(|| session.leave(now, wishes)));
        self.stay(id, left.ok());
    }

    /// Keeps what has something left to say.
    fn stay(&mut self, id: Id, relays: Option<Relays>) {
        match relays {
            Some(relays) if !relays.are_over() => {
                self.leaving.insert(id, relays);
                self.touched.push(id);
            }
            Some(_) => {}
            None => {
                let all = (0..MAX_SERVERS).map(|server| (id, Step::Close { server }));
                self.steps.extend(all);
            }
        }
    }

    fn with_leaving(&mut self, id: Id, act: impl FnOnce(&mut Relays, &mut Vec<Step>)) {
        let Some(mut relays) = self.leaving.remove(&id) else {
            return;
        };
        let steps = &mut self.wishes.steps;
        let done = catch_unwind(AssertUnwindSafe(|| {
            act(&mut relays, steps);
            relays
        }));
        self.stay(id, done.ok());
        self.fulfil(id);
    }
}

fn make(now: Instant, settings: &Settings, local: &[SocketAddr]) -> Option<Peer> {
    let reporter = Reporter {
        ssrc: random()? as u32,
        name: format!("{:016x}", random()?),
    };
    let media = Media::new(now, settings, reporter);
    Peer::new(now, settings, local, random()?, media)
}
