// SPDX-License-Identifier: MPL-2.0
//! Senders and receivers on the websocket: the two dialects of room servers (protocol section 1.2).
//!
//! A hosted server knows its clients by socket: it replaces the `UUID` of the receiver by that of
//! the sender. A relay passes messages on as they are: `from` names the sender.

use rand_chacha::rand_core::Rng;
use serde_json::Value;

use crate::api::Dialect;
use crate::json::{Fields, text};
use crate::names::{PeerId, RoomHash};

const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
const OWN_NAME_LENGTH: usize = 20;

#[derive(Debug, PartialEq, Eq)]
pub enum Sender {
    Server,
    Peer(PeerId),
    /// Not meant for us.
    Nobody,
}

#[derive(Debug)]
pub struct Dialog {
    asked: Dialect,
    spoken: Dialect,
    /// Somebody spoke as only behind a relay: it is one, and stays one whatever is said.
    relayed: bool,
    own: String,
    /// The own name was chosen because the one before was taken, and is on its first websocket.
    is_new: bool,
    is_chosen: bool,
    room: Option<RoomHash>,
}

impl Dialog {
    pub fn new(asked: Dialect, room: Option<RoomHash>, rng: &mut impl Rng) -> Self {
        Self {
            asked,
            spoken: asked,
            relayed: asked == Dialect::Relay,
            own: own_name(rng),
            is_new: false,
            is_chosen: false,
            room,
        }
    }

    /// The dialect as far as it is known.
    pub fn spoken(&self) -> Dialect {
        self.spoken
    }

    /// Takes another own name.
    pub fn rename(&mut self, rng: &mut impl Rng) {
        self.own = own_name(rng);
        self.is_chosen = true;
    }

    /// Whether nobody can have our name: it is random, and no websocket of ours had it before.
    pub fn is_new_name(&self) -> bool {
        self.is_new
    }

    /// The websocket is open again.
    pub fn begin_anew(&mut self) {
        self.relayed = self.asked == Dialect::Relay;
        self.is_new = std::mem::take(&mut self.is_chosen);
    }

    /// Whether messages come from anybody: behind a relay there is no telling the server from a
    /// guest, and what is not known to be a hosted server may be one.
    pub fn is_anybody(&self) -> bool {
        self.spoken != Dialect::Hosted
    }

    /// Whether it is known that there is a relay.
    pub fn is_relayed(&self) -> bool {
        self.relayed
    }

    /// The room could not be joined: what was found out may be wrong, or of another server.
    pub fn forget(&mut self) {
        self.spoken = self.asked;
    }

    /// The server said something that only a hosted one says.
    pub fn hosted(&mut self) {
        if self.asked == Dialect::Auto && !self.relayed {
            self.spoken = Dialect::Hosted;
        }
    }

    /// The server did not answer `joinroom`, or passed on a `from`.
    pub fn relay(&mut self) {
        if self.asked == Dialect::Auto {
            self.spoken = Dialect::Relay;
        }
    }

    /// Says in `message` who we are and whom it is for.
    pub fn address(&self, message: &mut Fields, to: Option<&PeerId>) {
        if let Some(peer) = to {
            message.insert("UUID".to_owned(), Value::from(peer.0.as_str()));
        }
        if self.spoken != Dialect::Hosted {
            message.insert("from".to_owned(), Value::from(self.own.as_str()));
        }
        if self.spoken == Dialect::Relay
            && let Some(room) = &self.room
        {
            message.insert("roomid".to_owned(), Value::from(room.0.as_str()));
        }
    }

    /// Finds out who sent `message`, and takes the dialect out of it.
    pub fn sender(&mut self, message: &mut Fields) -> Sender {
        let from = message.remove("from");
        match peer_id(from.as_ref()) {
            Some(peer) if self.spoken != Dialect::Hosted => self.relayed(message, peer),
            // A hosted server names the sender of whatever it passes on, and is none itself: what
            // made it look like one was a guest's.
            Some(peer) if self.asked == Dialect::Auto && !message.contains_key("UUID") => {
                self.relayed(message, peer)
            }
            _ if self.spoken == Dialect::Relay => {
                // Without a sender only the server itself may speak.
                let to_nobody = !message.contains_key("UUID");
                if to_nobody {
                    Sender::Server
                } else {
                    Sender::Nobody
                }
            }
            _ => match peer_id(message.remove("UUID").as_ref()) {
                Some(peer) => {
                    self.hosted();
                    Sender::Peer(peer)
                }
                None => Sender::Server,
            },
        }
    }

