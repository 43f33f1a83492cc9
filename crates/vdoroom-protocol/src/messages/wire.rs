// SPDX-License-Identifier: MPL-2.0
//! Received messages: JSON that anybody may have written, parsed tolerantly into values. Both
//! dialects give the same values (protocol section 1.2).

use serde_json::Value;

use super::alert::{self, Alert};
use super::dialect::{Dialog, Sender, peer_id};
use crate::json::{Fields, JsonError, bounded_json, text, truthy};
use crate::limits::MAX_NAME;
use crate::names::{PeerId, Sealed};

/// What came over the websocket.
#[derive(Debug, PartialEq)]
pub enum Incoming {
    Listing(Listing),
    /// A director moved us to another room (protocol 3.4).
    Transferred(Listing),
    /// A member is there; with a stream, it publishes it.
    Announced {
        peer: PeerId,
        stream: Option<String>,
        director: bool,
    },
    StreamLeft {
        peer: Option<PeerId>,
        stream: String,
    },
    PeerLeft(PeerId),
    /// Somebody has to let us in first.
    Pending,
    Alert(Alert),
    FromPeer {
        peer: PeerId,
        message: PeerMessage,
    },
    /// Nothing that concerns a receiver.
    Nothing,
}

#[derive(Debug, Default, PartialEq)]
pub struct Listing {
    pub members: Vec<(PeerId, Option<String>)>,
    pub director: Option<PeerId>,
}

/// What a peer says, over the websocket or the channel.
#[derive(Debug, PartialEq)]
pub struct PeerMessage {
    pub stream: Option<String>,
    pub session: Option<String>,
    pub body: Body,
}

#[derive(Debug, PartialEq)]
pub enum Body {
    Description {
        sealed: Sealed,
        screen: Vec<usize>,
    },
    Candidates(Sealed),
    /// To be sent back as it is.
    Ping(Value),
    Bye,
    /// Everything else, by its fields.
    News(Fields),
}

/// Reads what the websocket brought.
pub fn read(text: &str, dialog: &mut Dialog) -> Result<Incoming, JsonError> {
    let mut fields = match bounded_json(text)? {
        Value::Object(fields) => fields,
        // Some servers send a bare array as listing.
        list @ Value::Array(_) => Fields::from_iter([
            ("request".to_owned(), Value::from("listing")),
            ("list".to_owned(), list),
        ]),
        _ => return Err(JsonError::NotAnObject),
    };
    Ok(match dialog.sender(&mut fields) {
        Sender::Nobody => Incoming::Nothing,
        Sender::Server => from_server(&fields, dialog),
        Sender::Peer(peer) => from_peer(peer, fields),
    })
}

fn from_server(fields: &Fields, dialog: &mut Dialog) -> Incoming {
    let request = text(fields, "request").unwrap_or_default();
    match request {
        // A relay keeps no lists: a guest said it.
        "listing" | "transferred" if dialog.is_relay() => Incoming::Nothing,
        "listing" | "transferred" => {
            dialog.hosted();
            let listing = listing(fields);
            if request == "listing" {
                Incoming::Listing(listing)
            } else {
                Incoming::Transferred(listing)
            }
        }
        "joinpending" | "joinrequestresult" => Incoming::Pending,
        "alert" | "error" | "warn" => Incoming::Alert(alert::read(fields)),
        "videoremovedfromroom" => stream_left(None, fields),
        "" if fields.contains_key("videoRemovedFromRoom") => stream_left(None, fields),
        "" if fields.contains_key("alert") || fields.contains_key("error") => {
            Incoming::Alert(alert::read(fields))
        }
        "" => match (text(fields, "type"), peer_id(fields.get("uuid"))) {
            (Some("disconnect" | "leave"), Some(peer)) => Incoming::PeerLeft(peer),
            _ => Incoming::Nothing,
        },
        _ => Incoming::Nothing,
    }
}

fn from_peer(peer: PeerId, fields: Fields) -> Incoming {
    let director = truthy(&fields, "director");
    let stream = || name(fields.get("streamID"));
    match text(&fields, "request") {
        Some("someonejoined") => Incoming::Announced {
            peer,
            stream: stream(),
            director,
        },
        Some("videoaddedtoroom" | "joinroom" | "seed") => match stream() {
            Some(stream) => Incoming::Announced {
                peer,
                stream: Some(stream),
                director,
            },
            None => Incoming::Nothing,
        },
        Some("videoremovedfromroom") => stream_left(Some(peer), &fields),
        Some("cleanup") => Incoming::PeerLeft(peer),
        Some(_) => Incoming::Nothing,
        None if fields.contains_key("videoRemovedFromRoom") => stream_left(Some(peer), &fields),
        None => Incoming::FromPeer {
            peer,
            message: peer_message(fields),
        },
    }
}

/// Reads what a data channel brought.
pub fn read_channel(text: &str) -> Result<PeerMessage, JsonError> {
    match bounded_json(text)? {
        Value::Object(fields) => Ok(peer_message(fields)),
        _ => Err(JsonError::NotAnObject),
    }
}

