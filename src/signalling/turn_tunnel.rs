// SPDX-License-Identifier: MPL-2.0
//! TLS for `turns:` servers.
//!
//! libnice (0.1.21) accepts a TURN server over TLS and then talks to it in clear text over TCP. So
//! the ICE agent gets an address on loopback, from which its data is forwarded over TLS. Any other
//! program that connects to that address only reaches the TURN server, which requires credentials.

use std::cell::{Cell, OnceCell};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use async_channel::{Receiver, Sender};
use async_std::future::timeout;
use async_std::net::TcpStream;
use futures_rustls::TlsConnector;
use futures_util::future::{FutureExt, select, select_all};
use futures_util::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{pin_mut, select_biased};

use super::dial::{self, DialError};
use super::tls::{self, TlsError, TlsOptions};
use super::turn_check::{TurnServer, check};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Each session may ask; the answer is the same.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// A session takes one for each of this machine's addresses.
const MAX_CONNECTIONS: usize = 512;

#[derive(Debug, thiserror::Error)]
enum TunnelError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("no answer within {} s", CONNECT_TIMEOUT.as_secs())]
    Timeout,
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The way to one server. It is open, and leads on once it is [`run`](Tunnels::start).
pub(crate) struct Tunnel {
    host: String,
    port: u16,
    listeners: Vec<TcpListener>,
}

impl Tunnel {
    /// For a host name or an address without brackets.
    pub(crate) fn to(host: &str, port: u16) -> io::Result<Self> {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        // The agent reaches an address only from one of the same family. A machine may have none.
        let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).ok();
        let listeners: Vec<_> = std::iter::once(v4).chain(v6).collect();
        for listener in &listeners {
            listener.set_nonblocking(true)?;
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            listeners,
        })
    }

    /// What to connect to instead of the server, one for each family of addresses.
    pub(crate) fn entrances(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// Forwards each connection; reports a failure once, and again only after it has worked.
    async fn serve(self, tls: &TlsOptions, report: &impl Fn(String)) {
        let listeners: Vec<_> = self
            .listeners
            .into_iter()
            .map(async_std::net::TcpListener::from)
            .collect();
        let (host, port, told) = (&self.host, self.port, Cell::new(false));
        // Kept: media in the other connections would wait while it is made.
        let connector = OnceCell::new();
        let lead_on = |stream: TcpStream| async {
            match connect(host, port, tls, &connector).await {
                Ok(server) => {
                    told.set(false);
                    carry(stream, server).await;
                }
                Err(error) if !told.replace(true) => {
                    report(format!("the TURN server turns:{host}:{port}: {error}"));
                }
                Err(_) => {}
            }
        };
        let mut connections = FuturesUnordered::new();
        loop {
            let accepts = listeners.iter().map(|listener| listener.accept().boxed());
            let has_room = connections.len() < MAX_CONNECTIONS;
            let accepted = async {
                if !has_room {
                    return std::future::pending().await;
                }
                let accepted = select_all(accepts).await.0;
                if accepted.is_err() {
                    // Of descriptors there are enough again in a while.
                    async_std::task::sleep(Duration::from_millis(100)).await;
                }
                accepted
            };
            let accepted = accepted.fuse();
            pin_mut!(accepted);
            select_biased! {
                () = connections.select_next_some() => {}
                accepted = accepted => {
                    if let Ok((stream, _)) = accepted {
                        connections.push(lead_on(stream));
                    }
                }
            }
        }
    }
}

type TlsStream = futures_rustls::client::TlsStream<TcpStream>;

async fn connect(
    host: &str,
    port: u16,
    tls: &TlsOptions,
    connector: &OnceCell<TlsConnector>,
) -> Result<TlsStream, TunnelError> {
    let connected = async {
        let stream = dial::connect(host, port).await?;
        // Media is late enough; a socket without the option works too.
        let _ = stream.set_nodelay(true);
        let connector = match connector.get() {
            Some(connector) => connector,
            None => {
                let made = tls::connector(tls)?;
                connector.get_or_init(|| made)
            }
        };
        Ok(tls::connect_by(connector, host, stream).await?)
    };
    timeout(CONNECT_TIMEOUT, connected)
        .await
        .unwrap_or(Err(TunnelError::Timeout))
}

/// Until either side ends.
async fn carry(agent: TcpStream, server: TlsStream) {
    let _ = agent.set_nodelay(true);
    let (from_agent, mut to_agent) = agent.split();
    let (from_server, mut to_server) = server.split();
    let there = pass(from_agent, &mut to_server);
    let back = pass(from_server, &mut to_agent);
    pin_mut!(there, back);
    let _ = select(there, back).await;
}

/// TLS may buffer data until it is flushed.
async fn pass(mut from: impl AsyncRead + Unpin, to: &mut (impl AsyncWrite + Unpin)) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..length]).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

/// The tunnels of one element, on a thread of their own, which also asks the TURN servers what is
/// wrong. Dropping it ends them.
pub(crate) struct Tunnels {
    questions: Sender<()>,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Tunnels {
    /// `report` is called on failures; it must not block.
    pub(crate) fn start(
        tunnels: Vec<Tunnel>,
        servers: Vec<TurnServer>,
        tls: TlsOptions,
        report: impl Fn(String) + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = async_channel::bounded(1);
        let (questions, asked) = async_channel::bounded(1);
        let run = move || {
            async_std::task::block_on(async {
                let tunnels = serve(tunnels, &tls, &report);
                let checks = answer(asked, &servers, &report);
                // Closed, since nothing is ever sent.
                let stopped = stopped.recv();
                let work = futures_util::future::join(tunnels, checks);
                pin_mut!(work, stopped);
                let _ = select(work, stopped).await;
            });
        };
        let thread = Builder::new().name("vdoroom:turn".into()).spawn(run)?;
        Ok(Self {
            questions,
            stop,
            thread: Some(thread),
        })
    }
}

async fn serve(tunnels: Vec<Tunnel>, tls: &TlsOptions, report: &impl Fn(String)) {
    let serving = tunnels.into_iter().map(|tunnel| tunnel.serve(tls, report));
    futures_util::future::join_all(serving).await;
}

/// Checks the servers on request, at most once in [`CHECK_INTERVAL`].
async fn answer(asked: Receiver<()>, servers: &[TurnServer], report: &impl Fn(String)) {
    while asked.recv().await.is_ok() {
        for server in servers {
            if let Some(wrong) = check(server).await {
                report(wrong);
            }
        }
        async_std::task::sleep(CHECK_INTERVAL).await;
    }
}

/// Asks for a look at the TURN servers; see [`Tunnels`].
#[derive(Clone)]
pub(crate) struct Doubt(Sender<()>);

impl Doubt {
    pub(crate) fn raise(&self) {
        // Full: there is one already.
        let _ = self.0.try_send(());
    }
}

impl Tunnels {
    pub(crate) fn doubt(&self) -> Doubt {
        Doubt(self.questions.clone())
    }
}

impl Drop for Tunnels {
    fn drop(&mut self) {
        self.stop.close();
        // It waits for nothing but its sockets.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
