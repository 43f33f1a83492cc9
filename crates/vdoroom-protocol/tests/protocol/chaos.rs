// SPDX-License-Identifier: MPL-2.0
//! Whatever anybody says in whatever order, the element can rely on the rules of
//! `conversation/rules.rs`: each step of these random conversations is held against them. A
//! failure names its seed.

use crate::conversation::{Conversation, Sdp, config, stream};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use vdoroom_protocol::limits::{MAX_PEERS, MAX_STREAMS};
use vdoroom_protocol::{
    Abilities, Dialect, Event, Filter, Password, RoomConfig, RoomState, SessionId, Shard,
};

const CONVERSATIONS: u64 = 150;
const STEPS: usize = 250;

struct Chance(ChaCha20Rng);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0.next_u32() as usize % limit
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 0
    }
}

fn random_config(chance: &mut Chance) -> RoomConfig {
    RoomConfig {
        dialect: [Dialect::Hosted, Dialect::Relay, Dialect::Auto][chance.below(3)],
        password: match chance.below(4) {
            0 => Password::Default,
            1 => Password::Own("mypass".to_owned()),
            _ => Password::Off,
        },
        accept_unencrypted: chance.yes(),
        max_streams: [0, 0, 1, 2][chance.below(4)],
        shard: [Shard::default(), Shard::new(1, 2).unwrap()][usize::from(chance.below(4) == 0)],
        ..config()
    }
}

fn sdp(chance: &mut Chance) -> String {
    let mut sdp = Sdp::new(chance.of(&["x", "y", "z"])).application();
    let lines = chance.below(4);
    for _ in 0..lines {
        sdp = if chance.yes() {
            sdp.video()
        } else {
            sdp.audio()
        };
    }
    if chance.below(8) == 0 {
        sdp = sdp.restarted();
    }
    if lines > 0 && chance.below(4) == 0 {
        sdp = sdp.inactive(1 + chance.below(lines));
    }
    let mut text = sdp.text();
    if chance.below(10) == 0 {
        text.truncate(chance.below(text.len()));
    }
    text
}

/// What a publisher may say, over websocket or channel.
fn said(chance: &mut Chance) -> Value {
    let candidate = json!({"candidate": "candidate:1 1 UDP 1 192.0.2.1 50000 typ host",
        "sdpMid": chance.of(&["0", "1", "7"]), "sdpMLineIndex": chance.below(9)});
    match chance.below(10) {
        0..4 => json!({"description": {"type": "offer", "sdp": sdp(chance)}, "screen": [0]}),
        4 => json!({"candidates": vec![candidate; 30], "type": "local"}),
        5 => json!({ "candidate": candidate }),
        6 => json!({"bye": true}),
        7 => json!({"ping": chance.below(9)}),
        8 => json!({"info": {"label": "L", "muted": chance.yes()}, "videoMuted": chance.yes()}),
        _ => json!({"description": "00ff", "vector": "00", "candidates": 7}),
    }
}

fn message(chance: &mut Chance, spoken: Dialect) -> Value {
    let uuid = chance.of(&["a", "b", "c", "d"]);
    let id = chance.of(&["alice", "bob", "carol"]);
    let mut message = match chance.below(12) {
        0 | 1 => json!({"request": "videoaddedtoroom", "streamID": id}),
        2 => json!({"request": "someonejoined", "streamID": id, "director": chance.yes()}),
        3 => json!({"request": chance.of(&["cleanup", "videoremovedfromroom"]), "streamID": id}),
        4 => {
            let request = chance.of(&["listing", "listing", "transferred"]);
            return json!({"request": request, "list": [{"UUID": uuid, "streamID": id}]});
        }
        5 => {
            return json!({"request": "alert", "message": chance.of(&["hello", "hi", "Room is full", "Client not approved"])});
        }
        _ => {
            let mut said = said(chance);
            said["streamID"] = json!(id);
            said["session"] = json!(chance.of(&["s1", "s2", "s3"]));
            said
        }
    };
    let hosted = spoken == Dialect::Hosted;
    // Now and then in the dialect that is not spoken here.
    let sender = if hosted == (chance.below(10) > 0) {
        "UUID"
    } else {
        "from"
    };
    message[sender] = json!(uuid);
    message
}

fn any_session(chance: &mut Chance, talk: &Conversation) -> SessionId {
    let status = talk.status();
    let live: Vec<_> = status
        .streams
        .iter()
        .flat_map(|stream| stream.sessions.clone())
        .collect();
    match live.len() {
        0 => SessionId(chance.below(5) as u64),
        some => live[chance.below(some)],
    }
}

