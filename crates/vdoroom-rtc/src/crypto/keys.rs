// SPDX-License-Identifier: MPL-2.0
//! The keys of SRTP that a DTLS handshake agrees on (RFC 5764).

use openssl::srtp::SrtpProfileId;
use openssl::ssl::SslRef;
use rtc_srtp::protection_profile::ProtectionProfile;

const LABEL: &str = "EXTRACTOR-dtls_srtp";

/// Of both directions.
pub(crate) struct Keys {
    pub profile: ProtectionProfile,
    pub ours: Key,
    pub theirs: Key,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Nothing secret.
        f.debug_struct("Keys")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub(crate) struct Key {
    pub key: Vec<u8>,
    pub salt: Vec<u8>,
}

impl Keys {
    /// As the registry of IANA calls it.
    pub(crate) fn name(&self) -> &'static str {
        match self.profile {
            ProtectionProfile::AeadAes128Gcm => "AEAD_AES_128_GCM",
            ProtectionProfile::AeadAes256Gcm => "AEAD_AES_256_GCM",
            _ => "AES128_CM_HMAC_SHA1_80",
        }
    }
}

/// What the two sides have agreed on, if it is one of those that were offered.
pub(crate) fn export(ssl: &SslRef, is_client: bool) -> Option<Keys> {
    let profile = match ssl.selected_srtp_profile()?.id() {
        SrtpProfileId::SRTP_AEAD_AES_128_GCM => ProtectionProfile::AeadAes128Gcm,
        SrtpProfileId::SRTP_AEAD_AES_256_GCM => ProtectionProfile::AeadAes256Gcm,
        SrtpProfileId::SRTP_AES128_CM_SHA1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        _ => return None,
    };
    let (key, salt) = (profile.key_len(), profile.salt_len());
    let mut material = vec![0; 2 * (key + salt)];
    ssl.export_keying_material(&mut material, LABEL, None)
        .ok()?;
    let (keys, salts) = material.split_at_checked(2 * key)?;
    let (client_key, server_key) = keys.split_at_checked(key)?;
    let (client_salt, server_salt) = salts.split_at_checked(salt)?;
    let of = |key: &[u8], salt: &[u8]| Key {
        key: key.to_vec(),
        salt: salt.to_vec(),
    };
    let client = of(client_key, client_salt);
    let server = of(server_key, server_salt);
    let (ours, theirs) = match is_client {
        true => (client, server),
        false => (server, client),
    };
    Some(Keys {
        profile,
        ours,
        theirs,
    })
}
