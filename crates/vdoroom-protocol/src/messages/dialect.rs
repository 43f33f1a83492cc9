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

/// The server, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    /// Nobody was heard, or nothing that tells.
    Unknown,
    /// It does not answer, or wants to be told our name: most likely a relay.
    Quiet,
    /// Somebody spoke as only behind a relay: it stays one on this websocket, whatever is said.
    Relay,
    /// It named the sender of a message, or said what only a hosted one says.
    Hosted,
}

/// Whether nobody can have our name in the relay dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OwnName {
    /// A websocket of ours had it before, or it is the first one.
    Used,
    /// Chosen because the one before was taken.
    Chosen,
    /// The same, on its first websocket.
    New,
}

#[derive(Debug)]
pub struct Dialog {
    asked: Dialect,
    server: Server,
    own: String,
    own_is: OwnName,
    room: Option<RoomHash>,
}

impl Dialog {
    pub fn new(asked: Dialect, room: Option<RoomHash>, rng: &mut impl Rng) -> Self {
        Self {
            asked,
            server: server(asked),
            own: own_name(rng),
            own_is: OwnName::Used,
            room,
        }
    }

    /// The dialect as far as it is known.
    pub fn spoken(&self) -> Dialect {
        match self.server {
            Server::Unknown => Dialect::Auto,
            Server::Quiet | Server::Relay => Dialect::Relay,
            Server::Hosted => Dialect::Hosted,
        }
    }

    /// Whether the server vouches for who says what. Behind a relay there is no telling the server
    /// from a guest, and what is not known to be a hosted server may be one.
    pub fn trusted(&self) -> bool {
        self.server == Server::Hosted
    }

    /// Whether it is known that there is a relay.
    pub fn is_relay(&self) -> bool {
        self.server == Server::Relay
    }

    /// Takes another own name.
    pub fn rename(&mut self, rng: &mut impl Rng) {
        self.own = own_name(rng);
        self.own_is = OwnName::Chosen;
    }

    /// Whether nobody can have our name: it is random, and no websocket of ours had it before.
    pub fn is_new_name(&self) -> bool {
        self.own_is == OwnName::New
    }

    /// The websocket is open again, perhaps to another server.
    pub fn begin_anew(&mut self) {
        if self.server == Server::Relay && self.asked != Dialect::Relay {
            self.server = Server::Quiet;
        }
        self.own_is = match self.own_is {
            OwnName::Chosen => OwnName::New,
            OwnName::Used | OwnName::New => OwnName::Used,
        };
    }

    /// The room could not be joined: what was found out may be wrong, or of another server.
    pub fn forget(&mut self) {
        self.server = server(self.asked);
    }

    /// The server said something that only a hosted one says.
    pub fn hosted(&mut self) {
        if self.asked == Dialect::Auto && self.server != Server::Relay {
            self.server = Server::Hosted;
        }
    }

    /// The server did not answer `joinroom`, or wants to be told who we are.
    pub fn relay(&mut self) {
        if self.asked == Dialect::Auto && self.server != Server::Relay {
            self.server = Server::Quiet;
        }
    }

    /// Says in `message` who we are and whom it is for.
    pub fn address(&self, message: &mut Fields, to: Option<&PeerId>) {
        if let Some(peer) = to {
            message.insert("UUID".to_owned(), Value::from(peer.0.as_str()));
        }
        if !self.trusted() {
            message.insert("from".to_owned(), Value::from(self.own.as_str()));
        }
        if self.spoken() == Dialect::Relay
            && let Some(room) = &self.room
        {
            message.insert("roomid".to_owned(), Value::from(room.0.as_str()));
        }
    }

    /// Finds out who sent `message`, and takes the dialect out of it.
    pub fn sender(&mut self, message: &mut Fields) -> Sender {
        let from = message.remove("from");
        match peer_id(from.as_ref()) {
            Some(peer) if !self.trusted() => self.relayed(message, peer),
            // A hosted server names the sender of whatever it passes on, and is none itself: what
            // made it look like one was a guest's.
            Some(peer) if self.asked == Dialect::Auto && !message.contains_key("UUID") => {
                self.relayed(message, peer)
            }
            _ if self.spoken() == Dialect::Relay => {
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
        self.server = Server::Relay;
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

/// What the user says of it.
fn server(asked: Dialect) -> Server {
    match asked {
        Dialect::Auto => Server::Unknown,
        Dialect::Hosted => Server::Hosted,
        Dialect::Relay => Server::Relay,
    }
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
