// SPDX-License-Identifier: MPL-2.0
//! Names and encryption as publishers compute them (protocol 2.2 to 2.6 and 4.4).
//!
//! Written apart from the plugin's own code on purpose: a mistake in one shows as a failed
//! conversation with the other.

use aes::Aes256;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What `encodeURIComponent` of JavaScript leaves as it is.
const URI_COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

const DEFAULT_PASSWORD: &str = "someEncryptionKey123";

/// The three states of a room's password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Password {
    /// No encryption: names and descriptions travel in clear.
    Off,
    /// Not set: the protocol's default password.
    #[default]
    Default,
    /// A password of the room's own.
    Own(String),
}

impl Password {
    /// Shorthand for [`Password::Own`].
    pub fn own(text: &str) -> Self {
        Self::Own(text.into())
    }
}

/// A room's secrets: turns names into what the wire carries, and encrypts descriptions.
#[derive(Clone)]
pub struct Secret {
    /// The URL-encoded password, or nothing if encryption is off.
    password: Option<String>,
    salt: String,
}

impl Secret {
    pub fn new(password: &Password, salt: &str) -> Self {
        let password = match password {
            Password::Off => None,
            Password::Default => Some(DEFAULT_PASSWORD),
            Password::Own(text) => Some(text.trim()),
        };
        Self {
            password: password.map(|text| utf8_percent_encode(text, URI_COMPONENT).to_string()),
            salt: salt.into(),
        }
    }

    pub fn encrypts(&self) -> bool {
        self.password.is_some()
    }

    /// The room's name on the wire.
    pub fn room(&self, name: &str) -> String {
        let name: String = sanitised(name.trim()).chars().take(30).collect();
        match &self.password {
            Some(password) => hash(&format!("{name}{password}{}", self.salt), 16),
            None => name,
        }
    }

    /// The stream ID on the wire.
    pub fn stream(&self, id: &str) -> String {
        match &self.password {
            Some(password) => {
                let cut: String = id.chars().take(44).collect();
                cut + &hash(&format!("{password}{}", self.salt), 6)
            }
            None => id.into(),
        }
    }

    /// Puts `value` into `message` under `field`, encrypted (and with its `vector`) if there is a
    /// password.
    pub fn seal(&self, message: &mut Value, field: &str, value: &Value) {
        match self.key() {
            None => message[field] = value.clone(),
            Some(key) => {
                let vector = random_bytes::<16>();
                let text = value.to_string();
                message[field] = json!(encrypt(&key, &vector, &text));
                message["vector"] = json!(hex::encode(vector));
            }
        }
    }

