// SPDX-License-Identifier: MPL-2.0
//! The rules of a server that fans messages out (protocol 9.2).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_tungstenite::tungstenite::Utf8Bytes;
use serde_json::{Value, json};

use crate::limits::{Limits, MAX_NAME, Network};

use super::{
    effect::{Effect, Leniency, RoomEvent, SocketId, leave_notice},
    rooms::Rooms,
};

pub struct Relay {
    clients: BTreeMap<SocketId, Client>,
    /// Those in no room: of a server that knows rooms, a group as a room is.
    outside: BTreeSet<SocketId>,
    rooms: Rooms,
    uuids: HashMap<String, SocketId>,
    /// How many publish a stream ID: several, if duplicates are allowed.
    streams: HashMap<String, usize>,
    /// Knows rooms, UUIDs and stream IDs; otherwise it is a plain broadcaster.
    aware: bool,
}

#[derive(Default)]
struct Client {
    network: Network,
    uuid: Option<String>,
    stream_id: Option<String>,
    room: Option<String>,
    /// Its place in the order of joining.
    place: u64,
}

impl Relay {
    pub fn new(aware: bool, limits: Limits) -> Self {
        Self {
            clients: BTreeMap::new(),
            outside: BTreeSet::new(),
            rooms: Rooms::new(limits),
            uuids: HashMap::new(),
            streams: HashMap::new(),
            aware,
        }
    }

    pub fn connected(&mut self, id: SocketId, network: Network) {
        self.outside.insert(id);
        let client = Client {
            network,
            ..Client::default()
        };
        self.clients.insert(id, client);
    }

    pub fn names(&self, id: SocketId) -> (Option<&str>, Option<&str>) {
        match self.clients.get(&id) {
            Some(client) => (client.uuid.as_deref(), client.stream_id.as_deref()),
            None => (None, None),
        }
    }

    pub fn room(&self, id: SocketId) -> Option<&str> {
        self.clients.get(&id)?.room.as_deref()
    }

    pub fn message(&mut self, id: SocketId, text: &str, leniency: Leniency) -> Vec<Effect> {
        if !self.clients.contains_key(&id) {
            return vec![];
        }
        let json = serde_json::from_str::<Value>(text).unwrap_or_default();
        let mut effects = vec![];
        if self.aware {
            match self.learn(id, &json, leniency) {
                Ok(event) => effects.extend(event.map(Effect::Event)),
                Err(error) => return vec![Effect::say(id, json!({"error": error}))],
            }
        }
        let text: Utf8Bytes = text.into();
        let others = self.reached(id, &json);
        effects.extend(others.map(|to| Effect::Send {
            to,
            from: Some(id),
            text: text.clone(),
        }));
        effects
    }

    pub fn disconnected(&mut self, id: SocketId, leniency: Leniency) -> Vec<Effect> {
        let Some(client) = self.clients.remove(&id) else {
            return vec![];
        };
        self.outside.remove(&id);
        if let Some(room) = &client.room {
            self.rooms.leave(room, client.place);
        }
        if let Some(uuid) = &client.uuid {
            self.uuids.remove(uuid);
        }
        if let Some(stream_id) = &client.stream_id {
            self.release(stream_id);
        }
        let (room, uuid) = (client.room, client.uuid.unwrap_or_default());
        let mut effects = vec![];
        if let Some(notice) = leave_notice(leniency.leave_notice, &uuid) {
            let peers = self.peers(room.as_deref());
            effects.extend(peers.map(|to| Effect::say(to, notice.clone())));
        }
        effects.push(Effect::Event(RoomEvent::Left {
            room,
            uuid,
            stream_id: client.stream_id,
        }));
        effects
    }

    fn release(&mut self, stream_id: &str) {
        if let Some(publishers) = self.streams.get_mut(stream_id) {
            *publishers -= 1;
            if *publishers == 0 {
                self.streams.remove(stream_id);
            }
        }
    }

