// SPDX-License-Identifier: MPL-2.0
//! The rules of a server that tracks rooms (protocol 9.1).

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::rules::{Effect, Leniency, RoomEvent, SocketId, leave_notice};

#[derive(Default)]
pub struct Hosted {
    members: BTreeMap<SocketId, Member>,
    /// Viewers that asked for a stream that is not there, by stream ID.
    waiting: HashMap<String, Vec<SocketId>>,
    joins: u64,
}

struct Member {
    uuid: String,
    stream_id: Option<String>,
    room: Option<Place>,
}

struct Place {
    room: String,
    /// Listings are in order of joining.
    order: u64,
    director: bool,
}

impl Member {
    fn room(&self) -> Option<&str> {
        self.room.as_ref().map(|place| place.room.as_str())
    }

    fn entry(&self) -> Value {
        let mut entry = json!({"UUID": self.uuid});
        if let Some(stream_id) = &self.stream_id {
            entry["streamID"] = json!(stream_id);
        }
        entry
    }
}

impl Hosted {
    pub fn connected(&mut self, id: SocketId) {
        let uuid = gst::glib::uuid_string_random().to_string();
        self.members.insert(
            id,
            Member {
                uuid,
                stream_id: None,
                room: None,
            },
        );
    }

    pub fn names(&self, id: SocketId) -> (Option<&str>, Option<&str>) {
        match self.members.get(&id) {
            Some(member) => (Some(&member.uuid), member.stream_id.as_deref()),
            None => (None, None),
        }
    }

    pub fn room(&self, id: SocketId) -> Option<&str> {
        self.members.get(&id).and_then(Member::room)
    }

    pub fn message(&mut self, id: SocketId, text: &str, leniency: Leniency) -> Vec<Effect> {
        let Ok(mut json) = serde_json::from_str::<Value>(text) else {
            return vec![];
        };
        let field = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        match json.get("request").and_then(Value::as_str) {
            None => self.forward(id, &mut json),
            Some("joinroom") => self.join(id, &field("roomid"), json["claim"] == true),
            Some("seed") => self.seed(id, &field("streamID"), leniency),
            Some("play") => self.play(id, &field("streamID")),
            Some("migrate") => self.migrate(id, &field("target"), &field("roomid")),
            Some(_) => vec![],
        }
    }

    pub fn disconnected(&mut self, id: SocketId, leniency: Leniency) -> Vec<Effect> {
        let Some(member) = self.members.remove(&id) else {
            return vec![];
        };
        self.waiting
            .values_mut()
            .for_each(|viewers| viewers.retain(|viewer| *viewer != id));
        let room = member.room().map(str::to_owned);
        let mut effects = vec![];
        if let (Some(room), Some(notice)) =
            (&room, leave_notice(leniency.leave_notice, &member.uuid))
        {
            effects = self.tell_room(room, id, notice);
        }
        let (uuid, stream_id) = (member.uuid, member.stream_id);
        effects.push(Effect::Event(RoomEvent::Left {
            room,
            uuid,
            stream_id,
        }));
        effects
    }

    fn forward(&self, from: SocketId, json: &mut Value) -> Vec<Effect> {
        let Some(target) = json.get("UUID").and_then(Value::as_str) else {
            return vec![];
        };
        let Some(to) = self.by_uuid(target) else {
            return vec![];
        };
        json["UUID"] = json!(self.members[&from].uuid);
        if let Some(object) = json.as_object_mut() {
            object.remove("from");
        }
        vec![Effect::Send {
            to,
            from: Some(from),
            text: json.to_string(),
        }]
    }

    fn join(&mut self, id: SocketId, roomid: &str, claim: bool) -> Vec<Effect> {
        if roomid.is_empty() || self.members[&id].room.is_some() {
            return vec![];
        }
        let room = roomid.to_lowercase();
        let director = claim && self.director(&room).is_none();
        let mut effects = vec![];
        if claim && !director {
            let text = "Room is already claimed by someone else.";
            effects.push(Effect::say(
                id,
                json!({"request": "alert", "message": text}),
            ));
        }
        effects.extend(self.enter(id, &room, director, "listing", claim));
        let uuid = self.members[&id].uuid.clone();
        effects.push(Effect::Event(RoomEvent::Joined { room, uuid }));
        effects
    }

    /// Puts a member into a room: it gets the list, the others get `someonejoined`.
    fn enter(
        &mut self,
        id: SocketId,
        room: &str,
        director: bool,
        request: &str,
        claim: bool,
    ) -> Vec<Effect> {
        let list: Vec<Value> = self
            .in_room(room)
            .iter()
            .map(|id| self.members[id].entry())
            .collect();
        let mut listing = json!({"request": request, "list": list});
        if director {
            listing["director"] = json!(self.members[&id].uuid);
        } else if let Some(uuid) = self.director(room) {
            listing["director"] = json!(uuid);
        }
        if claim {
            listing["claim"] = json!(director);
        }
        let mut joined = self.members[&id].entry();
        joined["request"] = json!("someonejoined");
        if director {
            joined["director"] = json!(true);
        }
        let mut effects = vec![Effect::say(id, listing)];
        effects.extend(self.tell_room(room, id, joined));
        self.joins += 1;
        let place = Place {
            room: room.into(),
            order: self.joins,
            director,
        };
        if let Some(member) = self.members.get_mut(&id) {
            member.room = Some(place);
        }
        effects
    }

