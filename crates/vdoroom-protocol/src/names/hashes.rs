// SPDX-License-Identifier: MPL-2.0
//! Names: as people type them, as they are sent, and their hashes (protocol 2.2 to 2.5).

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::api::{Password, StreamId};
use crate::limits::MAX_NAME;

/// What JavaScript's `encodeURIComponent` leaves as it is.
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
const MAX_ROOM: usize = 30;
const MAX_STREAM_ID: usize = 64;
/// What a browser keeps of a stream ID in front of the suffix.
const MAX_STREAM_ID_BEFORE_SUFFIX: usize = 44;

/// A publisher as the server knows it: dies with its websocket or page.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub(crate) String);

impl PeerId {
    /// `None` if no stream can have this name.
    pub fn new(uuid: &str) -> Option<Self> {
        (!uuid.is_empty() && uuid.len() <= MAX_NAME).then(|| Self(uuid.to_owned()))
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The room's name as the server sees it: a hash, or the name itself without a password.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomHash(pub(crate) String);

impl fmt::Debug for RoomHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomHash(…)")
    }
}

/// A password in the form in which it is hashed, or nothing if encryption is off.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Option<String>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    pub fn new(password: &Password) -> Self {
        Self(match password {
            Password::Off => None,
            Password::Own(typed) if !typed.trim().is_empty() => {
                Some(utf8_percent_encode(typed.trim(), URI_COMPONENT).to_string())
            }
            Password::Own(_) | Password::Default => Some(DEFAULT_PASSWORD.to_owned()),
        })
    }

    /// The key of AES-256-CBC (protocol 4.4).
    pub fn key(&self, salt: &str) -> Option<[u8; 32]> {
        let password = self.0.as_ref()?;
        Some(Sha256::digest(format!("{password}{salt}")).into())
    }

    /// `token`, if there is one, makes another room of it, and changes nothing else (protocol 2.5).
    pub fn room_hash(&self, room: &str, salt: &str, token: &str) -> RoomHash {
        let room = sanitise_room(room);
        RoomHash(match &self.0 {
            Some(password) => hash(&format!("{room}{password}{salt}{token}"), 16),
            None => room,
        })
    }

    /// What a password adds to every stream ID on the websocket.
    pub fn suffix(&self, salt: &str) -> String {
        match &self.0 {
            Some(password) => hash(&format!("{password}{salt}"), 6),
            None => String::new(),
        }
    }
}

fn hash(text: &str, digits: usize) -> String {
    let mut hex = hex::encode(Sha256::digest(text));
    hex.truncate(digits);
    hex
}

/// Every run of characters that names may not have, but for those `kept`, becomes one `_`.
fn sanitise(name: &str, kept: &str, max: usize) -> String {
    let mut clean = String::with_capacity(name.len().min(max));
    let mut replaced = false;
    for c in name.chars() {
        if clean.len() == max {
            break;
        }
        if c.is_ascii_alphanumeric() || c == '_' || kept.contains(c) {
            clean.push(c);
            replaced = false;
        } else if !replaced {
            clean.push('_');
            replaced = true;
        }
    }
    clean
}

pub fn sanitise_room(room: &str) -> String {
    sanitise(room.trim(), "", MAX_ROOM)
}

/// `None` if nothing is left of it.
fn sanitise_stream(stream: &str, max: usize) -> Option<StreamId> {
    let clean = sanitise(stream.trim(), "", max);
    (!clean.is_empty()).then_some(StreamId(clean))
}

/// How much is left of a stream ID.
fn longest_stream(suffix: &str) -> usize {
    match suffix {
        "" => MAX_STREAM_ID,
        _ => MAX_STREAM_ID_BEFORE_SUFFIX,
    }
}

/// A stream ID as a person typed it. What a password leaves of a long one is all that anybody hears
/// of it, so it is cut here as well.
pub fn typed_stream(typed: &str, suffix: &str) -> Option<StreamId> {
    sanitise_stream(typed, longest_stream(suffix))
}

/// A pattern for stream IDs, treated as the IDs are. Where a `*` may stand for what was cut, the
/// rest of the pattern stays.
pub fn typed_glob(glob: &str, suffix: &str) -> String {
    let clean = sanitise(glob.trim(), "*?", MAX_STREAM_ID);
    let (kept, _) = clean.split_at(clean.len().min(longest_stream(suffix)));
    match kept.contains('*') {
        true => clean,
        false => kept.to_owned(),
    }
}

/// The stream ID that a password turns `stream` into on the websocket.
pub fn wire_stream(stream: &StreamId, suffix: &str) -> String {
    let kept = stream.0.chars().take(longest_stream(suffix));
    kept.chain(suffix.chars()).collect()
}

