// SPDX-License-Identifier: MPL-2.0
//! Conversations made of bytes, so that a fuzzer can lead them.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use serde_json::{Value, json};
use vdoroom_protocol::{Dialect, Event, Filter, Password, RoomConfig, SessionId};

use super::{Conversation, Sdp, config, stream};

const STREAMS: [&str; 4] = ["alice", "bob", "carol", "*"];
const PEERS: [&str; 4] = ["a", "b", "c", "d"];
const TOKENS: [&str; 3] = ["s1", "s2", "s3"];

/// Has the conversation that these bytes mean, and fails if it breaks a rule. `log` keeps it, for
/// the failure to show.
pub fn converse(bytes: &[u8], log: bool) {
    let mut bytes = Unstructured::new(bytes);
    let Ok(chosen) = configuration(&mut bytes) else {
        return;
    };
    let hosted = chosen.dialect == Dialect::Hosted;
    let mut talk = Conversation::begin(chosen);
    talk.log_kept = log;
    talk.accepts = bytes.arbitrary().unwrap_or(true);
    talk.answers = bytes.arbitrary().unwrap_or(true);
    // Nobody claims what is another's: then each stream has one session at most.
    let honest = hosted && bytes.arbitrary().unwrap_or(false);
    while !bytes.is_empty() && step(&mut bytes, &mut talk, honest).is_ok() {
        if honest {
            let several = talk.status().streams.into_iter();
            if let Some(doubled) = several.into_iter().find(|stream| stream.sessions.len() > 1) {
                talk.fail(&format!("two sessions of {doubled:?}"));
            }
        }
    }
    talk.event(Event::Shutdown);
    talk.expect_eq(talk.open_peers(), 0);
    talk.expect_eq(talk.room.deadline(), None);
}

fn configuration(bytes: &mut Unstructured) -> Result<RoomConfig> {
    Ok(RoomConfig {
        room: bytes.arbitrary::<bool>()?.then(|| "studio".to_owned()),
        dialect: *bytes.choose(&[Dialect::Auto, Dialect::Hosted, Dialect::Relay])?,
        password: match bytes.int_in_range(0..=3)? {
            0 => Password::Default,
            1 => Password::Own("mypass".to_owned()),
            _ => Password::Off,
        },
        accept_unencrypted: bytes.arbitrary()?,
        max_streams: bytes.int_in_range(0..=2)?,
        filter: Filter {
            include: vec![(*bytes.choose(&STREAMS)?).to_owned(), "b*".to_owned()],
            exclude: Vec::new(),
        },
        ..config()
    })
}

fn step(bytes: &mut Unstructured, talk: &mut Conversation, honest: bool) -> Result<()> {
    let session = session(bytes, talk)?;
    match bytes.int_in_range(0..=19)? {
        0..=5 => {
            let message = signalled(bytes, honest)?;
            talk.receives(message);
        }
        6..=8 => {
            let said = said(bytes)?;
            talk.channel_receives(session, said);
        }
        9 => talk.event(Event::PeerConnected { session }),
        10 => talk.event(Event::ChannelOpen { session }),
        11 => talk.event(Event::MediaFlowing { session }),
        12 => talk.event(match bytes.int_in_range(0..=3)? {
            0 => Event::PeerSilent { session },
            1 => Event::PeerHeard { session },
            2 => Event::ServerAnswers,
            _ => Event::MediaStalled { session },
        }),
        13 => talk.event(Event::LocalCandidate {
            session,
            sdp_mline_index: bytes.arbitrary()?,
            candidate: bytes.arbitrary()?,
        }),
        14 => {
            let answer = talk.answer_of(session);
            talk.event(answer);
        }
        15 => {
            let reason = "lost".to_owned();
            talk.event(match bytes.int_in_range(0..=3)? {
                0 => Event::PeerLost { session, reason },
                3 => Event::PeerAbuses { session, reason },
                1 => Event::Closed { reason },
                _ => Event::Opened,
            });
        }
        16 => {
            let id = stream(bytes.choose(&STREAMS)?);
            let accepted = bytes.arbitrary()?;
            talk.event(match bytes.int_in_range(0..=2)? {
                0 => Event::Play(id),
                1 => Event::Stop(id),
                _ => Event::Accepted {
                    stream: id,
                    accepted,
                },
            });
        }
        17 => talk.event(Event::Text(bytes.arbitrary()?)),
        18 => talk.pass(Duration::from_millis(bytes.arbitrary::<u16>()?.into())),
        _ => talk.rejoin(&[("a", "alice"), ("b", "bob")]),
    }
    Ok(())
}

