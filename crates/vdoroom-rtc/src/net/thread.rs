// SPDX-License-Identifier: MPL-2.0
//! The I/O thread: receives, tells the connections, sends, and rests.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use super::command::{Command, What};
use super::connections::Connections;
use super::rest::rest;
use super::socket::Space;
use super::sockets::Sockets;
use crate::event::{Closed, Event};
use crate::peer::{Action, Datagram};

/// Of one socket in one go, lest the others starve.
const MAX_BATCHES: usize = 32;

/// What begins with less is no media.
const MEDIA: u8 = 128;

pub(crate) struct Thread {
    poll: Poll,
    commands: Receiver<Command>,
    sockets: Sockets,
    connections: Connections,
    space: Space,
    received_at: Instant,
    /// Packets of media in this turn.
    media: u32,
    /// A socket has more.
    is_behind: bool,
}

/// All who could give commands are gone.
struct Ended;

impl Thread {
    pub(crate) fn new(poll: Poll, commands: Receiver<Command>) -> Self {
        Self {
            poll,
            commands,
            sockets: Sockets::default(),
            connections: Connections::default(),
            space: Space::default(),
            received_at: Instant::now(),
            media: 0,
            is_behind: false,
        }
    }

    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(64);
        while self.turn(&mut events).is_ok() {}
        self.connections.close_all(Instant::now());
        self.send();
    }

    fn turn(&mut self, events: &mut Events) -> Result<(), Ended> {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.command(command),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Err(Ended),
            }
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
            self.look(events, Some(Duration::ZERO));
            return Ok(());
        }
        let within = self.received_at.saturating_duration_since(before);
        match rest(
            self.media,
            within,
            self.connections.are_connecting(self.received_at),
        ) {
            Some(rest) => {
                self.rest_until(self.received_at + rest)?;
                self.look(events, Some(Duration::ZERO));
            }
            None => {
                let deadline = self.connections.deadline();
                let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
                self.look(events, left);
            }
        }
        Ok(())
    }

    /// Waits for a datagram or a command, no longer than this.
    fn look(&mut self, events: &mut Events, longest: Option<Duration>) {
        // An interrupted call is one turn more.
        if self.poll.poll(events, longest).is_ok() {
            self.sockets.note(events);
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
            while socket.receive(now, &mut self.space, |came, source, bytes| {
                self.media += u32::from(bytes.first().is_some_and(|first| *first >= MEDIA));
                let path = (socket.address, source);
                let datagram = Datagram { came, path, bytes };
                self.connections.datagram(now, &datagram);
            }) {
                batches += 1;
                if batches >= MAX_BATCHES {
                    one.is_ready = true;
                    self.is_behind = true;
                    break;
                }
            }
        }
    }

    fn send(&mut self) {
        for out in self.connections.outgoing.drain(..) {
            self.sockets.send(out.from, out.to, &out.datagram);
        }
    }

    /// Commands are carried out meanwhile; datagrams wait.
    fn rest_until(&mut self, end: Instant) -> Result<(), Ended> {
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

    fn command(&mut self, Command { id, what }: Command) {
        let now = Instant::now();
        let connections = &mut self.connections;
        match what {
            What::Open {
                settings,
                mut consumer,
            } => {
                let registry = self.poll.registry();
                match self.sockets.open(registry, settings.ports.as_ref()) {
                    Ok(local) => connections.open(now, id, settings, &local, consumer),
                    Err(error) => {
                        let why = no_socket(&error);
                        consumer.event(Event::Closed(Closed::Failed(why)));
                    }
                }
            }
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
