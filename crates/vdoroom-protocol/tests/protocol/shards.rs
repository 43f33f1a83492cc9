// SPDX-License-Identifier: MPL-2.0
//! Recorders that divide a room among themselves: between them each stream is played once.

use std::collections::BTreeMap;

use crate::conversation::{Conversation, Sdp, announced, config, stream};
use serde_json::json;
use vdoroom_protocol::{Action, Dialect, Event, Filter, Password, RoomConfig, Shard, StreamState};

fn shard(index: u32, count: u32) -> RoomConfig {
    let shard = Shard::new(index, count).unwrap();
    RoomConfig { shard, ..config() }
}

/// Whose stream it is when there are three shards.
const ERIN: (&str, u32) = ("erin", 0);
const ALICE: (&str, u32) = ("alice", 1);

/// Which shards play each of these streams, all of which are in the room.
fn players(names: &[String], count: u32, change: impl Fn(&mut RoomConfig)) -> Vec<Vec<u32>> {
    let mut played = BTreeMap::<String, Vec<u32>>::new();
    let uuids = names.iter().map(|name| format!("u_{name}"));
    let uuids: Vec<String> = uuids.collect();
    let members = uuids.iter().zip(names);
    let members: Vec<(&str, &str)> = members.map(|(uuid, name)| (&**uuid, &**name)).collect();
    for index in 0..count {
        let mut config = shard(index, count);
        change(&mut config);
        let mut talk = Conversation::joined_with(config, &members);
        talk.pass_secs(3);
        for name in talk.plays() {
            played.entry(name).or_default().push(index);
        }
    }
    let of = |name: &String| played.get(name).cloned().unwrap_or_default();
    names.iter().map(of).collect()
}

fn names(suffix: &str) -> Vec<String> {
    (0..50).map(|n| format!("guest{n}{suffix}")).collect()
}

#[test]
fn every_stream_is_played_by_exactly_one_shard() {
    for count in [1, 2, 3, 8] {
        for played in players(&names(""), count, |_| {}) {
            assert_eq!(played.len(), 1, "{count} shards: {played:?}");
        }
    }
}

#[test]
fn a_password_moves_no_stream() {
    let bare = players(&names(""), 4, |_| {});
    let sealed = players(&names("a468af"), 4, |config| {
        config.password = Password::Own("mypass".to_owned());
    });
    assert_eq!(bare, sealed);
}

#[test]
fn one_shard_more_moves_streams_to_itself_alone_and_one_less_moves_them_back() {
    let (three, four) = (
        players(&names(""), 3, |_| {}),
        players(&names(""), 4, |_| {}),
    );
    let moved = three
        .iter()
        .zip(&four)
        .filter(|(three, four)| three != four);
    let moved: Vec<_> = moved.collect();
    assert!((5..=20).contains(&moved.len()), "{} of 50", moved.len());
    for (_, now) in moved {
        assert_eq!(now, &vec![3]);
    }
}

#[test]
fn a_shard_tells_of_its_own_streams_only() {
    let members = [("e", ERIN.0), ("a", ALICE.0)];
    let mut talk = Conversation::joined_with(shard(ALICE.1, 3), &members);
    talk.pass_secs(1);
    let added = talk.take().into_iter().filter_map(|action| match action {
        Action::StreamAdded { stream, .. } | Action::AskAccept { stream, .. } => Some(stream.0),
        _ => None,
    });
    let added: Vec<String> = added.collect();
    talk.expect_eq(added, vec![ALICE.0.to_owned(); 2]);
    talk.expect_eq(talk.state(ERIN.0), StreamState::Unwanted);
}

#[test]
fn an_offer_for_another_shard_is_not_answered() {
    let relay = RoomConfig {
        dialect: Dialect::Relay,
        ..shard(ALICE.1, 3)
    };
    let mut talk = Conversation::begin(relay);
    talk.event(Event::Opened);
    for (uuid, name) in [("e", ERIN.0), ("a", ALICE.0)] {
        let sdp = Sdp::new(uuid).application().video().audio().text();
        talk.receives(json!({"from": uuid, "streamID": name, "session": uuid,
            "description": {"type": "offer", "sdp": sdp}}));
    }
    talk.expect_eq(talk.sessions(ERIN.0).len(), 0);
    talk.expect_eq(talk.sessions(ALICE.0).len(), 1);
}

#[test]
fn a_guest_who_reloads_stays_with_its_shard() {
    for index in 0..3 {
        let mut talk = Conversation::joined_with(shard(index, 3), &[("a", ALICE.0)]);
        talk.pass_secs(3);
        talk.take();
        talk.receives(json!({"request": "userleft", "UUID": "a"}));
        talk.receives(announced("a2", ALICE.0));
        talk.pass_secs(3);
        let plays = talk.plays().len();
        talk.expect_eq(plays, usize::from(index == ALICE.1));
    }
}

#[test]
fn the_filter_chooses_among_the_streams_of_the_shard() {
    let members = [("e", ERIN.0), ("a", ALICE.0)];
    let mut talk = Conversation::joined_with(shard(ALICE.1, 3), &members);
    talk.pass_secs(1);
    talk.take();
    let all = || Filter {
        include: vec!["*".to_owned()],
        exclude: Vec::new(),
    };
    let nobody = || Filter {
        exclude: vec!["*".to_owned()],
        ..all()
    };
    talk.event(Event::Filter(nobody()));
    talk.expect_eq(talk.state(ALICE.0), StreamState::Unwanted);
    talk.event(Event::Filter(all()));
    talk.pass_secs(1);
    let plays = talk.plays();
    talk.expect_eq(plays, vec![ALICE.0.to_owned()]);
}

#[test]
fn the_user_can_play_a_stream_of_another_shard() {
    let mut talk = Conversation::joined_with(shard(ALICE.1, 3), &[("e", ERIN.0)]);
    talk.event(Event::Play(stream(ERIN.0)));
    talk.pass_secs(1);
    let plays = talk.plays();
    talk.expect_eq(plays, vec![ERIN.0.to_owned()]);
}

#[test]
fn named_streams_without_a_room_are_divided_too() {
    for (index, expected) in [(ERIN.1, ERIN.0), (ALICE.1, ALICE.0)] {
        let mut talk = Conversation::begin(RoomConfig {
            room: None,
            filter: Filter {
                include: vec![ERIN.0.to_owned(), ALICE.0.to_owned()],
                exclude: Vec::new(),
            },
            ..shard(index, 3)
        });
        talk.event(Event::Opened);
        talk.pass_secs(1);
        let plays = talk.plays();
        talk.expect_eq(plays, vec![expected.to_owned()]);
    }
}
