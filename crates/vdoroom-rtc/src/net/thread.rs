// SPDX-License-Identifier: MPL-2.0
//! The I/O thread: receives, tells the connections, sends, and sleeps.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Waker};

use super::batch::{capacity, interval};
use super::command::{Command, What};
use super::connections::Connections;
use super::demux::Id;
use super::lag::Lag;
use super::names::Names;
use super::socket::{Left, Space};
use super::sockets::Sockets;
use super::wires::{Happened, Key, Wires};
use crate::event::{Closed, Consumer, Event};
use crate::peer::{Action, Datagram};
use crate::settings::Settings;
use crate::turn::Step;

/// Of one socket in one go, lest the others starve.
const MAX_BATCHES: usize = 32;

/// What begins with less is no media.
const MEDIA: u8 = 128;

pub(crate) struct Thread {
    poll: Poll,
    commands: Receiver<Command>,
    sockets: Sockets,
    wires: Wires,
    names: Names,
    connections: Connections,
    space: Space,
    received_at: Instant,
    lag: Arc<Lag>,
    /// Packets of media in this turn.
    media: u32,
    /// A socket has more.
    is_behind: bool,
}

/// All who could give commands are gone.
struct Ended;

impl Thread {
    /// The waker is that of `poll`.
    pub(crate) fn new(
        poll: Poll,
        waker: Arc<Waker>,
        commands: Receiver<Command>,
        lag: Arc<Lag>,
    ) -> Self {
        Self {
            poll,
            commands,
            sockets: Sockets::default(),
            wires: Wires::default(),
            names: Names::new(waker),
            connections: Connections::default(),
            space: Space::default(),
            received_at: Instant::now(),
            lag,
            media: 0,
            is_behind: false,
        }
    }

    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(64);
        while self.turn(&mut events).is_ok() {}
        self.connections.close_all(Instant::now());
        self.send();
        // The next connection may want their ports.
        let registry = self.poll.registry();
        self.sockets.close_unused(registry, std::iter::empty());
        // Servers that do not hear of it are not waited for long.
        while self.connections.are_leaving() {
            let left = self.left();
            self.look(&mut events, left);
            self.receive();
            self.connections.tick(Instant::now());
            self.send();
        }
    }

    fn turn(&mut self, events: &mut Events) -> Result<(), Ended> {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.command(command),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Err(Ended),
            }
        }
        for (id, name, addresses) in self.names.answers() {
            let now = Instant::now();
            self.connections.named(now, id, &name, &addresses);
        }
        let before = self.received_at;
        self.receive();
        self.connections.tick(Instant::now());
        self.send();
        if std::mem::take(&mut self.connections.have_ended) {
            let used = self.connections.ports();
            self.sockets.close_unused(self.poll.registry(), used);
        }
        if self.is_behind {
            let left = self.left();
            self.look(events, left);
            return Ok(());
        }
        let within = self.received_at.saturating_duration_since(before);
        let kept = [self.sockets.kept(), self.wires.kept()].into_iter();
        match interval(
            self.media,
            within,
            self.connections.are_connecting(self.received_at),
            capacity(kept.flatten().min()),
        ) {
            Some(interval) => {
                self.sleep_until(self.received_at + interval)?;
                self.look(events, Some(Duration::ZERO));
            }
            None => {
                let left = self.left();
                self.look(events, left);
            }
        }
        Ok(())
    }

    /// Until there is something to do.
    fn left(&self) -> Option<Duration> {
        if self.is_behind {
            return Some(Duration::ZERO);
        }
        let deadline = self.connections.deadline();
        deadline.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Waits for a datagram or a command, no longer than this.
    fn look(&mut self, events: &mut Events, longest: Option<Duration>) {
        // An interrupted call is one turn more.
        if self.poll.poll(events, longest).is_ok() {
            self.sockets.note(events);
            self.wires.note(events);
        }
    }

    fn receive(&mut self) {
        let now = Instant::now();
        self.received_at = now;
        self.media = 0;
        self.is_behind = false;
        for one in self.sockets.all.iter_mut().filter(|one| one.is_ready) {
            one.is_ready = false;
            let socket = &one.socket;
            let mut batches = 0;
            loop {
                let left = socket.receive(now, &mut self.space, |came, source, bytes| {
                    self.media += u32::from(bytes.first().is_some_and(|first| *first >= MEDIA));
                    self.lag.waited(now, came);
                    let path = (socket.address, source);
                    let datagram = Datagram { came, path, bytes };
                    self.connections.datagram(now, &datagram);
                });
                batches += 1;
                let is_behind = left == Left::More && batches >= MAX_BATCHES;
                self.is_behind |= is_behind;
                one.is_ready = is_behind || left == Left::Unknown;
                if left != Left::More || is_behind {
                    break;
                }
            }
        }
        let mut happened = Vec::new();
        let (connections, media, lag) = (&mut self.connections, &mut self.media, &self.lag);
        let take = |key, came, bytes: &[u8]| {
            lag.waited(now, came);
            *media += u32::from(connections.receive((now, came), key, bytes));
        };
        self.is_behind |= self
            .wires
            .receive(now, &mut self.space, &mut happened, take);
        if !self.is_behind {
            self.lag.emptied(now);
        }
        for (key, what) in happened {
            self.happened(now, key, &what);
        }
    }

    fn happened(&mut self, now: Instant, (id, server): Key, what: &Happened) {
        match what {
            Happened::Opened => self.connections.opened(now, id, server),
            Happened::Failed => self.connections.failed(now, id, server),
        }
    }

    fn send(&mut self) {
        loop {
            for out in self.connections.outgoing.drain(..) {
                self.sockets.send(out.from, out.to, &out.datagram);
            }
            for (id, name) in self.connections.names.drain(..) {
                self.names.ask(id, name);
            }
            // A socket that fails leads to the next. Each server has a few addresses, so this ends.
            let steps = std::mem::take(&mut self.connections.steps);
            if steps.is_empty() {
                break;
            }
            for (id, step) in steps {
                self.step(id, step);
            }
        }
        self.connections.set_timers();
    }

    fn step(&mut self, id: Id, step: Step) {
        let registry = self.poll.registry();
        let (server, happened) = match step {
            Step::Open {
                server,
                transport,
                to,
            } => {
                let opened = self.wires.open(registry, (id, server), (transport, to));
                (server, opened.unwrap_or(Some(Happened::Failed)))
            }
            Step::Send { server, bytes } => {
                let is_sent = self.wires.send((id, server), &bytes);
                (server, (!is_sent).then_some(Happened::Failed))
            }
            Step::Close { server } => {
                self.wires.close(registry, (id, server));
                return;
            }
            // The connection has been told.
            Step::Gained(..) | Step::Lost(_) => return,
        };
        if let Some(what) = happened {
            self.happened(Instant::now(), (id, server), &what);
        }
    }

    /// Commands are carried out meanwhile; datagrams wait.
    fn sleep_until(&mut self, end: Instant) -> Result<(), Ended> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.commands.recv_timeout(left) {
                Ok(command) => {
                    self.command(command);
                    self.send();
                }
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => return Err(Ended),
            }
        }
    }

    fn open(&mut self, now: Instant, id: Id, settings: Settings, mut consumer: Box<dyn Consumer>) {
        let local = match settings.relay_only {
            true => Ok(Vec::new()),
            false => {
                let registry = self.poll.registry();
                self.sockets.open(registry, settings.ports.as_ref())
            }
        };
        match local {
            Ok(local) => self.connections.open(now, id, settings, &local, consumer),
            Err(error) => {
                let why = no_socket(&error);
                consumer.event(Event::Closed(Closed::Failed(why)));
            }
        }
    }

    fn command(&mut self, Command { id, what }: Command) {
        let now = Instant::now();
        let connections = &mut self.connections;
        match what {
            What::Open { settings, consumer } => self.open(now, id, settings, consumer),
            What::Offer(text) => connections.offer(now, id, &text),
            What::Candidate(text) => {
                connections.act(now, id, |peer, out| peer.candidate(now, &text, out));
            }
            What::Send(channel, text) => {
                connections.act(now, id, |peer, out| peer.send(now, channel, &text, out));
            }
            What::RequestKeyframe(ssrc) => {
                connections.act(now, id, |peer, out| peer.request_keyframe(ssrc, out));
            }
            What::SetLatency(latency) => {
                connections.act(now, id, |peer, _| peer.set_latency(latency));
            }
            What::Statistics => connections.statistics(now, id),
            What::Poke => {
                connections.act(now, id, |_, out| out.push(Action::Poked));
            }
            What::Close => {
                connections.act(now, id, |peer, out| peer.close(now, out));
            }
        }
    }
}

fn no_socket(error: &io::Error) -> String {
    format!("no UDP socket can be had: {error}")
}
