// SPDX-License-Identifier: MPL-2.0
//! The rules of a server that tracks rooms (protocol 9.1).

use std::collections::{HashMap, VecDeque};

use async_tungstenite::tungstenite::Utf8Bytes;
use serde_json::{Value, json};

use crate::limits::{Limits, MAX_NAME, MAX_WAITING, Network};

use super::{
    effect::{Effect, Leniency, RoomEvent, SocketId, leave_notice},
    rooms::Rooms,
    uuid,
};

pub struct Hosted {
    members: HashMap<SocketId, Member>,
    uuids: HashMap<String, SocketId>,
    /// Who publishes a stream ID, the latest last: several, if duplicates are allowed.
    owners: HashMap<String, Vec<SocketId>>,
    /// Viewers that asked for a stream that is not there, by stream ID.
    waiting: HashMap<String, Vec<SocketId>>,
    rooms: Rooms,
}

struct Member {
    uuid: String,
    network: Network,
    stream_id: Option<String>,
    room: Option<Place>,
    /// The streams that it waits for.
    wishes: VecDeque<String>,
}

struct Place {
    room: String,
    /// Its place in the order of joining.
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

fn alert(to: SocketId, text: &str) -> Vec<Effect> {
    let alert = json!({"request": "alert", "message": text});
    vec![Effect::say(to, alert)]
}

/// Removes an ID from a list of a map, and the list if nothing is left.
fn forget(map: &mut HashMap<String, Vec<SocketId>>, name: &str, id: SocketId) {
    if let Some(ids) = map.get_mut(name) {
        ids.retain(|other| *other != id);
        if ids.is_empty() {
            map.remove(name);
        }
    }
}

impl Hosted {
    pub fn new(limits: Limits) -> Self {
        Self {
            members: HashMap::new(),
            uuids: HashMap::new(),
            owners: HashMap::new(),
            waiting: HashMap::new(),
            rooms: Rooms::new(limits),
        }
    }

    pub fn connected(&mut self, id: SocketId, network: Network) {
        // Nothing is heard of a client that has no name.
        let Some(uuid) = uuid::random() else {
            return;
        };
        self.uuids.insert(uuid.clone(), id);
        let member = Member {
            uuid,
            network,
            stream_id: None,
            room: None,
            wishes: VecDeque::new(),
        };
        self.members.insert(id, member);
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
        self.uuids.remove(&member.uuid);
        for wish in &member.wishes {
            forget(&mut self.waiting, wish, id);
        }
        if let Some(stream_id) = &member.stream_id {
            forget(&mut self.owners, stream_id, id);
        }
        let mut effects = vec![];
        if let Some(place) = &member.room {
            self.rooms.leave(&place.room, place.order);
            if let Some(notice) = leave_notice(leniency.leave_notice, &member.uuid) {
                effects = self.tell_room(&place.room, id, &notice);
            }
        }
        effects.push(Effect::Event(RoomEvent::Left {
            room: member.room.map(|place| place.room),
            uuid: member.uuid,
            stream_id: member.stream_id,
        }));
        effects
    }

    fn forward(&self, from: SocketId, json: &mut Value) -> Vec<Effect> {
        let target = json.get("UUID").and_then(Value::as_str);
        let to = target.and_then(|target| self.uuids.get(target));
        let to = to.filter(|to| **to != from);
        let (Some(to), Some(sender)) = (to, self.members.get(&from)) else {
            return vec![];
        };
        json["UUID"] = json!(sender.uuid);
        if let Some(object) = json.as_object_mut() {
            object.remove("from");
        }
        vec![Effect::Send {
            to: *to,
            from: Some(from),
            text: json.to_string().into(),
        }]
    }

