// SPDX-License-Identifier: MPL-2.0
//! Whether media comes from the sender of the offer.
//!
//! webrtcbin before 1.28.5 takes any certificate in the DTLS handshake (fixed upstream by commit
//! cae6e210f6), so a man in the middle could insert media. Here the certificate is compared with
//! the fingerprints of the offer, before a channel message is read and before a pad is exposed. Both
//! happen only after the handshake, so the certificate is known by then.
//!
//! Newer ones let nothing through, and say nothing: so it is compared when the handshake is over as well.

use gst::glib;
use gst::prelude::*;
use gst_webrtc::{WebRTCDTLSTransport, WebRTCRTPTransceiver};

use super::session::Session;

const MISMATCH: &str = "the certificate that it shows is not the one of its offer: somebody else \
    may be sending in its name. Nothing of it is received";

impl Session {
    /// Whether the media of this pad of webrtcbin comes from the sender that made the offer.
    pub(crate) fn check_sender(&self, pad: &gst::Pad) -> Result<(), String> {
        let transceiver = pad.property::<Option<WebRTCRTPTransceiver>>("transceiver");
        let receiver = transceiver.and_then(|transceiver| transceiver.receiver());
        self.check(receiver.and_then(|receiver| receiver.transport()))
    }

    /// Whether the one at the other end of the data channel is who it should be.
    pub(crate) fn check_channel(&self) -> Result<(), String> {
        self.check(self.channel_transport())
    }

    /// Whether the handshake was with somebody else. What has no certificate yet is checked later, as
    /// the media and the channel are.
    pub(crate) fn check_handshake(&self) -> Result<(), String> {
        let transport = self.first_transport();
        match transport.filter(|transport| transport.remote_certificate().is_some()) {
            Some(transport) => self.check(Some(transport)),
            None => Ok(()),
        }
    }

    fn check(&self, transport: Option<WebRTCDTLSTransport>) -> Result<(), String> {
        let pem = transport.and_then(|transport| transport.remote_certificate());
        let der = pem.and_then(|pem| der(&pem));
        match der {
            Some(der) if self.certificate.are_of(&der) => Ok(()),
            _ => Err(MISMATCH.into()),
        }
    }
}

/// The first certificate of a PEM text (RFC 7468).
fn der(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (base64, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let der = glib::base64_decode(base64);
    (!der.is_empty()).then_some(der)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_certificate_of_a_pem_text_is_read() {
        let pem = "-----BEGIN CERTIFICATE-----\nAQID\nBAU=\n-----END CERTIFICATE-----\n";
        assert_eq!(der(&(pem.to_owned() + pem)), Some(vec![1, 2, 3, 4, 5]));
    }

    #[test]
    fn a_text_without_a_certificate_has_none() {
        for text in ["", "AQID", "-----BEGIN CERTIFICATE-----\nAQID"] {
            assert_eq!(der(text), None, "{text:?}");
        }
    }
}
