// SPDX-License-Identifier: MPL-2.0
//! Names as a password makes them: of streams that it cuts, where whoever types the long one means the
//! one that is sent, and of rooms with a token.

use crate::conversation::{Conversation, announced, config, stream};
use serde_json::json;
use vdoroom_protocol::{Event, Filter, Password, RoomConfig};

/// What `mypass` adds to stream IDs.
const SUFFIX: &str = "a468af";

/// An ID of 60 characters, and what a browser sends of it with a password.
fn long() -> (String, String) {
    let id = format!("camera_of_{}", "x".repeat(50));
    let wire = format!("{}{SUFFIX}", &id[..44]);
    (id, wire)
}

fn secret(include: &[&str], exclude: &[&str]) -> RoomConfig {
    let owned = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect();
    RoomConfig {
        password: Password::Own("mypass".to_owned()),
        accept_unencrypted: true,
        filter: Filter {
            include: owned(include),
            exclude: owned(exclude),
        },
        ..config()
    }
}

fn played(config: RoomConfig, wire: &str) -> Vec<String> {
    let mut talk = Conversation::joined_with(config, &[("a", wire)]);
    talk.pass_secs(1);
    talk.plays()
}

#[test]
fn a_long_stream_id_that_is_typed_in_full_names_its_stream() {
    let (id, wire) = long();
    for pattern in [id.clone(), id.replace("camera", "cam?ra"), format!("{id}*")] {
        assert_eq!(
            played(secret(&[&pattern], &[]), &wire),
            [&*wire],
            "{pattern}"
        );
        let nothing: [&str; 0] = [];
        assert_eq!(
            played(secret(&[], &[&pattern]), &wire),
            nothing,
            "{pattern}"
        );
    }
    assert_eq!(played(secret(&["cam*"], &[]), &wire), [&*wire]);
}

#[test]
fn a_long_stream_id_can_be_played_and_stopped_by_its_name() {
    let (id, wire) = long();
    let mut talk = Conversation::joined_with(secret(&["nobody"], &[]), &[("a", &wire)]);
    talk.event(Event::Play(stream(&id)));
    talk.pass_secs(1);
    let plays = talk.plays();
    talk.expect_eq(plays, vec![wire.clone()]);
    talk.flows("a", &id[..44], "t");
    talk.event(Event::Stop(stream(&id)));
    talk.expect_eq(talk.open_peers(), 0);
}

#[test]
fn a_long_stream_id_without_a_room_is_one_stream() {
    let (id, wire) = long();
    let config = RoomConfig {
        room: None,
        ..secret(&[&id], &[])
    };
    let mut talk = Conversation::begin(config);
    talk.event(Event::Opened);
    talk.receives(announced("a", &wire));
    talk.pass_secs(1);
    talk.expect_eq(talk.status().streams.len(), 1);
    talk.flows("a", &id[..44], "t");
    talk.expect_eq(talk.status().streams.len(), 1);
}

#[test]
fn without_a_password_a_long_stream_id_stays_whole() {
    let (id, _) = long();
    let config = RoomConfig {
        password: Password::Off,
        ..secret(&[&id], &[])
    };
    assert_eq!(played(config, &id), [&*id]);
}

#[test]
fn a_token_is_part_of_the_room_and_of_nothing_else() {
    let secret = |token: Option<&str>| {
        let mut talk = Conversation::begin(RoomConfig {
            room: Some("testroom123".to_owned()),
            token: token.map(str::to_owned),
            ..secret(&[], &[])
        });
        talk.event(Event::Opened);
        let sent = talk.sent();
        talk.receives(json!({"request": "listing",
            "list": [{"UUID": "a", "streamID": format!("alice{SUFFIX}")}]}));
        talk.pass_secs(1);
        let play = talk.plays();
        talk.expect_eq(play, vec![format!("alice{SUFFIX}")]);
        sent[0]["roomid"].clone()
    };
    assert_eq!(secret(None), "2f09c9323bc91e74");
    assert_eq!(secret(Some("tok1")), "4e87e7173a8886a3");
}