    fn join(&mut self, id: SocketId, roomid: &str, claim: bool) -> Vec<Effect> {
        let is_new = |member: &Member| member.room.is_none();
        if roomid.is_empty() || !self.members.get(&id).is_some_and(is_new) {
            return vec![];
        }
        let room = roomid.to_lowercase();
        let director = claim && self.director(&room).is_none();
        let mut effects = match claim && !director {
            true => alert(id, "Room is already claimed by someone else."),
            false => vec![],
        };
        match self.enter(id, &room, director, "listing", claim) {
            Ok(told) => effects.extend(told),
            Err(refusal) => return alert(id, refusal),
        }
        if let Some(member) = self.members.get(&id) {
            let uuid = member.uuid.clone();
            effects.push(Effect::Event(RoomEvent::Joined { room, uuid }));
        }
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
    ) -> Result<Vec<Effect>, &'static str> {
        let others = self.rooms.members(room);
        let others = others.filter_map(|id| self.members.get(&id));
        let list: Vec<Value> = others.map(Member::entry).collect();
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(vec![]);
        };
        let order = self.rooms.enter(room, id, member.network)?;
        member.room = Some(Place {
            room: room.into(),
            order,
            director,
        });
        let mut joined = member.entry();
        joined["request"] = json!("someonejoined");
        if director {
            joined["director"] = json!(true);
        }
        let mut listing = json!({"request": request, "list": list});
        if claim {
            listing["claim"] = json!(director);
        }
        // Not to the director itself: its page takes a director that is named for another one, and leaves
        // to that one what only a director may do.
        if !director && let Some(uuid) = self.director(room) {
            listing["director"] = json!(uuid);
        }
        let mut effects = vec![Effect::say(id, listing)];
        effects.extend(self.tell_room(room, id, &joined));
        Ok(effects)
    }

    fn seed(&mut self, id: SocketId, stream_id: &str, leniency: Leniency) -> Vec<Effect> {
        let taken = self.owners.contains_key(stream_id);
        let Some(member) = self.members.get_mut(&id) else {
            return vec![];
        };
        match member.stream_id.as_deref() {
            _ if stream_id.is_empty() => return vec![],
            Some(own) if own == stream_id => return vec![],
            Some(_) => return alert(id, "Stream ID cannot change on an existing connection."),
            None if stream_id.len() > MAX_NAME => return alert(id, "The stream ID is too long."),
            None if taken && !leniency.allow_duplicate_streams => {
                return alert(id, "Stream ID is already in use.");
            }
            None => member.stream_id = Some(stream_id.into()),
        }
        let owners = self.owners.entry(stream_id.into()).or_default();
        owners.push(id);
        let (uuid, room) = (member.uuid.clone(), member.room().map(str::to_owned));
        let mut added = member.entry();
        let mut effects = match &room {
            Some(room) => {
                added["request"] = json!("videoaddedtoroom");
                self.tell_room(room, id, &added)
            }
            None => self.offer_to_waiting(id, stream_id),
        };
        effects.push(Effect::Event(RoomEvent::Seeded {
            room,
            uuid,
            stream_id: stream_id.into(),
        }));
        effects
    }

    fn offer_to_waiting(&mut self, seeder: SocketId, stream_id: &str) -> Vec<Effect> {
        let viewers = self.waiting.remove(stream_id).unwrap_or_default();
        for viewer in &viewers {
            if let Some(member) = self.members.get_mut(viewer) {
                member.wishes.retain(|wish| wish != stream_id);
            }
        }
        let requests = viewers
            .into_iter()
            .filter_map(|viewer| self.offer_request(seeder, viewer));
        requests.collect()
    }

    fn offer_request(&self, seeder: SocketId, viewer: SocketId) -> Option<Effect> {
        let uuid = &self.members.get(&viewer)?.uuid;
        let request = json!({"request": "offerSDP", "UUID": uuid});
        Some(Effect::say(seeder, request))
    }

    fn play(&mut self, viewer: SocketId, stream_id: &str) -> Vec<Effect> {
        let owner = self.owners.get(stream_id);
        let owner = owner.and_then(|owners| owners.last().copied());
        if stream_id.is_empty() || stream_id.len() > MAX_NAME || owner == Some(viewer) {
            return vec![];
        }
        let reachable = owner.filter(|owner| {
            let room = self.room(*owner);
            room.is_none() || room == self.room(viewer)
        });
        match reachable {
            Some(seeder) => self.offer_request(seeder, viewer).into_iter().collect(),
            None => {
                self.wait(viewer, stream_id);
                vec![]
            }
        }
    }

    /// Remembers that a viewer waits for a stream, instead of the oldest wish if it has too many.
    fn wait(&mut self, viewer: SocketId, stream_id: &str) {
        let Some(member) = self.members.get_mut(&viewer) else {
            return;
        };
        if member.wishes.iter().any(|wish| wish == stream_id) {
            return;
        }
        member.wishes.push_back(stream_id.into());
        let viewers = self.waiting.entry(stream_id.into()).or_default();
        viewers.push(viewer);
        if member.wishes.len() > MAX_WAITING
            && let Some(oldest) = member.wishes.pop_front()
        {
            forget(&mut self.waiting, &oldest, viewer);
        }
    }

    fn migrate(&mut self, id: SocketId, target: &str, roomid: &str) -> Vec<Effect> {
        let moved = self.uuids.get(target).copied();
        let moved = moved.filter(|moved| self.room(*moved) == self.room(id));
        let asker = self.members.get(&id).and_then(|asker| asker.room.as_ref());
        match moved {
            Some(moved) if asker.is_some_and(|place| place.director) && !roomid.is_empty() => {
                self.transfer(moved, roomid)
            }
            _ => vec![],
        }
    }

    /// Moves a member to another room. If there is no place for it, it is in none.
    pub fn transfer(&mut self, id: SocketId, roomid: &str) -> Vec<Effect> {
        let Some(member) = self.members.get_mut(&id) else {
            return vec![];
        };
        if let Some(place) = member.room.take() {
            self.rooms.leave(&place.room, place.order);
        }
        let entered = self.enter(id, &roomid.to_lowercase(), false, "transferred", false);
        entered.unwrap_or_else(|refusal| alert(id, refusal))
    }

    fn tell_room(&self, room: &str, except: SocketId, json: &Value) -> Vec<Effect> {
        let text: Utf8Bytes = json.to_string().into();
        let others = self.rooms.members(room).filter(|id| *id != except);
        let tell = |to| Effect::Send {
            to,
            from: None,
            text: text.clone(),
        };
        others.map(tell).collect()
    }

    fn director(&self, room: &str) -> Option<&str> {
        let members = self.rooms.members(room);
        let members = members.filter_map(|id| self.members.get(&id));
        let directs = |member: &&Member| member.room.as_ref().is_some_and(|p| p.director);
        members
            .filter(directs)
            .map(|member| member.uuid.as_str())
            .next()
    }

    /// What is remembered: UUIDs, streams, streams that are waited for, and rooms.
    #[cfg(feature = "faults")]
    pub fn sizes(&self) -> [usize; 4] {
        let wishes = self.members.values().map(|member| member.wishes.len());
        [
            self.uuids.len(),
            self.owners.len(),
            self.waiting.len().max(wishes.sum()),
            self.rooms.len(),
        ]
    }
}

#[cfg(test)]
mod tests;
