// SPDX-License-Identifier: MPL-2.0
//! What only tests want of a server: faults as switches, what was said, and certificates that they
//! trust. With the feature `faults` only.

use std::{
    net::{SocketAddr, TcpStream},
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures_rustls::{
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring},
};

use crate::{
    builder::RoomServerBuilder,
    connection::Certificate,
    hub::Faults,
    limits::Limits,
    log::{Log, LogEntry},
    rules::Dialect,
    server::RoomServer,
};

impl RoomServerBuilder {
    /// Keeps what is said, for [`RoomServer::log`].
    pub fn logged(mut self) -> Self {
        self.testing.log = Some(Arc::default());
        self
    }
}

impl RoomServer {
    /// A server for tests: of this dialect, on a free port of 127.0.0.1, with a log, and without a
    /// limit for messages, so that what a hostile guest says reaches the others.
    pub fn start(dialect: Dialect) -> Self {
        let limits = Limits {
            messages: u32::MAX,
            ..Limits::default()
        };
        Self::builder()
            .dialect(dialect)
            .limits(limits)
            .logged()
            .start()
            .expect("a free port on 127.0.0.1")
    }

    /// Changes the faults; takes effect with the next message.
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        let faults = self.testing.switches.lock();
        change(&mut faults.unwrap_or_else(PoisonError::into_inner));
    }

    /// The conversation so far. Only a server that was built [`logged`](RoomServerBuilder::logged)
    /// has one.
    pub fn log(&self) -> Vec<LogEntry> {
        self.kept().entries()
    }

    fn kept(&self) -> &Log {
        let log = self.testing.log.as_ref();
        log.expect("a server whose log is read is built with `logged`")
    }

    /// The conversation as lines of text, for the message of a failed assertion.
    pub fn conversation(&self) -> String {
        self.log()
            .iter()
            .map(|entry| format!("{entry}\n"))
            .collect()
    }

    /// Waits until an entry of the log satisfies the condition; the error is the conversation.
    pub fn wait_for(
        &self,
        timeout: Duration,
        condition: impl Fn(&LogEntry) -> bool,
    ) -> Result<LogEntry, String> {
        let found = self.kept().wait_for(timeout, condition);
        found.ok_or_else(|| format!("not seen within {timeout:?}:\n{}", self.conversation()))
    }
}

impl Certificate {
    /// A self-signed certificate for this machine's loopback names.
    pub fn loopback() -> Self {
        Self::self_signed(&["localhost", "127.0.0.1", "::1"]).expect("names are valid")
    }

    /// A connection to a server on this machine that shows this certificate; to any other the
    /// handshake fails, which begins with the first byte.
    pub fn connect(
        &self,
        address: SocketAddr,
    ) -> Result<StreamOwned<ClientConnection, TcpStream>, String> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.chain.as_bytes());
        let root = root.map_err(|error| format!("certificate: {error}"))?;
        roots.add(root).map_err(|error| error.to_string())?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::from(address.ip());
        let tls = ClientConnection::new(Arc::new(config), name).map_err(|e| e.to_string())?;
        let tcp = TcpStream::connect(address).map_err(|error| error.to_string())?;
        Ok(StreamOwned::new(tls, tcp))
    }
}
