// SPDX-License-Identifier: MPL-2.0
//! Fingerprints of certificates, as SDP has them (RFC 8122).

use openssl::hash::{MessageDigest, hash};

/// More are not read of one offer.
const MAX_FINGERPRINTS: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// As SDP names it, in lower case.
    function: String,
    digest: Vec<u8>,
}

impl Fingerprint {
    /// The value of `a=fingerprint`.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (function, digest) = value.trim().split_once(' ')?;
        let function = function.to_ascii_lowercase();
        digest_of(&function)?;
        let digest: Option<Vec<u8>> = digest
            .trim()
            .split(':')
            .map(|byte| {
                let is_one = byte.len() == 2 && byte.bytes().all(|c| c.is_ascii_hexdigit());
                u8::from_str_radix(byte, 16).ok().filter(|_| is_one)
            })
            .collect();
        let digest = digest.filter(|digest| !digest.is_empty())?;
        Some(Self { function, digest })
    }

    /// Whether this is the one of `certificate`, which is in DER.
    pub(crate) fn fits(&self, certificate: &[u8]) -> bool {
        digest_of(&self.function)
            .and_then(|function| hash(function, certificate).ok())
            .is_some_and(|digest| *digest == *self.digest)
    }
}

/// Appends those of `values` that can be read.
pub(crate) fn read_all<'a>(values: impl Iterator<Item = &'a str>) -> Vec<Fingerprint> {
    let mut known = Vec::new();
    for fingerprint in values.filter_map(Fingerprint::parse).take(MAX_FINGERPRINTS) {
        if !known.contains(&fingerprint) {
            known.push(fingerprint);
        }
    }
    known
}

/// SHA-1 is left out: such a fingerprint can be forged. Every publisher offers a better one.
fn digest_of(function: &str) -> Option<MessageDigest> {
    match function {
        "sha-224" => Some(MessageDigest::sha224()),
        "sha-256" => Some(MessageDigest::sha256()),
        "sha-384" => Some(MessageDigest::sha384()),
        "sha-512" => Some(MessageDigest::sha512()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc".
    const OF_ABC: &str = "SHA-256 BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:\
        B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";

    #[test]
    fn a_certificate_fits_its_own_fingerprint_only() {
        let fingerprint = Fingerprint::parse(OF_ABC).unwrap();
        assert!(fingerprint.fits(b"abc"));
        assert!(!fingerprint.fits(b"abd"));
    }

    #[test]
    fn what_is_no_fingerprint_is_none() {
        for value in [
            "",
            "sha-256",
            "sha-256 ",
            "sha-1 AA:BB",
            "sha-256 A:BB",
            "sha-256 +A",
        ] {
            assert_eq!(Fingerprint::parse(value), None, "{value}");
        }
    }

    #[test]
    fn each_is_read_once() {
        let all = read_all([OF_ABC, "md2 00", OF_ABC].into_iter());
        assert_eq!(all.len(), 1);
    }
}