fn step(chance: &mut Chance, talk: &mut Conversation) {
    let session = any_session(chance, talk);
    let spoken = talk.status().dialect;
    if !matches!(talk.status().state, RoomState::Joined) && chance.below(4) == 0 {
        talk.rejoin(&[("a", "alice"), ("c", "carol")]);
    }
    let id = stream(chance.of(&["alice", "bob", "carol", "x-1", ""]));
    match chance.below(24) {
        0..8 => talk.receives(message(chance, spoken)),
        8..11 => {
            let said = said(chance);
            talk.channel_receives(session, said);
        }
        11 => talk.event(Event::PeerConnected { session }),
        12 => talk.event(Event::ChannelOpen { session }),
        13 => talk.event(Event::MediaFlowing { session }),
        14 => talk.event(match chance.below(4) {
            0 => Event::PeerSilent { session },
            1 => Event::PeerHeard { session },
            2 => Event::ServerAnswers,
            _ => Event::MediaStalled { session },
        }),
        15 => {
            let candidate = "candidate:9 1 UDP 1 192.0.2.9 9 typ host".to_owned();
            let sdp_mline_index = chance.below(3) as u32;
            talk.event(Event::LocalCandidate {
                session,
                sdp_mline_index,
                candidate,
            });
        }
        16 => {
            let answer = talk.answer_of(session);
            talk.event(answer);
        }
        17 => match chance.below(4) {
            0 => talk.event(Event::PeerLost {
                session,
                reason: "lost".to_owned(),
            }),
            1 => talk.event(Event::Closed {
                reason: "closed".to_owned(),
            }),
            _ => talk.event(Event::Opened),
        },
        18 => {
            let event = [Event::Play(id.clone()), Event::Stop(id)][chance.below(2)].clone();
            talk.event(event);
        }
        19 => {
            let accepted = chance.below(4) > 0;
            talk.event(Event::Accepted {
                stream: id,
                accepted,
            });
        }
        20 if chance.below(4) == 0 => {
            let include = [vec![], vec!["al*".to_owned()]][chance.below(2)].clone();
            talk.event(Event::Filter(Filter {
                include,
                exclude: vec![],
            }));
        }
        21 => {
            let mut text = message(chance, spoken).to_string();
            text.truncate(chance.below(text.len() + 1));
            talk.event(Event::Text(text));
        }
        22 => talk.pass_millis(chance.below(2_000) as u64),
        _ => talk.pass_secs(chance.below(40) as u64),
    }
}

#[test]
fn whatever_happens_the_rules_hold() {
    for seed in 0..CONVERSATIONS {
        let mut chance = Chance::new(seed);
        let mut talk = Conversation::begin(random_config(&mut chance));
        talk.title = format!("seed {seed}");
        talk.accepts = chance.yes();
        talk.answers = chance.yes();
        talk.event(Event::Abilities(Abilities {
            direction_changes: chance.yes(),
            ice_restarts: chance.yes(),
        }));
        talk.rejoin(&[("a", "alice"), ("b", "bob")]);
        for _ in 0..STEPS {
            step(&mut chance, &mut talk);
        }
        talk.event(Event::Shutdown);
        talk.expect_eq(talk.open_peers(), 0);
    }
}

#[test]
fn on_a_hosted_server_a_publisher_never_has_two_sessions() {
    for seed in 0..CONVERSATIONS {
        let mut chance = Chance::new(seed);
        let mut talk = Conversation::joined(&[("a", "alice")]);
        talk.title = format!("seed {seed}");
        for _ in 0..STEPS {
            if chance.yes() {
                step_of_alice(&mut chance, &mut talk);
            } else {
                let session = any_session(&mut chance, &talk);
                let event = match chance.below(6) {
                    0 => Event::PeerConnected { session },
                    1 => Event::ChannelOpen { session },
                    2 | 3 => Event::MediaFlowing { session },
                    4 => Event::MediaStalled { session },
                    _ => Event::PeerLost {
                        session,
                        reason: "lost".to_owned(),
                    },
                };
                talk.event(event);
            }
            let sessions = talk.sessions("alice");
            if sessions.len() > 1 {
                talk.fail(&format!("{sessions:?}"));
            }
        }
    }
}

fn step_of_alice(chance: &mut Chance, talk: &mut Conversation) {
    let token = chance.of(&["s1", "s2", "s3"]);
    match chance.below(6) {
        0 => {
            talk.receives(json!({"request": "videoaddedtoroom", "UUID": "a", "streamID": "alice"}))
        }
        1 | 2 => talk.receives(json!({"UUID": "a", "streamID": "alice", "session": token,
            "description": {"type": "offer", "sdp": sdp(chance)}})),
        3 => talk.receives(json!({"UUID": "a", "bye": true, "session": token})),
        4 => talk.pass_millis(chance.below(3_000) as u64),
        _ => talk.pass_secs(chance.below(30) as u64),
    }
}

#[test]
fn two_hundred_joins_and_leaves_miss_nobody_and_double_nobody() {
    let mut chance = Chance::new(1);
    let mut talk = Conversation::joined(&[]);
    let mut here: Vec<(usize, SessionId)> = Vec::new();
    for guest in 0..200 {
        let (uuid, id) = (format!("u{guest}"), format!("s{guest}"));
        talk.receives(json!({"request": "someonejoined", "UUID": uuid, "streamID": id}));
        talk.pass_millis(chance.below(100) as u64);
        if here.len() > 20 {
            let (leaver, session) = here.remove(chance.below(20));
            talk.channel_receives(session, json!({"bye": true}));
            talk.expect_eq(talk.sessions(&format!("s{leaver}")), vec![]);
        }
        talk.pass_millis(40);
        let plays = talk.plays();
        let once = plays.iter().filter(|played| **played == id).count();
        talk.expect_eq(once, 1);
        here.push((guest, talk.flows(&uuid, &id, &format!("t{guest}"))));
    }
    for (guest, session) in here {
        talk.expect_eq(talk.session(&format!("s{guest}")), session);
    }
}

#[test]
fn a_flood_of_names_is_bounded() {
    let mut talk = Conversation::begin(RoomConfig {
        dialect: Dialect::Relay,
        ..config()
    });
    talk.event(Event::Opened);
    for n in 0..MAX_PEERS + 100 {
        let message =
            json!({"request": "seed", "from": format!("u{n}"), "streamID": format!("s{n}")});
        let event = Event::Text(message.to_string());
        talk.room.handle(std::time::Instant::now(), event);
    }
    let status = talk.status();
    talk.expect_eq(
        (status.peers, status.streams.len()),
        (MAX_PEERS, MAX_STREAMS),
    );
}
