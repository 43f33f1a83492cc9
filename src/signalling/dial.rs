// SPDX-License-Identifier: MPL-2.0
//! A TCP connection to a server that may become reachable at any moment.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use async_std::future::timeout;
use async_std::net::{TcpStream, ToSocketAddrs};
use futures_util::stream::{FuturesUnordered, StreamExt};

/// The kernel repeats a SYN that is lost after 1, 3, 7 s, so that after an outage it may take as
/// long again as the outage lasted. A new attempt beside the others takes this at most.
const NEXT_ATTEMPT: Duration = Duration::from_secs(1);

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
    let mut attempts = FuturesUnordered::from_iter([attempt(host, port)]);
    loop {
        match timeout(NEXT_ATTEMPT, attempts.next()).await {
            Ok(Some(outcome)) => return outcome,
            Ok(None) | Err(_) => attempts.push(attempt(host, port)),
        }
    }
}

async fn attempt(host: &str, port: u16) -> Result<TcpStream, DialError> {
    let addresses: Vec<_> = (host, port)
        .to_socket_addrs()
        .await
        .map_err(|error| DialError::Resolve(host.to_owned(), error))?
        .collect();
    let connected = TcpStream::connect(addresses.as_slice()).await;
    connected.map_err(DialError::Connect)
}
