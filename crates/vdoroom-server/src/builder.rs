// SPDX-License-Identifier: MPL-2.0
//! How a server is to be started.

use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
    thread,
    time::Instant,
};

use futures_rustls::TlsAcceptor;
use smol::{
    LocalExecutor,
    channel::{Receiver, Sender, bounded},
};

#[cfg(feature = "faults")]
use crate::hub::Testing;
use crate::{
    connection::Certificate,
    hub::{self, Hub, Watcher},
    input::Input,
    limits::{Gate, INPUTS, Limits, Waiting},
    pages::Pages,
    rules::{Dialect, RoomEvent, Rules},
    server::RoomServer,
};

impl RoomServer {
    /// A server for 127.0.0.1 on a free port, hosted dialect, without TLS.
    pub fn builder() -> RoomServerBuilder {
        RoomServerBuilder::default()
    }
}

/// What a server is to be like; [`start`](Self::start) starts it.
pub struct RoomServerBuilder {
    listen: SocketAddr,
    dialect: Dialect,
    certificate: Option<Certificate>,
    limits: Limits,
    #[cfg(feature = "faults")]
    pub(crate) testing: Testing,
    watcher: Option<Watcher>,
    on_end: Option<Box<dyn FnOnce() + Send>>,
    pages: Pages,
}

impl Default for RoomServerBuilder {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            dialect: Dialect::default(),
            certificate: None,
            limits: Limits::default(),
            #[cfg(feature = "faults")]
            testing: Testing::default(),
            watcher: None,
            on_end: None,
            pages: Pages::default(),
        }
    }
}

/// Tells that the server has ended, however that came about.
struct OnEnd(Option<Box<dyn FnOnce() + Send>>);

impl Drop for OnEnd {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell();
        }
    }
}

impl RoomServerBuilder {
    /// Address to listen on; port 0 takes a free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Serves `wss` with this certificate.
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Called from the server's thread for every join, seed and leave. It must not wait for
    /// anything: everybody waits for it.
    pub fn on_event(mut self, watcher: impl Fn(&RoomEvent) + Send + 'static) -> Self {
        self.watcher = Some(Box::new(watcher));
        self
    }

    /// Called from the server's thread when it ends, also by a panic.
    pub fn on_end(mut self, tell: impl FnOnce() + Send + 'static) -> Self {
        self.on_end = Some(Box::new(tell));
        self
    }

    /// Has pages on the same port, over `http`, or `https` if there is a certificate.
    pub fn pages(mut self, pages: Pages) -> Self {
        self.pages = pages;
        self
    }

    /// Starts the server's thread. It serves until the handle is dropped.
    pub fn start(mut self) -> io::Result<RoomServer> {
        let tls = self.certificate.as_ref();
        let tls = tls.map(Certificate::acceptor).transpose();
        let tls = tls.map_err(io::Error::other)?;
        let listener = TcpListener::bind(self.listen)?;
        let address = listener.local_addr()?;
        let listener = smol::net::TcpListener::try_from(listener)?;
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        let (input, inputs) = bounded(INPUTS);
        let mut server = RoomServer {
            url: format!("{scheme}://{address}"),
            address,
            input: input.clone(),
            #[cfg(feature = "faults")]
            testing: self.testing.clone(),
            thread: None,
        };
        let on_end = OnEnd(self.on_end.take());
        let run = move || {
            let _on_end = on_end;
            self.run(listener, tls, (input, inputs));
        };
        let thread = thread::Builder::new().name("room-server".into());
        server.thread = Some(thread.spawn(run)?);
        Ok(server)
    }

    fn run(
        self,
        listener: smol::net::TcpListener,
        tls: Option<TlsAcceptor>,
        (input, inputs): (Sender<Input>, Receiver<Input>),
    ) {
        let executor = Rc::new(LocalExecutor::new());
        let accept = hub::accept(listener, Gate::new(self.limits), input.clone());
        executor.spawn(accept).detach();
        let hub = Hub {
            executor: executor.clone(),
            tls,
            input,
            dialect: self.dialect,
            limits: self.limits,
            rules: Rules::new(self.dialect, self.limits),
            pages: Rc::new(self.pages),
            #[cfg(feature = "faults")]
            testing: self.testing,
            watcher: self.watcher,
            connections: HashMap::new(),
            waiting: Waiting::default(),
            too_slow: vec![],
            #[cfg(feature = "faults")]
            held: vec![],
            accepted: 0,
            started: Instant::now(),
            status: None,
        };
        smol::block_on(executor.run(hub.run(inputs)));
    }
}
