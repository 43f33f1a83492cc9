// SPDX-License-Identifier: MPL-2.0
//! A TCP connection to a server that may become reachable at any moment, at one of its addresses.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use async_std::future::timeout;
use async_std::net::{TcpStream, ToSocketAddrs};
use futures_util::stream::{FuturesUnordered, StreamExt};

/// The kernel repeats a SYN that is lost after 1, 3, 7 s, so that after an outage it may take as
/// long again as the outage lasted. A new attempt beside the others takes this at most.
const NEXT_ATTEMPT: Duration = Duration::from_secs(1);

/// RFC 8305 section 8 recommends this "Connection Attempt Delay".
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// What a name server says is a stranger's word too.
const MAX_ADDRESSES: usize = 16;

#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("cannot find the host \"{0}\": {1}")]
    Resolve(String, Error),
    #[error("cannot connect: {0}")]
    Connect(Error),
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
}

impl DialError {
    /// Whether it says something of our network, and nothing of the server.
    pub(super) fn is_unreachable(&self) -> bool {
        match self {
            Self::Resolve(..) | Self::Timeout(_) => true,
            Self::Connect(error) => matches!(
                error.kind(),
                ErrorKind::NetworkUnreachable
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkDown
                    | ErrorKind::AddrNotAvailable
                    | ErrorKind::TimedOut
            ),
        }
    }
}

/// The first connection that is made, of one attempt in each second. An attempt that fails ends it.
pub(super) async fn dial(host: &str, port: u16, longest: Duration) -> Result<TcpStream, DialError> {
    let dialled = timeout(longest, dial_on(host, port)).await;
    dialled.unwrap_or(Err(DialError::Timeout(longest)))
}

async fn dial_on(host: &str, port: u16) -> Result<TcpStream, DialError> {
    let mut attempts = FuturesUnordered::from_iter([connect(host, port)]);
    loop {
        match timeout(NEXT_ATTEMPT, attempts.next()).await {
            Ok(Some(outcome)) => return outcome,
            Ok(None) | Err(_) => attempts.push(connect(host, port)),
        }
    }
}

/// The first connection that is made to any of the host's addresses.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, DialError> {
    let addresses = resolve(host, port).await?;
    let nowhere = ErrorKind::AddrNotAvailable.into();
    let connected = race(addresses, TcpStream::connect, nowhere).await;
    connected.map_err(DialError::Connect)
}

pub(super) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let addresses = (host, port).to_socket_addrs().await;
    let addresses = addresses.map_err(|error| DialError::Resolve(host.to_owned(), error))?;
    Ok(families_in_turn(addresses.collect()))
}

/// RFC 8305 section 4: a family that leads nowhere costs one attempt, however many addresses it has.
fn families_in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let preferred = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == preferred);
    let pairs = first.len().max(second.len());
    let in_turn = (0..pairs).flat_map(|n| [first.get(n), second.get(n)]);
    in_turn.flatten().copied().take(MAX_ADDRESSES).collect()
}

/// RFC 8305 section 5: tries one address after the other, and the next one without waiting for the
/// end of those before. The first success counts, or the last error; `nowhere` if there is no
/// address.
pub(super) async fn race<T, E, F: Future<Output = Result<T, E>>>(
    addresses: Vec<SocketAddr>,
    attempt: impl Fn(SocketAddr) -> F,
    nowhere: E,
) -> Result<T, E> {
    let (mut waiting, mut error) = (addresses.into_iter(), nowhere);
    let mut attempts = FuturesUnordered::new();
    loop {
        match waiting.next() {
            Some(address) => attempts.push(attempt(address)),
            None if attempts.is_empty() => return Err(error),
            None => {}
        }
        let ended = match waiting.len() {
            0 => attempts.next().await,
            _ => timeout(NEXT_ADDRESS, attempts.next()).await.unwrap_or(None),
        };
        match ended {
            Some(Ok(made)) => return Ok(made),
            Some(Err(failed)) => error = failed,
            None => {}
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What takes connections there and never answers, as a firewall that drops what arrives: its
    /// queue is full. `None` if this machine has no such address.
    pub(crate) fn black_hole(address: SocketAddr) -> Option<(TcpListener, std::net::TcpStream)> {
        let listener = TcpListener::bind(address).ok()?;
        rustix::net::listen(&listener, 0).unwrap();
        let fills = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Some((listener, fills))
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_host_whose_first_addresses_lead_nowhere_is_reached_at_the_next() {
        let holes = [(); 3].map(|()| black_hole(address("127.0.0.1:0")).unwrap());
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut addresses: Vec<_> = holes
            .iter()
            .map(|(hole, _)| hole.local_addr().unwrap())
            .collect();
        addresses.push(server.local_addr().unwrap());
        let nowhere = ErrorKind::AddrNotAvailable.into();
        let raced = race(addresses, TcpStream::connect, nowhere);
        let raced = async_std::task::block_on(timeout(Duration::from_secs(5), raced));
        let reached = raced.expect("no address was reached").unwrap();
        assert_eq!(reached.peer_addr().unwrap(), server.local_addr().unwrap());
    }

    #[test]
    fn an_address_that_refuses_gives_way_to_the_next_at_once() {
        let closed = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = server.local_addr().unwrap();
        for (addresses, reached) in [
            (vec![closed, server], true),
            (vec![closed; 3], false),
            (vec![], false),
        ] {
            let nowhere = ErrorKind::AddrNotAvailable.into();
            let raced = race(addresses, TcpStream::connect, nowhere);
            assert_eq!(async_std::task::block_on(raced).is_ok(), reached);
        }
    }

    #[test]
    fn families_take_turns() {
        let all = [
            "[2001:db8::1]:1",
            "[2001:db8::2]:1",
            "[2001:db8::3]:1",
            "192.0.2.1:1",
        ];
        let order = families_in_turn(all.map(address).to_vec());
        let order: Vec<usize> = order
            .iter()
            .filter_map(|found| all.iter().position(|text| address(text) == *found))
            .collect();
        assert_eq!(order, [0, 3, 1, 2]);
        let first = families_in_turn(all.map(address).into_iter().rev().collect());
        assert!(
            first[0].is_ipv4() && first[1].is_ipv6() && first.len() == 4,
            "{first:?}"
        );
    }
}
