// SPDX-License-Identifier: MPL-2.0
//! Who is in which room, for both dialects.

use std::collections::{BTreeMap, HashMap};

use crate::limits::{Limits, MAX_NAME, Network};

use super::effect::SocketId;

pub struct Rooms {
    limits: Limits,
    rooms: HashMap<String, Room>,
    joins: u64,
}

struct Room {
    /// Whose room it is in the count of rooms of an address.
    opened_by: Network,
    /// In order of joining.
    members: BTreeMap<u64, SocketId>,
}

impl Rooms {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            rooms: HashMap::new(),
            joins: 0,
        }
    }

    /// Puts a member into a room. Its place in the order of joining, or why there is none; clients
    /// know the words "busy" and "is full" (protocol 1.3).
    pub fn enter(
        &mut self,
        name: &str,
        id: SocketId,
        network: Network,
    ) -> Result<u64, &'static str> {
        if name.len() > MAX_NAME {
            return Err("The name of the room is too long.");
        }
        if !self.rooms.contains_key(name) {
            let own = self.rooms.values();
            let own = own.filter(|room| room.opened_by == network).count();
            if self.rooms.len() >= self.limits.rooms || own >= self.limits.rooms_per_address {
                return Err("The server is busy: it has too many rooms.");
            }
        }
        let room = self.rooms.entry(name.into()).or_insert_with(|| Room {
            opened_by: network,
            members: BTreeMap::new(),
        });
        if room.members.len() >= self.limits.members_per_room {
            return Err("The room is full.");
        }
        self.joins += 1;
        room.members.insert(self.joins, id);
        Ok(self.joins)
    }

    pub fn leave(&mut self, name: &str, place: u64) {
        if let Some(room) = self.rooms.get_mut(name) {
            room.members.remove(&place);
            if room.members.is_empty() {
                self.rooms.remove(name);
            }
        }
    }

    /// In order of joining.
    pub fn members(&self, name: &str) -> impl Iterator<Item = SocketId> {
        let room = self.rooms.get(name);
        room.into_iter()
            .flat_map(|room| room.members.values().copied())
    }

    #[cfg(feature = "faults")]
    pub fn len(&self) -> usize {
        self.rooms.len()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn network(n: u32) -> Network {
        IpAddr::from(n.to_be_bytes()).into()
    }

    #[test]
    fn rooms_and_their_members_are_bounded() {
        let mut rooms = Rooms::new(Limits {
            rooms: 3,
            rooms_per_address: 2,
            members_per_room: 2,
            ..Limits::default()
        });
        let a = rooms.enter("a", 1, network(1)).unwrap();
        rooms.enter("b", 2, network(1)).unwrap();
        let refused = rooms.enter("c", 3, network(1)).unwrap_err();
        assert!(refused.contains("busy"), "{refused}");
        rooms.enter("a", 3, network(1)).unwrap();
        assert_eq!(rooms.enter("a", 4, network(2)), Err("The room is full."));
        rooms.enter("c", 4, network(2)).unwrap();
        assert!(rooms.enter("d", 5, network(3)).is_err(), "too many in all");
        rooms.leave("a", a);
        assert_eq!(rooms.members("a").collect::<Vec<_>>(), [3]);
        assert!(
            rooms
                .enter(&"x".repeat(MAX_NAME + 1), 5, network(3))
                .is_err()
        );
        rooms.leave("a", a + 2);
        assert_eq!(rooms.len(), 2);
        rooms.enter("d", 5, network(3)).unwrap();
    }
}
