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
            // The close_notify of the other side is not waited for.
            let _ = self.stream.shutdown();
        }
        self.is_closing = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity::identity;
    use super::*;

    fn new(now: Instant, active: bool) -> (Dtls, Outcome) {
        let outcome = Outcome::default();
        let context = &identity().unwrap().context;
        let mut dtls = Dtls::new(context, 1200, now, outcome.clone()).unwrap();
        dtls.set_active(active);
        (dtls, outcome)
    }

    #[derive(Default)]
    struct Said {
        packets: Vec<Vec<u8>>,
        messages: Vec<Vec<u8>>,
        is_connected: bool,
        is_closed: bool,
    }

    fn said(dtls: &mut Dtls) -> Said {
        let mut said = Said::default();
        let mut space = [0; 2000];
        loop {
            match dtls.poll_output(&mut space) {
                DtlsOutput::Packet(packet) => said.packets.push(packet.to_vec()),
                DtlsOutput::ApplicationData(data) => said.messages.push(data.to_vec()),
                DtlsOutput::Connected => said.is_connected = true,
                DtlsOutput::CloseNotify => said.is_closed = true,
                DtlsOutput::Timeout(_) => return said,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Two that are connected.
    fn pair(now: Instant) -> [(Dtls, Outcome); 2] {
        let mut client = new(now, true);
        let mut server = new(now, false);
        client.0.handle_timeout(now).unwrap();
        let mut connected = [false; 2];
        for _ in 0..10 {
            let from_client = said(&mut client.0);
            for packet in &from_client.packets {
                assert!(packet.len() <= 1200);
                server.0.handle_packet(packet).unwrap();
            }
            let from_server = said(&mut server.0);
            for packet in &from_server.packets {
                client.0.handle_packet(packet).unwrap();
            }
            connected[0] |= from_client.is_connected;
            connected[1] |= from_server.is_connected;
        }
        assert_eq!(connected, [true; 2]);
        [client, server]
    }

    #[test]
    fn both_agree_on_keys_and_show_their_certificates() {
        let [(_, client), (_, server)] = pair(Instant::now());
        let (client, server) = (client.get().unwrap(), server.get().unwrap());
        assert_eq!(client.keys.name(), "AEAD_AES_128_GCM");
        assert!(client.keys.ours.key == server.keys.theirs.key);
        assert!(client.keys.theirs.salt == server.keys.ours.salt);
        assert!(client.keys.ours.key != client.keys.theirs.key);
        assert_eq!(client.certificate, identity().unwrap().certificate);
    }

    #[test]
    fn messages_arrive_and_the_end_is_told() {
        let [(mut client, _), (mut server, _)] = pair(Instant::now());
        assert_eq!(client.send_application_data(b"one"), Ok(3));
        assert_eq!(client.send_application_data(b"two"), Ok(3));
        for packet in said(&mut client).packets {
            server.handle_packet(&packet).unwrap();
        }
        let heard = said(&mut server);
        assert_eq!(heard.messages, [b"one", b"two"]);
        server.close().unwrap();
        assert!(!server.is_closed(), "it has something to send");
        for packet in said(&mut server).packets {
            client.handle_packet(&packet).unwrap();
        }
        assert!(server.is_closed());
        assert!(said(&mut client).is_closed);
    }

    #[test]
    fn rubbish_does_no_harm() {
        let now = Instant::now();
        let [_, (mut connected, _)] = pair(now);
        let (mut fresh, _) = new(now, false);
        for kind in 20..64 {
            for length in 1..60 {
                let mut record = vec![kind; length];
                record.splice(1..length.min(3), [0xfe, 0xfd]);
                let _ = connected.handle_packet(&record);
                let _ = fresh.handle_packet(&record);
            }
        }
        said(&mut connected);
        said(&mut fresh);
    }
}
