// SPDX-License-Identifier: MPL-2.0
//! How pads introduce themselves: as a stream of their session, among those that are promised.

use crate::vdoroomsrc::connection::{Promised, Session};
use crate::vdoroomsrc::media::{Codec, Introduction, Kind, Person};

/// Whose media it is.
pub(super) fn person(session: &Session, room: &str) -> Person {
    let (stream, label) = (&session.stream.0, session.label.as_deref());
    Person::new(room, stream, session.number, label)
}

/// Of the pad for the m-line `promise`, the `nth` of its kind.
pub(super) fn introduction(
    session: &mut Session,
    room: &str,
    promise: Option<usize>,
    kind: Kind,
    codec: &'static Codec,
    nth: usize,
) -> Introduction {
    let base = format!("{room}/{}/{}", session.stream, session.announced.number);
    let own_id = stream_id(&base, kind, nth);
    let streams = &mut session.announced.streams;
    let own = streams.get(own_id.clone(), kind, codec);
    let mut collection = gst::StreamCollection::builder(Some(&base));
    for (position, track) in session.promised.iter().enumerate() {
        let codec = track.codec.as_ref().ok();
        let codec = codec.and_then(|codec| Codec::by_name(codec));
        collection = match codec {
            // Also if its publisher has just stopped it.
            _ if promise == Some(position) => collection.stream(own.clone()),
            Some(codec) => {
                let id = promised_id(&base, &session.promised, position);
                collection.stream(streams.get(id, track.kind, codec))
            }
            None => collection,
        };
    }
    if promise.is_none() {
        collection = collection.stream(own.clone());
    }
    Introduction {
        stream_id: own_id,
        group_id: session.announced.group_id,
        collection: collection.build(),
        stream: own,
        person: person(session, room),
    }
}

fn promised_id(base: &str, promised: &[Promised], position: usize) -> String {
    let kind = promised[position].kind;
    let before = promised.iter().take(position);
    stream_id(base, kind, before.filter(|t| t.kind == kind).count())
}

fn stream_id(base: &str, kind: Kind, nth: usize) -> String {
    match nth {
        0 => format!("{base}/{}", kind.as_str()),
        nth => format!("{base}/{}-{nth}", kind.as_str()),
    }
}
