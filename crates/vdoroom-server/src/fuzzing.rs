// SPDX-License-Identifier: MPL-2.0
//! Anything that clients may say, for `fuzz/fuzz_targets/server.rs` and its replay.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::{
    limits::{Limits, MAX_NAME, MAX_WAITING, Network},
    pages::status::{self, Member},
    rules::{Dialect, Effect, LeaveNotice, Leniency, Rules, SocketId},
};

/// So many clients take part.
const CLIENTS: u8 = 8;

/// Has clients say what the lines of `input` hold, and returns which rule the server breaks.
///
/// The first byte chooses the dialect. A line begins with the number of a client; `+` after it
/// connects the client, `-` disconnects it, all else is what it says. `$` and a number stand for
/// the UUID of a client, which the server made up.
pub fn conversation(input: &[u8]) -> Result<(), String> {
    let mut lines = input.split(|byte| *byte == b'\n');
    let dialect = match lines.next().and_then(|line| line.first()) {
        Some(b'r') => Dialect::Relay,
        Some(b'b') => Dialect::BasicRelay,
        _ => Dialect::Hosted,
    };
    let limits = Limits {
        rooms: 5,
        rooms_per_address: 3,
        members_per_room: 4,
        ..Limits::default()
    };
    let leniency = Leniency {
        leave_notice: LeaveNotice::Cleanup,
        allow_duplicate_streams: false,
    };
    let mut rules = Rules::new(dialect, limits);
    let mut connected = BTreeSet::new();
    for line in lines {
        let [client, said @ ..] = line else {
            continue;
        };
        let id = SocketId::from(client % CLIENTS);
        let effects = match said {
            b"+" if connected.insert(id) => {
                rules.connected(
                    id,
                    Network::from(std::net::IpAddr::from([127, 0, 0, *client])),
                );
                vec![]
            }
            b"-" if connected.remove(&id) => rules.disconnected(id, leniency),
            // What a client has said may be read after it was cut off.
            said => rules.message(id, &with_uuids(said, &rules), leniency),
        };
        told_rightly(&effects, &connected)?;
        bounded(&rules, &connected, &limits)?;
    }
    for id in std::mem::take(&mut connected) {
        rules.disconnected(id, leniency);
    }
    match rules.sizes() {
        [0, 0, 0, 0] => Ok(()),
        sizes => Err(format!("of clients who left there is {sizes:?}")),
    }
}

fn with_uuids(said: &[u8], rules: &Rules) -> String {
    let mut text = String::from_utf8_lossy(said).into_owned();
    for id in 0..CLIENTS {
        let (uuid, _) = rules.names(id.into());
        text = text.replace(&format!("${id}"), uuid.unwrap_or("none"));
    }
    text
}

fn told_rightly(effects: &[Effect], connected: &BTreeSet<SocketId>) -> Result<(), String> {
    for effect in effects {
        if let Effect::Send { to, text, from } = effect {
            if !connected.contains(to) {
                return Err(format!("#{to} is not there, and is told {text}"));
            }
            if from.is_none() && serde_json::from_str::<Value>(text).is_err() {
                return Err(format!("the server says {text}"));
            }
            if from == &Some(*to) {
                return Err(format!("#{to} is told its own words"));
            }
        }
    }
    Ok(())
}

fn bounded(rules: &Rules, connected: &BTreeSet<SocketId>, limits: &Limits) -> Result<(), String> {
    let clients = connected.len();
    let [named, published, waited_for, rooms] = rules.sizes();
    let most = [
        clients,
        clients,
        clients * MAX_WAITING,
        clients.min(limits.rooms),
    ];
    if named > most[0] || published > most[1] || waited_for > most[2] || rooms > most[3] {
        return Err(format!("{:?} of {clients} clients", rules.sizes()));
    }
    let members = connected.iter().map(|id| Member {
        room: rules.room(*id),
        stream_id: rules.names(*id).1,
        connected: Duration::ZERO,
    });
    for member in members.clone() {
        if [member.room, member.stream_id]
            .into_iter()
            .flatten()
            .any(|name| name.len() > MAX_NAME)
        {
            return Err("a name is too long".into());
        }
    }
    let shown = status::status(members, Duration::ZERO);
    let people = |room: &Value| room["people"].as_array().map_or(0, Vec::len);
    let rooms = shown["rooms"].as_array().map_or(&[][..], Vec::as_slice);
    match rooms.iter().map(people).sum::<usize>() {
        sum if sum == clients => Ok(()),
        sum => Err(format!("{sum} of {clients} are shown: {shown}")),
    }
}