    /// Takes note of who the sender is; the error is what it is told instead of a delivery.
    fn learn(
        &mut self,
        id: SocketId,
        json: &Value,
        leniency: Leniency,
    ) -> Result<Option<RoomEvent>, &'static str> {
        if !json.is_object() {
            return Err("invalid message format");
        }
        let text = |name: &str| json[name].as_str().filter(|text| !text.is_empty());
        let from = text("from").ok_or("missing from field")?.to_owned();
        if from.len() > MAX_NAME {
            return Err("from field too long");
        }
        if self.uuids.get(&from).is_some_and(|other| *other != id) {
            return Err("uuid already in use");
        }
        let stream_id = match text("request") {
            Some("seed" | "joinroom") => text("streamID").map(str::to_owned),
            _ => None,
        };
        let Some(client) = self.clients.get_mut(&id) else {
            return Ok(None);
        };
        if let Some(stream_id) = &stream_id {
            let own = client.stream_id.as_ref() == Some(stream_id);
            let taken = !own && self.streams.contains_key(stream_id);
            if taken && !leniency.allow_duplicate_streams {
                return Err("sid already in use");
            }
            if stream_id.len() > MAX_NAME {
                return Err("sid too long");
            }
        }
        if let Some(before) = client.uuid.replace(from.clone()) {
            self.uuids.remove(&before);
        }
        self.uuids.insert(from.clone(), id);
        let mut event = None;
        if text("request") == Some("joinroom")
            && client.room.is_none()
            && let Some(room) = text("roomid")
        {
            client.place = self.rooms.enter(room, id, client.network)?;
            client.room = Some(room.into());
            self.outside.remove(&id);
            event = Some(RoomEvent::Joined {
                room: room.into(),
                uuid: from.clone(),
            });
        }
        if let Some(stream_id) = stream_id {
            match &client.stream_id {
                Some(own) if *own != stream_id => return Err("can't change sid"),
                Some(_) => {}
                None => {
                    *self.streams.entry(stream_id.clone()).or_default() += 1;
                    client.stream_id = Some(stream_id.clone());
                    let room = client.room.clone();
                    event = Some(RoomEvent::Seeded {
                        room,
                        uuid: from,
                        stream_id,
                    });
                }
            }
        }
        Ok(event)
    }

    /// Whom a message of `from` goes to.
    fn reached(&self, from: SocketId, json: &Value) -> impl Iterator<Item = SocketId> {
        let room = self.clients.get(&from).map(|client| client.room.as_deref());
        let all = (!self.aware).then(|| self.clients.keys().copied());
        let target = json["UUID"].as_str();
        let target = target.map(|target| self.uuids.get(target).copied());
        let (one, many) = match (target, room) {
            (Some(Some(target)), Some(room)) if self.aware => {
                let there = self.clients.get(&target);
                let there = there.is_some_and(|client| client.room.as_deref() == room);
                (there.then_some(target), None)
            }
            (None, Some(room)) if self.aware => (None, Some(self.peers(room))),
            _ => (None, None),
        };
        let wanted = (self.aware && json["request"] == "play").then(|| json["streamID"].as_str());
        let wants = move |id: &SocketId| {
            let Some(stream_id) = wanted else {
                return true;
            };
            let client = self.clients.get(id);
            client.is_some_and(|client| client.stream_id.as_deref() == stream_id)
        };
        let all = all.into_iter().flatten().chain(one);
        let all = all.chain(many.into_iter().flatten());
        all.filter(move |to| *to != from).filter(wants)
    }

    /// Who is in a room, or in none.
    fn peers(&self, room: Option<&str>) -> impl Iterator<Item = SocketId> {
        let outside = room.is_none().then(|| self.outside.iter().copied());
        let inside = room.map(|room| self.rooms.members(room));
        outside
            .into_iter()
            .flatten()
            .chain(inside.into_iter().flatten())
    }

    /// What is remembered: clients outside of rooms, UUIDs, streams, and rooms.
    #[cfg(feature = "faults")]
    pub fn sizes(&self) -> [usize; 4] {
        let (outside, uuids) = (self.outside.len(), self.uuids.len());
        [outside, uuids, self.streams.len(), self.rooms.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_those_who_left_nothing_stays() {
        let mut rules = Relay::new(true, Limits::default());
        let say = |rules: &mut Relay, id: SocketId, json: Value| {
            rules.message(id, &json.to_string(), Leniency::default())
        };
        for id in 0..100 {
            rules.connected(id, Network::default());
            let room = format!("r{}", id % 7);
            for from in ["a", "b"] {
                let from = format!("{from}{id}");
                let sid = format!("s{id}");
                let join =
                    json!({"request": "joinroom", "roomid": room, "from": from, "streamID": sid});
                say(&mut rules, id, join);
            }
        }
        assert_eq!(rules.sizes(), [0, 100, 100, 7]);
        for id in 0..100 {
            rules.disconnected(id, Leniency::default());
            rules.disconnected(id, Leniency::default());
            let late = json!({"request": "joinroom", "roomid": "late", "from": "late"});
            say(&mut rules, id, late);
        }
        assert_eq!(rules.sizes(), [0; 4]);
    }

    #[test]
    fn names_beyond_any_use_are_refused() {
        let mut rules = Relay::new(true, Limits::default());
        rules.connected(1, Network::default());
        let long = "x".repeat(MAX_NAME + 1);
        for (message, error) in [
            (json!({"from": long}), "from field too long"),
            (
                json!({"from": "a", "request": "seed", "streamID": long}),
                "sid too long",
            ),
            (
                json!({"from": "a", "request": "joinroom", "roomid": long}),
                "The name of the room is too long.",
            ),
        ] {
            let effects = rules.message(1, &message.to_string(), Leniency::default());
            let said = json!({"error": error}).to_string();
            assert!(
                matches!(&effects[..], [Effect::Send { to: 1, text, .. }] if text.as_str() == said),
                "{effects:?}"
            );
        }
    }
}
