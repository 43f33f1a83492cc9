// SPDX-License-Identifier: MPL-2.0
//! The effects of a password: names of rooms and streams, and the encryption of session
//! descriptions and candidates (protocol 2.3 to 2.5, 4.4).

use std::fmt;

use aes::Aes256;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use serde_json::{Value, json};

use super::globs::Globs;
use super::hashes::{RoomHash, Secret, bare_stream, typed_stream, wire_stream};
use crate::api::{Filter, Password, RoomConfig, StreamId};
use crate::json::{Fields, bounded_json};

/// What travels under `description`, `candidates` or `candidate`.
#[derive(Clone, Debug, PartialEq)]
pub enum Sealed {
    Clear(Value),
    Encrypted { hex: String, vector: String },
}

impl Sealed {
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Self::Encrypted { .. })
    }
}

/// Why something sealed cannot be used; reads as the end of a sentence about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("is encrypted, but encryption is switched off here: set the room's password")]
    NoPassword,
    #[error("cannot be decrypted: most likely its publisher has another password or salt")]
    WrongPassword,
    #[error(
        "is not encrypted, although this room has a password of its own: \
         refused (accept-unencrypted would take it)"
    )]
    Unencrypted,
}

/// All that room and password are turned into.
pub struct Secrets {
    pub room: Option<RoomHash>,
    suffix: String,
    key: Option<[u8; 32]>,
    refuse_clear: bool,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    pub fn new(config: &RoomConfig) -> Self {
        let secret = Secret::new(&config.password);
        let own = match &config.password {
            Password::Own(typed) => !typed.trim().is_empty(),
            Password::Default | Password::Off => false,
        };
        let room = config.room.as_deref();
        let token = config.token.as_deref().unwrap_or_default();
        Self {
            room: room.map(|room| secret.room_hash(room, &config.salt, token)),
            suffix: secret.suffix(&config.salt),
            key: secret.key(&config.salt),
            refuse_clear: own && !config.accept_unencrypted,
        }
    }

    /// The stream that a person names so; `None` if that is no name.
    pub fn typed(&self, stream: &str) -> Option<StreamId> {
        typed_stream(stream, &self.suffix)
    }

    pub fn globs(&self, filter: &Filter) -> Globs {
        Globs::new(filter, &self.suffix)
    }

    pub fn wire(&self, stream: &StreamId) -> String {
        wire_stream(stream, &self.suffix)
    }

    /// The stream that the websocket calls so; `None` if that is no name.
    pub fn bare(&self, wire: &str) -> Option<StreamId> {
        bare_stream(wire, &self.suffix)
    }

    /// Opens what came over the websocket, where whoever knows no password is kept out.
    pub fn open_signalled(&self, sealed: &Sealed) -> Result<Value, SealError> {
        if self.refuse_clear && !sealed.is_encrypted() {
            return Err(SealError::Unencrypted);
        }
        self.open(sealed)
    }

    /// Opens what came over a data channel: DTLS protects it, so it may be in clear.
    pub fn open(&self, sealed: &Sealed) -> Result<Value, SealError> {
        match sealed {
            Sealed::Clear(value) => Ok(value.clone()),
            Sealed::Encrypted { hex, vector } => {
                let key = self.key.as_ref().ok_or(SealError::NoPassword)?;
                decrypt(key, hex, vector).ok_or(SealError::WrongPassword)
            }
        }
    }

    /// Puts `value` under `field` of a message, encrypted if there is a key and `iv` is given.
    pub fn seal(&self, field: &str, value: Value, iv: Option<[u8; 16]>) -> Fields {
        let mut message = Fields::new();
        match (self.key.as_ref(), iv) {
            (Some(key), Some(iv)) => {
                let hex = encrypt(key, &iv, &ascii(&value));
                message.insert(field.to_owned(), json!(hex));
                message.insert("vector".to_owned(), json!(hex::encode(iv)));
            }
            _ => {
                message.insert(field.to_owned(), value);
            }
        }
        message
    }
}

