// SPDX-License-Identifier: MPL-2.0
//! All connections, and what becomes of what they want done. No socket is called from here.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::demux::{Demux, Id};
use super::timers::Timers;
use crate::crypto::random;
use crate::event::{Closed, Consumer, Event};
use crate::peer::{Action, Datagram, Peer};
use crate::rtp::{Media, Reporter};
use crate::settings::Settings;

struct Entry {
    peer: Peer,
    consumer: Box<dyn Consumer>,
    ports: Option<RangeInclusive<u16>>,
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
    demux: Demux,
    timers: Timers,
    /// Whose timers may have changed.
    touched: Vec<Id>,
    actions: Vec<Action>,
    pub outgoing: Vec<Outgoing>,
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
        let ports = settings.ports;
        let entry = Entry {
            peer,
            consumer,
            ports,
        };
        self.entries.insert(id, entry);
        self.act(now, id, |_, _| ());
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

    /// Calls those that want to be.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.set_timers();
        while let Some(id) = self.timers.due(now) {
            self.act(now, id, |peer, out| peer.tick(now, out));
        }
        self.set_timers();
    }

    fn set_timers(&mut self) {
        for id in self.touched.drain(..) {
            if let Some(entry) = self.entries.get(&id) {
                self.timers.set(id, entry.peer.deadline());
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// One shakes hands just now.
    pub(crate) fn are_connecting(&self, now: Instant) -> bool {
        self.entries
            .values()
            .any(|entry| entry.peer.is_connecting(now))
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = Option<&RangeInclusive<u16>>> + Clone {
        self.entries.values().map(|entry| entry.ports.as_ref())
    }

    pub(crate) fn close_all(&mut self, now: Instant) {
        let all: Vec<Id> = self.entries.keys().copied().collect();
        for id in all {
            self.act(now, id, |peer, out| peer.close(now, out));
        }
    }

    /// Lets something happen to a connection, and does what it wants then. Whatever goes wrong
    /// there ends this one only: the thread is that of all.
    pub(crate) fn act<R>(
        &mut self,
        now: Instant,
        id: Id,
        act: impl FnOnce(&mut Peer, &mut Vec<Action>) -> R,
    ) -> Option<R> {
        let entry = self.entries.get_mut(&id)?;
        if self.touched.last() != Some(&id) {
            self.touched.push(id);
        }
        let (actions, outgoing, demux) = (&mut self.actions, &mut self.outgoing, &mut self.demux);
        let done = catch_unwind(AssertUnwindSafe(|| {
            let result = act(&mut entry.peer, actions);
            for action in actions.drain(..) {
                match action {
                    Action::Packet(packet) => entry.consumer.packet(packet),
                    Action::Event(event) => entry.consumer.event(event),
                    Action::Heard(at) => entry.consumer.heard(at),
                    Action::Poked => entry.consumer.poked(),
                    Action::Send { from, to, datagram } => {
                        demux.sent(now, id, &datagram);
                        outgoing.push(Outgoing { from, to, datagram });
                    }
                }
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
        if result.is_none() || entry.peer.is_closed() {
            self.entries.remove(&id);
            self.demux.remove(id);
            self.timers.remove(id);
            self.have_ended = true;
        }
        result
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