    fn relayed(&mut self, message: &mut Fields, from: PeerId) -> Sender {
        self.relay();
        self.relayed = true;
        let to_another = text(message, "UUID").is_some_and(|to| to != self.own);
        let in_another_room = match (text(message, "roomid"), &self.room) {
            (Some(room), Some(ours)) => room != ours.0,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if to_another || in_another_room || from.0 == self.own {
            return Sender::Nobody;
        }
        message.remove("UUID");
        message.remove("roomid");
        Sender::Peer(from)
    }
}

pub fn peer_id(value: Option<&Value>) -> Option<PeerId> {
    PeerId::new(value?.as_str()?)
}

fn own_name(rng: &mut impl Rng) -> String {
    let letter = |_| {
        let index = rng.next_u32() as usize % ALPHABET.len();
        char::from(ALPHABET[index])
    };
    (0..OWN_NAME_LENGTH).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;
    use serde_json::json;

    use super::*;

    fn dialog(asked: Dialect) -> Dialog {
        let room = Some(RoomHash("room".to_owned()));
        Dialog::new(asked, room, &mut ChaCha20Rng::from_seed([1; 32]))
    }

    fn sender(dialog: &mut Dialog, message: Value) -> Sender {
        dialog.sender(&mut message.as_object().unwrap().clone())
    }

    fn peer(name: &str) -> Sender {
        Sender::Peer(PeerId(name.to_owned()))
    }

    #[test]
    fn a_hosted_server_names_the_sender_as_uuid() {
        let mut dialog = dialog(Dialect::Hosted);
        assert_eq!(
            sender(&mut dialog, json!({"UUID": "a", "from": "b"})),
            peer("a")
        );
        assert_eq!(
            sender(&mut dialog, json!({"request": "listing"})),
            Sender::Server
        );
    }

    #[test]
    fn a_relay_passes_on_what_is_for_others() {
        let mut dialog = dialog(Dialect::Relay);
        let own = dialog.own.clone();
        assert_eq!(
            sender(&mut dialog, json!({"UUID": own, "from": "a"})),
            peer("a")
        );
        assert_eq!(
            sender(&mut dialog, json!({"from": "a", "roomid": "room"})),
            peer("a")
        );
        assert_eq!(
            sender(&mut dialog, json!({"UUID": "x", "from": "a"})),
            Sender::Nobody
        );
        assert_eq!(
            sender(&mut dialog, json!({"from": "a", "roomid": "other"})),
            Sender::Nobody
        );
        assert_eq!(sender(&mut dialog, json!({ "from": own })), Sender::Nobody);
        assert_eq!(sender(&mut dialog, json!({"UUID": own})), Sender::Nobody);
    }

    #[test]
    fn a_sender_that_names_itself_reveals_a_relay() {
        let mut dialog = dialog(Dialect::Auto);
        sender(&mut dialog, json!({"from": "a"}));
        assert_eq!(dialog.spoken(), Dialect::Relay);
        // Any guest may have said what only a hosted server says.
        dialog.hosted();
        assert_eq!(dialog.spoken(), Dialect::Relay);
        // Until we come back: it may be another server then.
        dialog.begin_anew();
        dialog.hosted();
        assert_eq!(dialog.spoken(), Dialect::Hosted);
        sender(&mut dialog, json!({"UUID": "b", "from": "a"}));
        assert_eq!(dialog.spoken(), Dialect::Hosted);
    }

    #[test]
    fn what_the_user_said_about_the_dialect_stands() {
        let mut dialog = dialog(Dialect::Relay);
        dialog.hosted();
        assert_eq!(dialog.spoken(), Dialect::Relay);
    }
}