    fn seed(&mut self, id: SocketId, stream_id: &str, leniency: Leniency) -> Vec<Effect> {
        let alert = |text| {
            vec![Effect::say(
                id,
                json!({"request": "alert", "message": text}),
            )]
        };
        if stream_id.is_empty() {
            return vec![];
        }
        match self.members[&id].stream_id.as_deref() {
            Some(own) if own == stream_id => return vec![],
            Some(_) => return alert("Stream ID cannot change on an existing connection."),
            None => {}
        }
        if self.owner(stream_id).is_some() && !leniency.allow_duplicate_streams {
            return alert("Stream ID is already in use.");
        }
        let Some(member) = self.members.get_mut(&id) else {
            return vec![];
        };
        member.stream_id = Some(stream_id.into());
        let uuid = member.uuid.clone();
        let room = member.room().map(str::to_owned);
        let mut effects = match &room {
            Some(room) => {
                let mut added = self.members[&id].entry();
                added["request"] = json!("videoaddedtoroom");
                self.tell_room(room, id, added)
            }
            None => self.offer_to_waiting(id, stream_id),
        };
        let stream_id = stream_id.into();
        effects.push(Effect::Event(RoomEvent::Seeded {
            room,
            uuid,
            stream_id,
        }));
        effects
    }

    fn offer_to_waiting(&mut self, seeder: SocketId, stream_id: &str) -> Vec<Effect> {
        let viewers = self.waiting.remove(stream_id).unwrap_or_default();
        viewers
            .into_iter()
            .map(|viewer| self.offer_request(seeder, viewer))
            .collect()
    }

    fn offer_request(&self, seeder: SocketId, viewer: SocketId) -> Effect {
        let uuid = &self.members[&viewer].uuid;
        Effect::say(seeder, json!({"request": "offerSDP", "UUID": uuid}))
    }

    fn play(&mut self, viewer: SocketId, stream_id: &str) -> Vec<Effect> {
        if stream_id.is_empty() {
            return vec![];
        }
        let owner = self.owner(stream_id);
        if owner == Some(viewer) {
            return vec![];
        }
        let reachable = owner.filter(|owner| {
            let room = self.members[owner].room();
            room.is_none() || room == self.members[&viewer].room()
        });
        match reachable {
            Some(seeder) => vec![self.offer_request(seeder, viewer)],
            None => {
                let viewers = self.waiting.entry(stream_id.into()).or_default();
                if !viewers.contains(&viewer) {
                    viewers.push(viewer);
                }
                vec![]
            }
        }
    }

    fn migrate(&mut self, id: SocketId, target: &str, roomid: &str) -> Vec<Effect> {
        let asker = &self.members[&id];
        let directs = asker.room.as_ref().is_some_and(|place| place.director);
        let moved = self
            .by_uuid(target)
            .filter(|to| self.members[to].room() == asker.room());
        match moved {
            Some(moved) if directs && !roomid.is_empty() => self.transfer(moved, roomid),
            _ => vec![],
        }
    }

    /// Moves a member to another room.
    pub fn transfer(&mut self, id: SocketId, roomid: &str) -> Vec<Effect> {
        let Some(member) = self.members.get_mut(&id) else {
            return vec![];
        };
        member.room = None;
        self.enter(id, &roomid.to_lowercase(), false, "transferred", false)
    }

    fn tell_room(&self, room: &str, except: SocketId, json: Value) -> Vec<Effect> {
        let others = self.in_room(room).into_iter().filter(|id| *id != except);
        others.map(|id| Effect::say(id, json.clone())).collect()
    }

    fn in_room(&self, room: &str) -> Vec<SocketId> {
        let mut ids: Vec<(u64, SocketId)> = self
            .members
            .iter()
            .filter_map(|(id, member)| Some((member.room.as_ref()?, *id)))
            .filter(|(place, _)| place.room == room)
            .map(|(place, id)| (place.order, id))
            .collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    fn director(&self, room: &str) -> Option<&str> {
        let ids = self.in_room(room);
        let director = ids
            .iter()
            .find(|id| self.members[id].room.as_ref().is_some_and(|p| p.director))?;
        Some(&self.members[director].uuid)
    }

    /// The latest seeder of a stream: with duplicates allowed, the one that came last.
    fn owner(&self, stream_id: &str) -> Option<SocketId> {
        let owns = |member: &Member| member.stream_id.as_deref() == Some(stream_id);
        self.members
            .iter()
            .rev()
            .find(|(_, member)| owns(member))
            .map(|(id, _)| *id)
    }

    fn by_uuid(&self, uuid: &str) -> Option<SocketId> {
        self.members
            .iter()
            .find(|(_, member)| member.uuid == uuid)
            .map(|(id, _)| *id)
    }
}