fn peer_message(mut fields: Fields) -> PeerMessage {
    let stream = name(fields.get("streamID"));
    let session = name(fields.get("session"));
    let vector = text(&fields, "vector").map(str::to_owned);
    let mut sealed = |field| seal(fields.remove(field)?, vector.as_deref());
    // In the order of precedence of protocol 5.1.
    let body = if let Some(sealed) = sealed("description") {
        let screen = fields.get("screen").and_then(Value::as_array);
        let index = |index: &Value| usize::try_from(index.as_u64()?).ok();
        let screen = screen.map(|list| list.iter().filter_map(index).collect());
        Body::Description {
            sealed,
            screen: screen.unwrap_or_default(),
        }
    } else if let Some(sealed) = sealed("candidates").or_else(|| sealed("candidate")) {
        Body::Candidates(sealed)
    } else if let Some(ping) = fields.remove("ping") {
        Body::Ping(ping)
    } else if truthy(&fields, "bye") {
        Body::Bye
    } else {
        Body::News(fields)
    };
    PeerMessage {
        stream,
        session,
        body,
    }
}

fn seal(value: Value, vector: Option<&str>) -> Option<Sealed> {
    match (value, vector) {
        (Value::Null, _) => None,
        (Value::String(hex), Some(vector)) => Some(Sealed::Encrypted {
            hex,
            vector: vector.to_owned(),
        }),
        (value, _) => Some(Sealed::Clear(value)),
    }
}

fn listing(fields: &Fields) -> Listing {
    let list = fields.get("list").and_then(Value::as_array);
    let members = list.into_iter().flatten().filter_map(|entry| match entry {
        Value::String(uuid) => Some((PeerId::new(uuid)?, None)),
        Value::Object(member) => Some((peer_id(member.get("UUID"))?, name(member.get("streamID")))),
        _ => None,
    });
    Listing {
        members: members.collect(),
        director: peer_id(fields.get("director")),
    }
}

fn stream_left(peer: Option<PeerId>, fields: &Fields) -> Incoming {
    match name(fields.get("streamID")) {
        Some(stream) => Incoming::StreamLeft { peer, stream },
        None => Incoming::Nothing,
    }
}

/// A name of bounded length; numbers count as names, as in JavaScript.
fn name(value: Option<&Value>) -> Option<String> {
    let name = match value? {
        Value::String(name) => name.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!name.is_empty() && name.len() <= MAX_NAME).then_some(name)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;
    use serde_json::json;

    use super::*;
    use crate::api::Dialect;

    fn hosted(message: &Value) -> Incoming {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let mut dialog = Dialog::new(Dialect::Hosted, None, &mut rng);
        read(&message.to_string(), &mut dialog).unwrap()
    }

    fn peer(uuid: &str) -> PeerId {
        PeerId::new(uuid).unwrap()
    }

    #[test]
    fn a_listing_is_read_in_every_form() {
        let member = json!({"UUID": "a", "streamID": "alice", "extra": 1});
        let full = json!({"request": "listing", "list": [member, "b", {"UUID": "c"}, 7],
            "director": "c"});
        let members = [("a", Some("alice")), ("b", None), ("c", None)];
        let members = members.map(|(uuid, stream)| (peer(uuid), stream.map(str::to_owned)));
        let listing = Listing {
            members: members.to_vec(),
            director: Some(peer("c")),
        };
        assert_eq!(hosted(&full), Incoming::Listing(listing));
        let empty = Incoming::Listing(Listing::default());
        assert_eq!(hosted(&json!({"request": "listing"})), empty);
        assert_eq!(hosted(&json!([])), empty);
    }

    #[test]
    fn every_announcement_is_the_same() {
        for request in ["someonejoined", "videoaddedtoroom", "joinroom", "seed"] {
            let message = json!({"request": request, "UUID": "a", "streamID": "alice"});
            let stream = Some("alice".to_owned());
            let announced = Incoming::Announced {
                peer: peer("a"),
                stream,
                director: false,
            };
            assert_eq!(hosted(&message), announced);
        }
    }

    #[test]
    fn a_description_outweighs_everything_else() {
        let message = json!({"UUID": "a", "description": {"type": "offer"}, "session": "s",
            "bye": true, "screen": [0, -1, "x", 2]});
        let sealed = Sealed::Clear(json!({"type": "offer"}));
        let body = Body::Description {
            sealed,
            screen: vec![0, 2],
        };
        let message_read = PeerMessage {
            stream: None,
            session: Some("s".to_owned()),
            body,
        };
        let expected = Incoming::FromPeer {
            peer: peer("a"),
            message: message_read,
        };
        assert_eq!(hosted(&message), expected);
    }

    #[test]
    fn a_guest_cannot_speak_as_the_server() {
        for message in [
            json!({"UUID": "a", "request": "alert", "message": "not approved"}),
            json!({"UUID": "a", "request": "listing", "list": []}),
            json!({"UUID": "a", "request": "transferred", "list": []}),
        ] {
            assert_eq!(hosted(&message), Incoming::Nothing);
        }
    }

    #[test]
    fn a_control_that_was_not_allowed_is_no_error() {
        assert_eq!(
            hosted(&json!({"rejected": "requestVideoRecord"})),
            Incoming::Nothing
        );
    }
}
