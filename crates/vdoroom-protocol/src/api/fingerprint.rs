// SPDX-License-Identifier: MPL-2.0
//! The fingerprints of an offer: which certificate its sender will use in the DTLS handshake.

use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

type Hash = fn(&[u8]) -> Vec<u8>;

/// Hash functions of RFC 8122 section 5 that still count, the strongest first.
const HASHES: [(&str, Hash); 3] = [
    ("sha-512", |der| Sha512::digest(der).to_vec()),
    ("sha-384", |der| Sha384::digest(der).to_vec()),
    ("sha-256", |der| Sha256::digest(der).to_vec()),
];

/// The values of all `a=fingerprint` of an offer (RFC 8122).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprints(Vec<String>);

impl Fingerprints {
    /// `lines` are attribute values: the name of a hash function, a space, the hash.
    pub(crate) fn new(lines: impl IntoIterator<Item = String>) -> Self {
        Self(lines.into_iter().collect())
    }

    /// Whether an attribute value uses a hash function that counts.
    pub(crate) fn counts(line: &str) -> bool {
        HASHES.iter().any(|(name, _)| hash_of(line, name).is_some())
    }

    /// Whether the certificate is one that the offer announced. Of several hash functions only
    /// the strongest decides (RFC 8122 section 5): otherwise the weakest would.
    pub fn are_of(&self, certificate_der: &[u8]) -> bool {
        for (name, digest) in HASHES {
            let mut announced = self.0.iter().filter_map(|line| hash_of(line, name));
            let first = announced.next();
            if first.is_none() {
                continue;
            }
            let shown = digest(certificate_der);
            let same = |hash: &str| bytes(hash).is_some_and(|hash| hash.ct_eq(&shown).into());
            return first.into_iter().chain(announced).any(same);
        }
        false
    }
}

fn hash_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (function, hash) = line.split_once(' ')?;
    function.eq_ignore_ascii_case(name).then(|| hash.trim())
}

/// `AB:CD` as bytes.
fn bytes(hash: &str) -> Option<Vec<u8>> {
    hex::decode(hash.replace(':', "")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DER: &[u8] = b"a certificate";

    fn line(name: &str, der: &[u8]) -> String {
        let (_, digest) = HASHES.iter().find(|(hash, _)| *hash == name).unwrap();
        let hash: Vec<String> = digest(der).iter().map(|b| format!("{b:02X}")).collect();
        format!("{name} {}", hash.join(":"))
    }

    fn fits(lines: &[String]) -> bool {
        Fingerprints::new(lines.iter().cloned()).are_of(DER)
    }

    #[test]
    fn a_certificate_fits_the_hash_of_it() {
        for (name, _) in HASHES {
            assert!(fits(&[line(name, DER)]), "{name}");
            assert!(fits(&[line(name, DER).to_lowercase()]), "{name}");
            assert!(!fits(&[line(name, b"another certificate")]), "{name}");
        }
    }

    #[test]
    fn any_one_of_several_hashes_of_a_kind_is_enough() {
        assert!(fits(&[line("sha-256", b"other"), line("sha-256", DER)]));
    }

    #[test]
    fn only_the_strongest_hash_function_decides() {
        assert!(!fits(&[line("sha-256", DER), line("sha-512", b"other")]));
        assert!(fits(&[line("sha-256", b"other"), line("sha-384", DER)]));
    }

    #[test]
    fn what_is_no_fingerprint_fits_nothing() {
        let cut = line("sha-256", DER)[..20].to_owned();
        for lines in [
            vec![],
            vec!["sha-256".into()],
            vec![cut],
            vec!["md5 AA".into()],
        ] {
            assert!(!fits(&lines), "{lines:?}");
        }
    }
}
