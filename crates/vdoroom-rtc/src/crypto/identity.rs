// SPDX-License-Identifier: MPL-2.0
//! The certificate that this process shows, and what OpenSSL needs for every handshake.

use std::sync::OnceLock;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslContext, SslContextBuilder, SslMethod, SslOptions, SslVerifyMode};
use openssl::x509::{X509, X509NameBuilder};

/// AEAD first: it needs no second pass over each packet for HMAC-SHA1.
const PROTECTION: &str = "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";

/// Forward secrecy, and nothing that is broken.
const CIPHERS: &str = "ECDHE+AESGCM:DHE+AESGCM:ECDHE+AES256:DHE+AES256";

/// The years 2000 and 2049: later ones are written in another form.
const BEGIN: i64 = 946_684_800;
const END: i64 = 2_493_072_000;

pub(crate) struct Identity {
    /// X.509 in DER.
    pub certificate: Vec<u8>,
    pub private_key: Vec<u8>,
    pub context: SslContext,
}

/// Made once in a process: no publisher learns more by that than by our address.
pub(crate) fn identity() -> Result<&'static Identity, &'static ErrorStack> {
    static IDENTITY: OnceLock<Result<Identity, ErrorStack>> = OnceLock::new();
    IDENTITY.get_or_init(make).as_ref()
}

fn make() -> Result<Identity, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
    let certificate = sign(&key)?;
    Ok(Identity {
        certificate: certificate.to_der()?,
        private_key: key.private_key_to_der()?,
        context: context(&certificate, &key)?,
    })
}

fn sign(key: &PKey<Private>) -> Result<X509, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_text("CN", "WebRTC")?;
    let name = name.build();
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let serial = serial.to_asn1_integer()?;
    // Peers compare its fingerprint, and do not check its dates.
    let begin = Asn1Time::from_unix(BEGIN)?;
    let end = Asn1Time::from_unix(END)?;
    let mut certificate = X509::builder()?;
    certificate.set_version(2)?;
    certificate.set_serial_number(&serial)?;
    certificate.set_subject_name(&name)?;
    certificate.set_issuer_name(&name)?;
    certificate.set_not_before(&begin)?;
    certificate.set_not_after(&end)?;
    certificate.set_pubkey(key)?;
    certificate.sign(key, MessageDigest::sha256())?;
    Ok(certificate.build())
}

fn context(certificate: &X509, key: &PKey<Private>) -> Result<SslContext, ErrorStack> {
    let mut context = SslContextBuilder::new(SslMethod::dtls())?;
    context.set_cipher_list(CIPHERS)?;
    context.set_tlsext_use_srtp(PROTECTION)?;
    // Publishers sign their certificates themselves: `fingerprint` says who they are.
    let mode = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
    context.set_verify_callback(mode, |_, _| true);
    context.set_certificate(certificate)?;
    context.set_private_key(key)?;
    context.set_options(
        SslOptions::NO_DTLSV1
            | SslOptions::NO_QUERY_MTU
            | SslOptions::NO_RENEGOTIATION
            | SslOptions::NO_TICKET,
    );
    Ok(context.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_ecdsa_and_the_same_for_every_connection() {
        let first = identity().unwrap();
        let certificate = X509::from_der(&first.certificate).unwrap();
        let key = certificate.public_key().unwrap();
        assert_eq!(
            key.ec_key().unwrap().group().curve_name(),
            Some(Nid::X9_62_PRIME256V1)
        );
        assert!(certificate.verify(&key).unwrap());
        assert!(std::ptr::eq(first, identity().unwrap()));
    }
}
