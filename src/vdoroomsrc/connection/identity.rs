// SPDX-License-Identifier: MPL-2.0
//! Whether media comes from the sender of the offer.
//!
//! webrtcbin before 1.28.5 takes any certificate in the DTLS handshake (fixed upstream by commit
//! cae6e210f6), so a man in the middle could insert media. Here the certificate is compared with
//! the fingerprints of the offer, before a channel message is read and before a pad is exposed. Both
//! happen only after the handshake, so the certificate is known by then.
//!
//! Newer ones let nothing through, and say nothing: so it is compared when the handshake is over as well.

use super::link::End;
use super::session::Session;

pub(crate) const MISMATCH: &str = "the certificate that it shows is not the one of its offer: somebody else \
    may be sending in its name. Nothing of it is received";

impl Session {
    /// Whether the media of this pad of the connection comes from the sender that made the offer.
    pub(crate) fn check_sender(&self, pad: &gst::Pad) -> Result<(), String> {
        self.check(self.link.certificate(End::Pad(pad)))
    }

    /// Whether the one at the other end of the data channel is who it should be.
    pub(crate) fn check_channel(&self) -> Result<(), String> {
        self.check(self.link.certificate(End::Channel))
    }

    /// Whether the handshake was with somebody else. What has no certificate yet is checked later, as
    /// the media and the channel are.
    pub(crate) fn check_handshake(&self) -> Result<(), String> {
        match self.link.certificate(End::Handshake) {
            Some(certificate) => self.check(Some(certificate)),
            None => Ok(()),
        }
    }

    fn check(&self, certificate: Option<Vec<u8>>) -> Result<(), String> {
        match certificate {
            Some(certificate) if self.certificate.are_of(&certificate) => Ok(()),
            _ => Err(MISMATCH.into()),
        }
    }
}
