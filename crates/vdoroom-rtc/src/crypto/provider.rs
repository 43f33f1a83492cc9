// SPDX-License-Identifier: MPL-2.0
//! The cryptography that str0m calls: DTLS, and the digests of STUN. SRTP does not pass through
//! str0m, which is not given the keys.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sha::{sha1, sha256};
use openssl::sign::Signer;
use str0m::RtcConfig;
use str0m::crypto::dtls::{DtlsCert, DtlsInstance, DtlsProvider, DtlsVersion};
use str0m::crypto::{CryptoError, CryptoProvider, Sha1HmacProvider, Sha1Provider, Sha256Provider};

use super::dtls::{Dtls, Outcome};
use super::identity::identity;
use super::no_srtp::NoSrtp;

/// Of a path that carries no more than this, the handshake would fail.
const MTU: usize = 1200;

thread_local! {
    /// Where the instance that is made next puts its outcome. str0m makes it within
    /// [`RtcConfig::build`], and its traits have no way to hand anything over.
    static NEXT: RefCell<Option<Outcome>> = const { RefCell::new(None) };
}

/// Makes an `Rtc` of these settings, whose handshake comes to `outcome`.
pub(crate) fn build(config: RtcConfig, now: Instant, outcome: &Outcome) -> Option<str0m::Rtc> {
    let identity = identity().ok()?;
    let config = config
        .set_crypto_provider(Arc::new(provider()))
        .set_dtls_cert(DtlsCert {
            certificate: identity.certificate.clone(),
            private_key: identity.private_key.clone(),
        })
        // `Peer` does that: an offer may have several fingerprints, of which str0m takes one.
        .set_fingerprint_verification(false);
    NEXT.set(Some(outcome.clone()));
    let rtc = config.build(now);
    NEXT.take();
    Some(rtc)
}

fn provider() -> CryptoProvider {
    CryptoProvider {
        srtp_provider: &NoSrtp,
        sha1_hmac_provider: &Digests,
        sha1_provider: &Digests,
        sha256_provider: &Digests,
        dtls_provider: &OpenSsl,
    }
}

#[derive(Debug)]
struct OpenSsl;

impl DtlsProvider for OpenSsl {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        None
    }

    fn new_dtls(
        &self,
        _: &DtlsCert,
        now: Instant,
        _: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let other = |error: &dyn ToString| CryptoError::Other(error.to_string());
        let identity = identity().map_err(|error| other(error))?;
        let outcome = NEXT.take().unwrap_or_default();
        let mtu = mtu.unwrap_or(MTU);
        let dtls = Dtls::new(&identity.context, mtu, now, outcome);
        Ok(Box::new(dtls.map_err(|error| other(&error))?))
    }
}

#[derive(Debug)]
struct Digests;

impl Sha1HmacProvider for Digests {
    fn sha1_hmac(&self, key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        let sign = || {
            let key = PKey::hmac(key)?;
            let mut signer = Signer::new(MessageDigest::sha1(), &key)?;
            for payload in payloads {
                signer.update(payload)?;
            }
            let mut digest = [0; 20];
            signer.sign(&mut digest)?;
            Ok::<_, openssl::error::ErrorStack>(digest)
        };
        // A password of ICE is never empty, which is the only thing that fails. Zeros fit nothing.
        sign().unwrap_or_default()
    }
}

impl Sha1Provider for Digests {
    fn sha1(&self, data: &[u8]) -> [u8; 20] {
        sha1(data)
    }
}

impl Sha256Provider for Digests {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        sha256(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_that_of_rfc_2202() {
        let digest = Digests.sha1_hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(digest[..4], [0xef, 0xfc, 0xdf, 0x6a]);
        assert_eq!(digest[16..], [0x25, 0x9a, 0x7c, 0x79]);
    }
}
