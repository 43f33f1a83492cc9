// SPDX-License-Identifier: MPL-2.0
//! The rules of a server that fans messages out (protocol 9.2).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::rules::{Effect, Leniency, RoomEvent, SocketId, leave_notice};

pub struct Relay {
    clients: BTreeMap<SocketId, Client>,
    /// Knows rooms, UUIDs and stream IDs; otherwise it is a plain broadcaster.
    aware: bool,
}

#[derive(Default)]
struct Client {
    uuid: Option<String>,
    stream_id: Option<String>,
    room: Option<String>,
}

impl Relay {
    pub fn new(aware: bool) -> Self {
        Self {
            clients: BTreeMap::new(),
            aware,
        }
    }

    pub fn connected(&mut self, id: SocketId) {
        self.clients.insert(id, Client::default());
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
        let json = serde_json::from_str::<Value>(text).unwrap_or_default();
        let mut effects = vec![];
        if self.aware {
            match self.learn(id, &json, leniency) {
                Ok(event) => effects.extend(event.map(Effect::Event)),
                Err(error) => return vec![Effect::say(id, json!({"error": error}))],
            }
        }
        let others = self
            .clients
            .keys()
            .filter(|to| **to != id && self.delivers(id, **to, &json));
        effects.extend(others.map(|to| Effect::Send {
            to: *to,
            from: Some(id),
            text: text.into(),
        }));
        effects
    }

    pub fn disconnected(&mut self, id: SocketId, leniency: Leniency) -> Vec<Effect> {
        let Some(Client {
            uuid,
            stream_id,
            room,
        }) = self.clients.remove(&id)
        else {
            return vec![];
        };
        let uuid = uuid.unwrap_or_default();
        let mut effects = vec![];
        if let Some(notice) = leave_notice(leniency.leave_notice, &uuid) {
            let peers = self
                .clients
                .iter()
                .filter(|(_, client)| client.room == room);
            effects.extend(peers.map(|(to, _)| Effect::say(*to, notice.clone())));
        }
        effects.push(Effect::Event(RoomEvent::Left {
            room,
            uuid,
            stream_id,
        }));
        effects
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
        let taken = |other: &Client| other.uuid.as_deref() == Some(&from);
        if self.others(id).any(taken) {
            return Err("uuid already in use");
        }
        let stream_id = match text("request") {
            Some("seed" | "joinroom") => text("streamID").map(str::to_owned),
            _ => None,
        };
        if let Some(stream_id) = &stream_id {
            let taken = |other: &Client| other.stream_id.as_ref() == Some(stream_id);
            if !leniency.allow_duplicate_streams && self.others(id).any(taken) {
                return Err("sid already in use");
            }
        }
        let Some(client) = self.clients.get_mut(&id) else {
            return Ok(None);
        };
        client.uuid = Some(from.clone());
        let mut event = None;
        if text("request") == Some("joinroom") && client.room.is_none() {
            client.room = text("roomid").map(str::to_owned);
            let room = client.room.clone();
            event = room.map(|room| RoomEvent::Joined {
                room,
                uuid: from.clone(),
            });
        }
        if let Some(stream_id) = stream_id {
            if client
                .stream_id
                .as_ref()
                .is_some_and(|own| *own != stream_id)
            {
                return Err("can't change sid");
            }
            if client.stream_id.replace(stream_id.clone()).is_none() {
                let room = client.room.clone();
                event = Some(RoomEvent::Seeded {
                    room,
                    uuid: from,
                    stream_id,
                });
            }
        }
        Ok(event)
    }

    fn delivers(&self, from: SocketId, to: SocketId, json: &Value) -> bool {
        if !self.aware {
            return true;
        }
        let (from, to) = (&self.clients[&from], &self.clients[&to]);
        let addressed = json["UUID"]
            .as_str()
            .is_none_or(|target| to.uuid.as_deref() == Some(target));
        let plays = json["request"] == "play";
        let wanted = !plays || json["streamID"].as_str() == to.stream_id.as_deref();
        addressed && wanted && from.room == to.room
    }

    fn others(&self, id: SocketId) -> impl Iterator<Item = &Client> {
        self.clients
            .iter()
            .filter(move |(other, _)| **other != id)
            .map(|(_, client)| client)
    }
}
