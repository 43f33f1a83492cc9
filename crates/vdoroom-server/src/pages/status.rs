// SPDX-License-Identifier: MPL-2.0
//! What the status page shows: who is in which room, and for how long.
//!
//! Nobody learns from it what opens a room. A room with a password goes by a hash of both, and its
//! streams end in a hash of the password (protocol 2.5): of these only the beginning is shown, of
//! those nothing.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

/// How much of a room's hash is shown, to tell rooms apart.
const SHOWN: usize = 6;
/// Length of a room's hash, and of what a stream ID ends in.
const ROOM_HASH: usize = 16;
const STREAM_HASH: usize = 6;

/// One client, as the rules know it.
pub struct Member<'a> {
    pub room: Option<&'a str>,
    pub stream_id: Option<&'a str>,
    pub connected: Duration,
}

/// The rooms by name, then who is in none; each with its members in the order given.
pub fn status<'a>(members: impl Iterator<Item = Member<'a>>, uptime: Duration) -> Value {
    let mut rooms = BTreeMap::<(bool, &str), Vec<Member>>::new();
    for member in members {
        let place = (member.room.is_none(), member.room.unwrap_or_default());
        rooms.entry(place).or_default().push(member);
    }
    let rooms: Vec<Value> = rooms
        .into_iter()
        .map(|((nowhere, name), members)| room((!nowhere).then_some(name), &members))
        .collect();
    json!({"uptime": uptime.as_secs(), "rooms": rooms})
}

fn room(name: Option<&str>, members: &[Member]) -> Value {
    let hashed = name.is_none_or(|name| name.len() == ROOM_HASH && is_hex(name));
    let shown = name.map(|name| if hashed { &name[..SHOWN] } else { name });
    let people = members.iter().map(|member| {
        let id = member.stream_id;
        let stream = id.map(|id| if hashed { without_hash(id) } else { id });
        json!({"stream": stream, "seconds": member.connected.as_secs()})
    });
    json!({
        "name": shown,
        "hashed": name.is_some() && hashed,
        "people": people.collect::<Vec<_>>(),
    })
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn without_hash(stream_id: &str) -> &str {
    let cut = stream_id.len().checked_sub(STREAM_HASH);
    let parts = cut.and_then(|cut| stream_id.split_at_checked(cut));
    match parts {
        Some((id, hash)) if !id.is_empty() && is_hex(hash) => id,
        _ => stream_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(room: Option<&str>, stream_id: &str) -> Value {
        let member = Member {
            room,
            stream_id: Some(stream_id),
            connected: Duration::from_secs(7),
        };
        status([member].into_iter(), Duration::from_secs(9))
    }

    #[test]
    fn a_room_without_a_password_is_shown_as_it_is_called() {
        let expected = json!({"uptime": 9, "rooms": [{
            "name": "studio", "hashed": false,
            "people": [{"stream": "alice123abc", "seconds": 7}],
        }]});
        assert_eq!(shown(Some("studio"), "alice123abc"), expected);
    }

    #[test]
    fn of_a_password_nothing_is_shown() {
        let expected = json!({"uptime": 9, "rooms": [{
            "name": "2f09c9", "hashed": true,
            "people": [{"stream": "KLvZZdT", "seconds": 7}],
        }]});
        assert_eq!(shown(Some("2f09c9323bc91e74"), "KLvZZdTa468af"), expected);
        let nowhere = shown(None, "KLvZZdTa468af");
        assert_eq!(
            nowhere["rooms"][0]["people"],
            expected["rooms"][0]["people"]
        );
    }

    #[test]
    fn names_that_are_short_or_of_other_letters_are_cut_nowhere_else() {
        for id in ["abc", "abcdef", "ääääää", "aliceABCDEF"] {
            let shown = shown(Some("2f09c9323bc91e74"), id);
            assert_eq!(shown["rooms"][0]["people"][0]["stream"], id);
        }
    }
}