/// JSON with everything beyond ASCII escaped: browsers cut characters to bytes (protocol 4.4).
fn ascii(value: &Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

fn encrypt(key: &[u8; 32], iv: &[u8; 16], text: &str) -> String {
    let cipher = cbc::Encryptor::<Aes256>::new(key.into(), iv.into());
    hex::encode(cipher.encrypt_padded_vec::<Pkcs7>(text.as_bytes()))
}

fn decrypt(key: &[u8; 32], text: &str, vector: &str) -> Option<Value> {
    let bytes = hex::decode(text).ok()?;
    let iv: [u8; 16] = hex::decode(vector).ok()?.try_into().ok()?;
    let cipher = cbc::Decryptor::<Aes256>::new(key.into(), &iv.into());
    let plain = cipher.decrypt_padded_vec::<Pkcs7>(&bytes).ok()?;
    // A browser may have written one byte per character (protocol 4.4).
    let text = String::from_utf8(plain)
        .unwrap_or_else(|wrong| wrong.as_bytes().iter().copied().map(char::from).collect());
    bounded_json(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IV: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    const P1: &str = r#"{"type":"answer","sdp":"v=0\r\n"}"#;
    const P1_MYPASS: &str = "6a752b46bddf9be4c5780b2de14783d3bebc7a8767e36cfbdc86242e6db50dba6e02827207410fd6d081a1645209e7d0";
    const P1_DEFAULT: &str = "e3cbc3ad10ee89125690f59776c972d770723acec02df276fe7c02a800d34f83bfa792e1450b421fd51f9f101d21c8d0";
    const P2: &str = r#"[{"candidate":"candidate:1 1 UDP 2122252543 192.0.2.1 50000 typ host","sdpMid":"0","sdpMLineIndex":0}]"#;
    const P2_DEFAULT: &str = "cdbecb8ef5a6845d35a66cf9b393a9a5231a016f18d2d1440e75f4cbc6a7761de1a303e6624d43fc73fcd12d495bef6ec6fbf1c33c99b72b11bad4e89c91288c805161bb1cf2d99459230e876c6c7f6d9595c3bb37e478763671b36d3d17bfb1e5412e932088191357a89f2dcfa6a7a0";

    fn key(password: Password) -> [u8; 32] {
        Secret::new(&password).key("vdo.ninja").unwrap()
    }

    fn mypass() -> Password {
        Password::Own("mypass".to_owned())
    }

    #[test]
    fn keys_are_those_of_every_other_implementation() {
        assert_eq!(
            hex::encode(key(mypass())),
            "a468afff1537c7c084943a03af800dcd6f225cb2267f715b839694cdcf09cc35"
        );
        assert_eq!(
            hex::encode(key(Password::Default)),
            "808d646f7eb92052344e1e668e340c852f8d675754acfae11d8cc49233c36eba"
        );
    }

    #[test]
    fn known_texts_encrypt_and_decrypt() {
        for (password, text, cipher) in [
            (mypass(), P1, P1_MYPASS),
            (Password::Default, P1, P1_DEFAULT),
            (Password::Default, P2, P2_DEFAULT),
        ] {
            let key = key(password);
            assert_eq!(encrypt(&key, &IV, text), cipher);
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(decrypt(&key, cipher, &hex::encode(IV)), Some(value));
        }
    }

    #[test]
    fn another_password_does_not_decrypt() {
        assert_eq!(decrypt(&key(mypass()), P2_DEFAULT, &hex::encode(IV)), None);
    }

    #[test]
    fn broken_ciphers_are_refused() {
        let key = key(mypass());
        let iv = hex::encode(IV);
        for (text, vector) in [("", &*iv), ("zz", &*iv), ("6a75", &*iv), (P1_MYPASS, "00")] {
            assert_eq!(decrypt(&key, text, vector), None, "{text} {vector}");
        }
    }

    #[test]
    fn one_byte_per_character_is_understood() {
        let key = key(mypass());
        let cipher = cbc::Encryptor::<Aes256>::new(&key.into(), &IV.into());
        let hex = hex::encode(cipher.encrypt_padded_vec::<Pkcs7>(b"\"caf\xe9\""));
        assert_eq!(decrypt(&key, &hex, &hex::encode(IV)), Some(json!("café")));
    }

    #[test]
    fn what_is_encrypted_is_ascii() {
        assert_eq!(ascii(&json!("é😀")), r#""\u00e9\ud83d\ude00""#);
    }
}