fn session(bytes: &mut Unstructured, talk: &Conversation) -> Result<SessionId> {
    let streams = talk.status().streams.into_iter();
    let live: Vec<SessionId> = streams.flat_map(|stream| stream.sessions).collect();
    match bytes.int_in_range(0..=7)? {
        _ if live.is_empty() => Ok(SessionId(1)),
        0 => Ok(SessionId(bytes.int_in_range(0..=9)?)),
        _ => Ok(*bytes.choose(&live)?),
    }
}

/// What the room server passes on, or says itself.
fn signalled(bytes: &mut Unstructured, honest: bool) -> Result<Value> {
    let who = bytes.choose_index(PEERS.len())?;
    let id = match honest {
        true => STREAMS[who],
        false => bytes.choose(&STREAMS)?,
    };
    let mut message = match bytes.int_in_range(0..=8)? {
        0 => json!({"request": "videoaddedtoroom"}),
        1 => json!({"request": "someonejoined", "director": bytes.arbitrary::<bool>()?}),
        2 => json!({"request": *bytes.choose(&["cleanup", "videoremovedfromroom"])?}),
        3 => {
            let request = *bytes.choose(&["listing", "transferred"])?;
            let member = json!({"UUID": PEERS[who], "streamID": id});
            return Ok(json!({"request": request, "list": [member]}));
        }
        4 => {
            let message = *bytes.choose(&["hello", "Room is full", "Client not approved"])?;
            return Ok(json!({"request": "alert", "message": message}));
        }
        _ => {
            let mut said = said(bytes)?;
            said["session"] = json!(*bytes.choose(&TOKENS)?);
            said
        }
    };
    message["streamID"] = json!(id);
    let sender = match honest || bytes.arbitrary()? {
        true => "UUID",
        false => "from",
    };
    message[sender] = json!(PEERS[who]);
    Ok(message)
}

/// What a publisher says, over websocket or channel.
fn said(bytes: &mut Unstructured) -> Result<Value> {
    let line = "candidate:1 1 UDP 1 192.0.2.1 50000 typ host";
    Ok(match bytes.int_in_range(0..=8)? {
        0..=3 => json!({"description": {"type": "offer", "sdp": sdp(bytes)?}, "screen": [0]}),
        4 => {
            let candidate = json!({"candidate": line, "sdpMLineIndex": bytes.arbitrary::<u8>()?});
            json!({"candidates": vec![candidate; bytes.int_in_range(0..=120)?]})
        }
        5 => json!({"candidate": {"candidate": line, "sdpMid": bytes.arbitrary::<&str>()?}}),
        6 => json!({"bye": true}),
        7 => json!({"ping": bytes.arbitrary::<u8>()?}),
        _ => json!({"info": {"label": bytes.arbitrary::<&str>()?}, "description": null}),
    })
}

fn sdp(bytes: &mut Unstructured) -> Result<String> {
    let mut sdp = Sdp::new(bytes.choose(&["x", "y", "z"])?).application();
    for _ in 0..bytes.int_in_range(0..=4)? {
        sdp = match bytes.arbitrary()? {
            true => sdp.video(),
            false => sdp.audio(),
        };
    }
    if bytes.ratio(1, 8)? {
        sdp = sdp.restarted();
    }
    let mut text = sdp.text();
    if bytes.ratio(1, 16)? {
        text.truncate(bytes.choose_index(text.len())?);
    }
    Ok(text)
}
