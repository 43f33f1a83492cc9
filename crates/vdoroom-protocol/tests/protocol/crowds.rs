// SPDX-License-Identifier: MPL-2.0
//! Many guests, and guests who take their time: nobody is missed, nobody is received twice, and
//! the room server is not flooded. Whoever can be reached is asked within three seconds.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::conversation::{Conversation, Sdp, announced};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::json;
use vdoroom_protocol::{Event, SessionId, StreamState};

const STEP: Duration = Duration::from_millis(100);

/// How many may be asked in one [`STEP`].
const PACE: usize = 6;

const REACHED: Duration = Duration::from_secs(3);

/// Passes this time and returns who was played in it, in order. Fails if the pace is not kept.
fn listen(talk: &mut Conversation, time: Duration) -> Vec<String> {
    let mut played = Vec::new();
    let end = talk.elapsed() + time;
    while talk.elapsed() < end {
        talk.pass(STEP.min(end - talk.elapsed()));
        let plays = talk.plays();
        if plays.len() > PACE {
            talk.fail(&format!("{} plays within {STEP:?}", plays.len()));
        }
        played.extend(plays);
    }
    played
}

fn joins(talk: &mut Conversation, uuid: &str, id: &str) {
    talk.receives(json!({"request": "someonejoined", "UUID": uuid}));
    talk.receives(announced(uuid, id));
}

#[test]
fn sixty_who_join_in_the_same_second_are_each_asked_once_within_three() {
    let mut talk = Conversation::joined(&[]);
    let mut played = Vec::new();
    for guest in 0..60 {
        joins(&mut talk, &format!("u{guest}"), &format!("s{guest}"));
        played.extend(listen(&mut talk, Duration::from_millis(16)));
    }
    let rest = REACHED - talk.elapsed();
    played.extend(listen(&mut talk, rest));
    played.sort();
    let mut all: Vec<String> = (0..60).map(|guest| format!("s{guest}")).collect();
    all.sort();
    talk.expect_eq(played, all);
}

/// A guest in the waiting room: asked, and silent.
#[test]
fn a_guest_who_is_let_in_after_an_hour_is_asked_at_once() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    // Between two attempts that are far apart.
    talk.pass_secs(3600 + 90);
    talk.take();
    joins(&mut talk, "a", "alice");
    let played = listen(&mut talk, REACHED);
    talk.expect_eq(played, vec!["alice".to_owned()]);
    talk.flows("a", "alice", "in");
    let played = listen(&mut talk, Duration::from_secs(600));
    talk.expect_eq(played, vec![]);
}

/// The same where the guest is connected meanwhile, and its media held back (protocol 7.6).
#[test]
fn a_guest_who_is_connected_and_waits_to_be_let_in_keeps_its_connection() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.offers("a", "alice", "t", &Sdp::new("t").application());
    let session = talk.session("alice");
    talk.connects(session);
    talk.channel_receives(session, json!({"info": {"label": "Alice", "queued": true}}));
    let played = listen(&mut talk, Duration::from_secs(3600));
    talk.expect_eq(played, vec!["alice".to_owned()]);
    talk.event(Event::MediaFlowing { session });
    talk.expect_eq(talk.session("alice"), session);
    talk.expect_eq(talk.state("alice"), StreamState::Flowing);
}

#[test]
fn a_guest_who_is_moved_away_and_comes_back_is_asked_at_once() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let first = talk.flows("a", "alice", "one");
    talk.take();
    talk.channel_receives(first, json!({"bye": true}));
    talk.receives(json!({"request": "cleanup", "UUID": "a"}));
    listen(&mut talk, Duration::from_secs(1000));
    joins(&mut talk, "a", "alice");
    let played = listen(&mut talk, REACHED);
    talk.expect_eq(played, vec!["alice".to_owned()]);
    talk.flows("a", "alice", "two");
}

#[test]
fn of_two_who_come_at_once_the_second_is_not_played_while_the_first_has_media() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.receives(announced("b", "alice"));
    let alice = talk.flows("a", "alice", "ta");
    talk.take();
    talk.pass_secs(60);
    let plays = talk.plays();
    talk.expect_eq(plays, vec![]);
    talk.event(Event::MediaStalled { session: alice });
    talk.pass_secs(1);
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["alice".to_owned()]);
}

struct Guest {
    uuid: String,
    session: SessionId,
}

/// How one of the guests goes.
fn leaves(talk: &mut Conversation, way: u32, guest: &Guest) {
    let session = guest.session;
    match way % 4 {
        0 => talk.channel_receives(session, json!({"bye": true})),
        1 => talk.receives(json!({"UUID": guest.uuid, "bye": true})),
        2 => {
            talk.receives(json!({"request": "cleanup", "UUID": guest.uuid}));
            let reason = "ICE failed".to_owned();
            talk.event(Event::PeerLost { session, reason });
        }
        _ => talk.event(Event::PeerLost {
            session,
            reason: "ICE failed".to_owned(),
        }),
    }
}

#[test]
fn two_hundred_joins_and_leaves_in_any_order_miss_nobody_and_double_nobody() {
    for seed in 0..10 {
        let mut chance = ChaCha20Rng::seed_from_u64(seed);
        let mut talk = Conversation::joined(&[]);
        talk.title = format!("with seed {seed}");
        let mut here = BTreeMap::<String, Guest>::new();
        for step in 0..200 {
            // Few names: most guests have been here before, under another UUID.
            let id = format!("s{}", chance.next_u32() % 30);
            if let Some(guest) = here.remove(&id) {
                leaves(&mut talk, chance.next_u32(), &guest);
            } else {
                let uuid = format!("u{step}");
                talk.take();
                joins(&mut talk, &uuid, &id);
                let played = listen(&mut talk, REACHED);
                talk.expect_eq(played.iter().filter(|played| **played == id).count(), 1);
                let session = talk.flows(&uuid, &id, &format!("t{step}"));
                here.insert(id, Guest { uuid, session });
            }
            let pause = Duration::from_millis((chance.next_u32() % 2000).into());
            listen(&mut talk, pause);
            for (id, guest) in &here {
                talk.expect_eq(talk.sessions(id), vec![guest.session]);
            }
        }
    }
}