    /// Reads `field` of `message`, decrypting if it carries a `vector`.
    pub fn open(&self, message: &Value, field: &str) -> Result<Value, String> {
        let Some(vector) = message.get("vector").and_then(Value::as_str) else {
            return Ok(message[field].clone());
        };
        let key = self.key().ok_or("encrypted, but there is no password")?;
        let ciphertext = message[field].as_str().ok_or("not a hex string")?;
        let text = decrypt(&key, vector, ciphertext)?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    fn key(&self) -> Option<[u8; 32]> {
        let password = self.password.as_ref()?;
        Some(Sha256::digest(format!("{password}{}", self.salt)).into())
    }
}

/// AES-256-CBC with PKCS#7 padding, as lower-case hex.
pub fn encrypt(key: &[u8; 32], vector: &[u8; 16], text: &str) -> String {
    let cipher = cbc::Encryptor::<Aes256>::new(key.into(), vector.into());
    hex::encode(cipher.encrypt_padded_vec::<Pkcs7>(text.as_bytes()))
}

fn decrypt(key: &[u8; 32], vector: &str, ciphertext: &str) -> Result<String, String> {
    let mut iv = [0; 16];
    hex::decode_to_slice(vector, &mut iv).map_err(|error| format!("vector: {error}"))?;
    let bytes = hex::decode(ciphertext).map_err(|error| error.to_string())?;
    let cipher = cbc::Decryptor::<Aes256>::new(key.into(), &iv.into());
    let plain = cipher
        .decrypt_padded_vec::<Pkcs7>(&bytes)
        .map_err(|_| "wrong key or damaged text")?;
    String::from_utf8(plain).map_err(|error| error.to_string())
}

/// Replaces every run of characters outside `[A-Za-z0-9_]` by one underscore.
fn sanitised(name: &str) -> String {
    let mut out = String::new();
    let mut in_run = false;
    for c in name.chars() {
        let plain = c.is_ascii_alphanumeric() || c == '_';
        if plain {
            out.push(c);
        } else if !in_run {
            out.push('_');
        }
        in_run = !plain;
    }
    out
}

fn hash(text: &str, digits: usize) -> String {
    let mut digest = hex::encode(Sha256::digest(text));
    digest.truncate(digits);
    digest
}

fn random_bytes<const N: usize>() -> [u8; N] {
    std::array::from_fn(|_| gst::glib::random_int_range(0, 256) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(password: Password, salt: &str) -> (String, String) {
        let secret = Secret::new(&password, salt);
        (secret.room("testroom123"), secret.stream("KLvZZdT"))
    }

    #[test]
    fn names_match_the_published_vectors() {
        let vectors = [
            (
                "vdo.ninja",
                Password::own("mypass"),
                "2f09c9323bc91e74",
                "KLvZZdTa468af",
            ),
            (
                "vdo.ninja",
                Password::Default,
                "f8a52950fcaa9910",
                "KLvZZdT808d64",
            ),
            ("vdo.ninja", Password::Off, "testroom123", "KLvZZdT"),
            (
                "vdo.ninja",
                Password::own("123"),
                "3ed6f679dbdfac5f",
                "KLvZZdTfb3179",
            ),
            (
                "vdo.ninja",
                Password::own("p@ss word/é"),
                "d05e100cab4447f4",
                "KLvZZdTbb0cc6",
            ),
            (
                "rtc.ninja",
                Password::own("mypass"),
                "e94c30e6325d2335",
                "KLvZZdT16138a",
            ),
            (
                "rtc.ninja",
                Password::Default,
                "c67bede00c38fc06",
                "KLvZZdTce6eb3",
            ),
            (
                "ninja.example.org",
                Password::Default,
                "c6aa1b6a4ce0e539",
                "KLvZZdT9212aa",
            ),
        ];
        for (salt, password, room, stream) in vectors {
            assert_eq!(names(password, salt), (room.into(), stream.into()));
        }
    }

    #[test]
    fn room_names_are_sanitised_before_they_are_hashed() {
        let secret = Secret::new(&Password::Default, "vdo.ninja");
        assert_eq!(secret.room(" My Room! "), "4feb7abcf0891c11");
        assert_eq!(sanitised("héllo wörld"), "h_llo_w_rld");
        assert_eq!(sanitised("__x--y__"), "__x_y__");
    }

    #[test]
    fn descriptions_encrypt_as_in_the_published_vector() {
        let secret = Secret::new(&Password::own("mypass"), "vdo.ninja");
        let vector = std::array::from_fn(|i| i as u8);
        let key = secret.key().unwrap();
        let sealed = encrypt(&key, &vector, r#"{"type":"answer","sdp":"v=0\r\n"}"#);
        assert_eq!(
            sealed,
            "6a752b46bddf9be4c5780b2de14783d3bebc7a8767e36cfbdc86242e6db50dba\
             6e02827207410fd6d081a1645209e7d0"
        );
    }

    #[test]
    fn a_sealed_value_opens_with_the_same_secret_only() {
        let alice = Secret::new(&Password::own("one"), "vdo.ninja");
        let bob = Secret::new(&Password::own("two"), "vdo.ninja");
        let mut message = json!({});
        alice.seal(&mut message, "description", &json!({"type": "offer"}));
        assert_eq!(
            alice.open(&message, "description").unwrap()["type"],
            "offer"
        );
        assert!(bob.open(&message, "description").is_err());
    }
}
