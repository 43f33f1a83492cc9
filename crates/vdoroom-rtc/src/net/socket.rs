// SPDX-License-Identifier: MPL-2.0
//! One UDP socket, received from in batches.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::UdpSocket;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};

/// The kernel may put several datagrams of one sender into one place.
const PLACE: usize = 1 << 16;

/// What the kernel is to keep while the I/O thread sleeps. It gives what its settings allow.
const WANTED: usize = 4 << 20;

/// Datagrams are not believed to have waited for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

pub(crate) struct Socket {
    pub address: SocketAddr,
    pub ports: Option<RangeInclusive<u16>>,
    pub io: UdpSocket,
    /// So many bytes of what has come are kept by the kernel.
    pub kept: usize,
    state: UdpSocketState,
}

/// Where datagrams are received. Of it, the pages are in memory that have been written to.
pub(crate) struct Space {
    bytes: Vec<u8>,
    metas: [RecvMeta; BATCH_SIZE],
}

/// What is left to be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Nothing,
    More,
    /// An error came that may stay. To be tried again, but not at once.
    Unknown,
}

impl Default for Space {
    fn default() -> Self {
        Self {
            bytes: vec![0; BATCH_SIZE * PLACE],
            metas: [RecvMeta::default(); BATCH_SIZE],
        }
    }
}

impl Space {
    /// Some of it, for what comes in a stream.
    pub(crate) fn of(&mut self, length: usize) -> &mut [u8] {
        self.bytes.get_mut(..length).unwrap_or_default()
    }
}

impl Socket {
    pub(crate) fn bind(ip: IpAddr, ports: Option<&RangeInclusive<u16>>) -> io::Result<Self> {
        let mut all = ports.cloned().unwrap_or(0..=0);
        let io = all.find_map(|port| UdpSocket::bind((ip, port).into()).ok());
        let io = io.ok_or(ErrorKind::AddrInUse)?;
        Self::new(io, ports.cloned())
    }

    /// One that receives from this address only.
    pub(crate) fn connect(to: SocketAddr) -> io::Result<Self> {
        let any: IpAddr = match to {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let io = UdpSocket::bind((any, 0).into())?;
        io.connect(to)?;
        Self::new(io, None)
    }

    fn new(io: UdpSocket, ports: Option<RangeInclusive<u16>>) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        // With a smaller one, batches follow each other sooner.
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&io), WANTED);
        Ok(Self {
            address: io.local_addr()?,
            ports,
            kept: state.recv_buffer_size(UdpSockRef::from(&io))?,
            io,
            state,
        })
    }

    /// Gives one batch to `take`, with when each datagram has come.
    pub(crate) fn receive(
        &self,
        now: Instant,
        space: &mut Space,
        mut take: impl FnMut(Instant, SocketAddr, &[u8]),
    ) -> Left {
        let mut places = space.bytes.chunks_exact_mut(PLACE).map(IoSliceMut::new);
        let mut places: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| places.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
        let received = self.io.try_io(|| {
            let socket = UdpSockRef::from(&self.io);
            self.state.recv(socket, &mut places, &mut space.metas)
        });
        let batch = match received {
            Ok(batch) => batch,
            Err(error) => return left_after(&error),
        };
        let clock = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        // What the clock was at `now`.
        let clock = clock.saturating_sub(now.elapsed());
        for (meta, place) in space.metas.iter().zip(&places).take(batch) {
            let waited = meta.timestamp.and_then(|came| clock.checked_sub(came));
            let waited = waited.unwrap_or_default().min(LONGEST_WAIT);
            let came = now.checked_sub(waited).unwrap_or(now);
            let datagrams = place.get(..meta.len).unwrap_or_default();
            for datagram in datagrams.chunks(meta.stride.max(1)) {
                take(came, meta.addr, datagram);
            }
        }
        match batch == BATCH_SIZE {
            true => Left::More,
            false => Left::Nothing,
        }
    }

    /// What cannot be sent now is lost, as anything may be on its way.
    pub(crate) fn send(&self, destination: SocketAddr, contents: &[u8]) {
        let transmit = Transmit {
            destination,
            ecn: None,
            contents,
            segment_size: None,
            src_ip: None,
        };
        let _ = self.state.try_send(UdpSockRef::from(&self.io), &transmit);
    }
}

fn left_after(error: &io::Error) -> Left {
    use ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable,
        WouldBlock,
    };
    match error.kind() {
        WouldBlock => Left::Nothing,
        // About a datagram that was sent before: others may wait behind it.
        ConnectionRefused | ConnectionReset | HostUnreachable | Interrupted
        | NetworkUnreachable => Left::More,
        _ => Left::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_an_error_that_may_stay_nothing_is_tried_at_once() {
        assert_eq!(left_after(&ErrorKind::WouldBlock.into()), Left::Nothing);
        assert_eq!(left_after(&ErrorKind::ConnectionRefused.into()), Left::More);
        assert_eq!(left_after(&ErrorKind::NetworkDown.into()), Left::Unknown);
    }

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn datagrams_are_received_with_when_they_came() {
        let from = Socket::bind(HERE, None).unwrap();
        let to = Socket::bind(HERE, None).unwrap();
        // The kernel begins to note times a moment after it was told to.
        std::thread::sleep(Duration::from_millis(200));
        let before = Instant::now();
        for n in 0..100_u8 {
            from.send(to.address, &vec![n; 10 + usize::from(n)]);
        }
        std::thread::sleep(Duration::from_millis(30));
        let mut space = Space::default();
        let (mut received, now) = (Vec::new(), Instant::now());
        let mut left = Left::More;
        while left == Left::More {
            left = to.receive(now, &mut space, |came, source, datagram| {
                assert_eq!(source, from.address);
                assert!(came >= before - Duration::from_millis(10));
                assert!(came <= now - Duration::from_millis(15), "when it was read");
                received.push(datagram.to_vec());
            });
        }
        assert_eq!(received.len(), 100);
        for (n, datagram) in received.iter().enumerate() {
            assert_eq!(*datagram, vec![n as u8; 10 + n]);
        }
    }

    #[test]
    fn ports_are_those_of_the_range_as_long_as_one_is_free() {
        let taken = Socket::bind(HERE, None).unwrap();
        let port = taken.address.port();
        assert!(Socket::bind(HERE, Some(&(port..=port))).is_err());
        let range = port..=port.saturating_add(20);
        let next = Socket::bind(HERE, Some(&range)).unwrap();
        assert!(range.contains(&next.address.port()));
    }
}