/// The reverse of [`wire_stream`]. The suffix goes only if it is ours: data channels and
/// publishers without a password name streams without one (protocol 2.5).
pub fn bare_stream(wire: &str, suffix: &str) -> Option<StreamId> {
    let bare = match wire.strip_suffix(suffix) {
        Some(bare) if !bare.is_empty() => bare,
        _ => wire,
    };
    sanitise_stream(bare, MAX_STREAM_ID)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(password: &str) -> Secret {
        Secret::new(&Password::Own(password.to_owned()))
    }

    #[test]
    fn room_and_stream_hash_as_every_other_implementation_does() {
        let default = || Secret::new(&Password::Default);
        let table = [
            (
                "vdo.ninja",
                own("mypass"),
                "2f09c9323bc91e74",
                "KLvZZdTa468af",
            ),
            ("vdo.ninja", default(), "f8a52950fcaa9910", "KLvZZdT808d64"),
            (
                "vdo.ninja",
                Secret::new(&Password::Off),
                "testroom123",
                "KLvZZdT",
            ),
            ("vdo.ninja", own("123"), "3ed6f679dbdfac5f", "KLvZZdTfb3179"),
            (
                "vdo.ninja",
                own("p@ss word/é"),
                "d05e100cab4447f4",
                "KLvZZdTbb0cc6",
            ),
            (
                "rtc.ninja",
                own("mypass"),
                "e94c30e6325d2335",
                "KLvZZdT16138a",
            ),
            ("rtc.ninja", default(), "c67bede00c38fc06", "KLvZZdTce6eb3"),
            (
                "ninja.example.org",
                own("mypass"),
                "f4b3fed5a8dba1cf",
                "KLvZZdTb9c6a2",
            ),
            (
                "ninja.example.org",
                default(),
                "c6aa1b6a4ce0e539",
                "KLvZZdT9212aa",
            ),
        ];
        for (salt, secret, room, stream) in table {
            assert_eq!(secret.room_hash("testroom123", salt, "").0, room);
            let suffix = secret.suffix(salt);
            let id = StreamId("KLvZZdT".to_owned());
            assert_eq!(wire_stream(&id, &suffix), stream);
            assert_eq!(bare_stream(stream, &suffix), Some(id));
        }
    }

    #[test]
    fn the_case_of_a_room_matters() {
        let hash = own("mypass").room_hash("TestRoom123", "vdo.ninja", "");
        assert_eq!(hash.0, "fb6163e80751a00e");
    }

    #[test]
    fn a_room_is_cleaned_before_it_is_hashed() {
        let hash = Secret::new(&Password::Default).room_hash(" My Room! ", "vdo.ninja", "");
        assert_eq!(hash.0, "4feb7abcf0891c11");
    }

    #[test]
    fn a_token_goes_behind_the_salt_if_there_is_a_password() {
        let hash = own("mypass").room_hash("testroom123", "vdo.ninja", "tok1");
        assert_eq!(hash.0, "4e87e7173a8886a3");
        let hash = Secret::new(&Password::Off).room_hash("testroom123", "vdo.ninja", "tok1");
        assert_eq!(hash.0, "testroom123");
    }

    #[test]
    fn a_long_stream_id_is_cut_in_front_of_its_suffix() {
        let id = sanitise_stream(&"y".repeat(60), MAX_STREAM_ID).unwrap();
        let wire = wire_stream(&id, &own("mypass").suffix("vdo.ninja"));
        assert_eq!(wire, "y".repeat(44) + "a468af");
    }

    #[test]
    fn names_lose_what_no_name_may_have() {
        for (typed, clean) in [
            (" My Room! ", "My_Room_"),
            ("room-1", "room_1"),
            ("héllo wörld", "h_llo_w_rld"),
            ("__x--y__", "__x_y__"),
        ] {
            assert_eq!(sanitise_room(typed), clean);
        }
        assert_eq!(sanitise_room(&"r".repeat(31)).len(), 30);
        assert_eq!(typed_stream(&"s".repeat(90), "").unwrap().0.len(), 64);
        assert_eq!(typed_stream("  ", ""), None);
    }

    #[test]
    fn a_suffix_of_somebody_else_stays() {
        let suffix = own("mypass").suffix("vdo.ninja");
        let stays = Some(StreamId("KLvZZdT808d64".to_owned()));
        assert_eq!(bare_stream("KLvZZdT808d64", &suffix), stays);
        assert_eq!(bare_stream("a468af", &suffix), typed_stream("a468af", ""));
    }

    #[test]
    fn a_password_can_be_switched_off() {
        for off in ["false", "0", "off", " off "] {
            assert_eq!(Password::typed(Some(off)), Password::Off);
        }
        assert_eq!(Password::typed(None), Password::Default);
        assert_eq!(
            Password::typed(Some("offline")),
            Password::Own("offline".to_owned())
        );
    }

    #[test]
    fn an_empty_password_is_the_default_one() {
        assert_eq!(own("  "), Secret::new(&Password::Default));
    }

    #[test]
    fn what_is_printed_for_debugging_shows_no_secret() {
        let secret = own("hunter2");
        let room = secret.room_hash("studio", "vdo.ninja", "");
        let printed = format!("{secret:?} {room:?} {:?}", Password::Own("hunter2".into()));
        assert_eq!(printed, "Secret(…) RoomHash(…) Own(…)");
    }
}
