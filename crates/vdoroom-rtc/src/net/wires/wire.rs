// SPDX-License-Identifier: MPL-2.0
//! A socket to a TURN server, which tells connections apart by their sockets: they cannot share
//! one.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::event::Source;
use mio::net::TcpStream;

use crate::net::socket::{Left, Socket, Space};
use crate::settings::Transport;

/// What a server has not taken yet. It is as full as this when the way there is jammed.
const MAX_WAITING: usize = 64 << 10;

/// Read at once.
const READ: usize = 16 << 10;

pub(crate) enum Wire {
    Datagrams(Box<Socket>),
    Stream(Stream),
}

pub(crate) struct Stream {
    io: TcpStream,
    is_open: bool,
    /// Begins with the rest of a message.
    waiting: Vec<u8>,
}

/// How far the socket is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Opening,
    /// Since just now.
    Opened,
    Open,
}

impl Wire {
    pub(crate) fn open(transport: Transport, to: SocketAddr) -> io::Result<Self> {
        Ok(match transport {
            Transport::Udp => Self::Datagrams(Box::new(Socket::connect(to)?)),
            Transport::Tcp => Self::Stream(Stream {
                io: TcpStream::connect(to)?,
                is_open: false,
                waiting: Vec::new(),
            }),
        })
    }

    pub(crate) fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Datagrams(socket) => &mut socket.io,
            Self::Stream(stream) => &mut stream.io,
        }
    }

    /// After the system has said that something has happened.
    pub(crate) fn look(&mut self) -> io::Result<Readiness> {
        match self {
            Self::Datagrams(socket) => match socket.io.take_error()? {
                Some(error) => Err(error),
                None => Ok(Readiness::Open),
            },
            Self::Stream(stream) => stream.look(),
        }
    }

    /// Gives some of what has come to `take`.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        space: &mut Space,
        mut take: impl FnMut(Instant, &[u8]),
    ) -> io::Result<Left> {
        match self {
            Self::Datagrams(socket) => {
                Ok(socket.receive(now, space, |came, _, bytes| take(came, bytes)))
            }
            Self::Stream(stream) => {
                let place = space.of(READ);
                match stream.io.read(place) {
                    Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
                    Ok(length) => {
                        take(now, place.get(..length).unwrap_or_default());
                        Ok(Left::More)
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Left::Nothing),
                    Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Left::More),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// What cannot be sent now is lost, as anything may be on its way.
    pub(crate) fn send(&mut self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Datagrams(socket) => match socket.io.send(message) {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => Err(error),
                _ => Ok(()),
            },
            Self::Stream(stream) => stream.send(message),
        }
    }
}

impl Stream {
    fn look(&mut self) -> io::Result<Readiness> {
        if let Some(error) = self.io.take_error()? {
            return Err(error);
        }
        if self.is_open {
            self.flush()?;
            return Ok(Readiness::Open);
        }
        match self.io.peer_addr() {
            Ok(_) => {
                self.is_open = true;
                // Media is late enough. It works without, too.
                let _ = self.io.set_nodelay(true);
                Ok(Readiness::Opened)
            }
            Err(_) => Ok(Readiness::Opening),
        }
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        // A message goes whole or not at all.
        if self.is_open && self.waiting.len() + message.len() <= MAX_WAITING {
            self.waiting.extend_from_slice(message);
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            match self.io.write(&self.waiting) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => drop(self.waiting.drain(..length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use mio::{Events, Interest, Poll, Token};

    use super::*;

    #[test]
    fn what_a_server_does_not_take_is_lost_in_whole_messages() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Wire::open(Transport::Tcp, listener.local_addr().unwrap());
        let Wire::Stream(mut stream) = wire.unwrap() else {
            panic!("no stream");
        };
        let (mut server, _) = listener.accept().unwrap();
        let mut poll = Poll::new().unwrap();
        let registry = poll.registry();
        let interest = Interest::WRITABLE;
        registry
            .register(&mut stream.io, Token(0), interest)
            .unwrap();
        let mut events = Events::with_capacity(4);
        let longest = Some(Duration::from_secs(20));
        poll.poll(&mut events, longest).unwrap();
        assert_eq!(stream.look().unwrap(), Readiness::Opened);
        let message: Vec<u8> = (0..250).cycle().take(1000).collect();
        let count = 100_000;
        for _ in 0..count {
            stream.send(&message).unwrap();
        }
        assert!(stream.waiting.len() <= MAX_WAITING);
        let mut taken = Vec::new();
        let mut place = vec![0; 1 << 20];
        while !stream.waiting.is_empty() {
            let length = server.read(&mut place).unwrap();
            taken.extend_from_slice(&place[..length]);
            stream.flush().unwrap();
        }
        drop(stream);
        server.read_to_end(&mut taken).unwrap();
        assert!(taken.len() < count * message.len());
        assert_eq!(taken.len() % message.len(), 0);
        assert!(taken.chunks(1000).all(|chunk| chunk == message));
    }
}
