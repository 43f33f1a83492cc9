// SPDX-License-Identifier: MPL-2.0
//! DTLS of one connection, by OpenSSL, behind the trait by which str0m calls it.
//!
//! str0m's default takes ECDSA certificates only, and those of GStreamer before 1.28 are RSA. Its
//! own provider for OpenSSL ends the process when records wait in it, and sends nothing again that
//! was lost of a handshake.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use openssl::error::ErrorStack;
use openssl::ssl::{ErrorCode, ShutdownState, Ssl, SslContext, SslStream};
use str0m::crypto::dtls::{DtlsImplError, DtlsInstance, DtlsOutput, ProtocolVersion};

use super::datagrams::Datagrams;
use super::keys::{Keys, export};

/// How often OpenSSL is asked whether something has to be sent again. Its own clock decides.
const RETRY: Duration = Duration::from_millis(100);

/// Later than anything else that str0m waits for.
const NEVER: Duration = Duration::from_secs(3600);

/// Messages of SCTP that wait until str0m takes them: it does so before the next datagram.
const MAX_WAITING: usize = 64;

/// A record of DTLS cannot hold more.
const MAX_RECORD: usize = 16 * 1024;

/// What a handshake has brought.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// X.509 in DER.
    pub certificate: Vec<u8>,
    pub keys: Keys,
}

/// Where a [`Dtls`] puts that.
pub(crate) type Outcome = Arc<OnceLock<Handshake>>;

pub(crate) struct Dtls {
    stream: SslStream<Datagrams>,
    is_client: bool,
    outcome: Outcome,
    received: VecDeque<Vec<u8>>,
    /// When it was called last.
    now: Instant,
    told_connected: bool,
    told_closed: bool,
    is_closing: bool,
}

impl fmt::Debug for Dtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_connected = self.is_connected();
        f.debug_struct("Dtls")
            .field("is_client", &self.is_client)
            .field("is_connected", &is_connected)
            .finish_non_exhaustive()
    }
}

impl Dtls {
    pub(crate) fn new(
        context: &SslContext,
        mtu: usize,
        now: Instant,
        outcome: Outcome,
    ) -> Result<Self, ErrorStack> {
        let mut ssl = Ssl::new(context)?;
        ssl.set_mtu(mtu as u32)?;
        Ok(Self {
            stream: SslStream::new(ssl, Datagrams::default())?,
            is_client: false,
            outcome,
            received: VecDeque::new(),
            now,
            told_connected: false,
            told_closed: false,
            is_closing: false,
        })
    }

    fn is_connected(&self) -> bool {
        self.outcome.get().is_some()
    }

    /// Goes on with the handshake as far as it can.
    fn shake_hands(&mut self) -> Result<(), DtlsImplError> {
        if self.is_connected() {
            return Ok(());
        }
        let done = match self.is_client {
            true => self.stream.connect(),
            false => self.stream.accept(),
        };
        match done {
            Ok(()) => {
                let ssl = self.stream.ssl();
                let keys = export(ssl, self.is_client);
                let certificate = ssl.peer_certificate().and_then(|c| c.to_der().ok());
                let (Some(keys), Some(certificate)) = (keys, certificate) else {
                    return Err(DtlsImplError::ConnectionClosed);
                };
                // Once only: there is no other that sets it.
                let _ = self.outcome.set(Handshake { certificate, keys });
                Ok(())
            }
            Err(error) if is_pending(error.code()) => Ok(()),
            Err(_) => Err(DtlsImplError::ConnectionClosed),
        }
    }

    fn read(&mut self) -> Result<(), DtlsImplError> {
        let mut record = [0; MAX_RECORD];
        // A datagram may have several records.
        while self.is_connected() && self.received.len() < MAX_WAITING {
            match self.stream.ssl_read(&mut record) {
                Ok(0) => break,
                Ok(length) => self.received.push_back(record[..length].to_vec()),
                Err(error) if is_pending(error.code()) => break,
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => break,
                Err(_) => return Err(DtlsImplError::ConnectionClosed),
            }
        }
        Ok(())
    }

    fn is_closed_by_peer(&mut self) -> bool {
        self.stream.get_shutdown().contains(ShutdownState::RECEIVED)
    }
}

fn is_pending(code: ErrorCode) -> bool {
    code == ErrorCode::WANT_READ || code == ErrorCode::WANT_WRITE
}

impl DtlsInstance for Dtls {
    fn set_active(&mut self, active: bool) {
        self.is_client = active;
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        if !packet.is_empty() {
            self.stream.get_mut().receive(packet);
        }
        self.shake_hands()?;
        self.read()
    }

    fn poll_output<'a>(&mut self, into: &'a mut [u8]) -> DtlsOutput<'a> {
        if let Some(datagram) = self.stream.get_mut().take_written()
            && datagram.len() <= into.len()
        {
            let space = &mut into[..datagram.len()];
            space.copy_from_slice(&datagram);
            return DtlsOutput::Packet(space);
        }
        if self.is_connected() && !self.told_connected {
            self.told_connected = true;
            return DtlsOutput::Connected;
        }
        if let Some(message) = self.received.pop_front()
            && message.len() <= into.len()
        {
            let space = &mut into[..message.len()];
            space.copy_from_slice(&message);
            return DtlsOutput::ApplicationData(space);
        }
        if !self.told_closed && self.is_closed_by_peer() {
            self.told_closed = true;
            return DtlsOutput::CloseNotify;
        }
        DtlsOutput::Timeout(match self.is_connected() || self.is_closing {
            true => self.now + NEVER,
            false => self.now + RETRY,
        })
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.now = now;
        match self.is_connected() || self.is_closing {
            true => Ok(()),
            false => self.shake_hands(),
        }
    }

    fn send_application_data(&mut self, message: &[u8]) -> Result<usize, DtlsImplError> {
        if !self.is_connected() || message.is_empty() {
            return Ok(0);
        }
        match self.stream.ssl_write(message) {
            Ok(length) => Ok(length),
            Err(error) if is_pending(error.code()) => Ok(0),
            Err(_) => Err(DtlsImplError::ConnectionClosed),
        }
    }

    fn is_active(&self) -> bool {
        self.is_client
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.is_connected().then_some(ProtocolVersion::DTLS1_2)
    }

    fn is_closing(&self) -> bool {
        self.is_closing
    }

    fn is_closed(&self) -> bool {
        self.is_closing && !self.stream.get_ref().has_written()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        if self.is_connected() && !self.is_closing {
            // Nobody waits for the answer.
            let _ = self.stream.shutdown();
        }
        self.is_closing = true;
        Ok(())
    }
}
