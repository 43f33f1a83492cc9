// SPDX-License-Identifier: MPL-2.0
//! The events that pads send before their first buffer: stream-start, collection, tags, identity.

use std::collections::BTreeMap;

use crate::vdoroomsrc::media::codecs::Codec;
use crate::vdoroomsrc::connection::sdp::offer;
use super::names::Kind;
use crate::vdoroomsrc::connection::Session;

/// The streams of a session, by ID. Its pads announce the same objects: decodebin3 (GStreamer 1.22)
/// merges what they announce, and tells streams apart by their address.
#[derive(Debug, Default)]
pub(crate) struct Streams(BTreeMap<String, gst::Stream>);

impl Streams {
    fn get(&mut self, id: String, kind: Kind, codec: &Codec) -> gst::Stream {
        let caps = codec.forms();
        let stream = self.0.entry(id.clone()).or_insert_with(|| {
            let stream_type = match kind.is_video() {
                true => gst::StreamType::VIDEO,
                false => gst::StreamType::AUDIO,
            };
            gst::Stream::new(Some(&id), None, stream_type, gst::StreamFlags::empty())
        });
        if stream.caps().as_ref() != Some(&caps) {
            stream.set_caps(Some(&caps));
        }
        stream.clone()
    }
}

/// What a pad says of itself before its first buffer.
#[derive(Debug)]
pub(crate) struct Introduction {
    pub stream_id: String,
    pub group_id: gst::GroupId,
    pub collection: gst::StreamCollection,
    pub stream: gst::Stream,
    pub person: Person,
}

/// Whose media it is, in which of their connections.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person {
    /// The sticky event `vdoroom-stream`.
    pub details: gst::Structure,
    pub title: Option<String>,
}

impl Person {
    pub(crate) fn of(session: &Session, room: &str) -> Self {
        let details = gst::Structure::builder("vdoroom-stream")
            .field("room", room)
            .field("stream", &session.stream.0)
            .field("session", session.number)
            .field("label", session.label.as_deref().unwrap_or_default());
        Self {
            details: details.build(),
            title: session.label.clone(),
        }
    }
}

/// Of the pad for the m-line `promise`, the `nth` of its kind.
pub(crate) fn introduction(
    session: &mut Session,
    room: &str,
    promise: Option<usize>,
    kind: Kind,
    codec: &'static Codec,
    nth: usize,
) -> Introduction {
    let base = format!("{room}/{}/{}", session.stream, session.number);
    let own_id = stream_id(&base, kind, nth);
    let own = session.streams.get(own_id.clone(), kind, codec);
    let mut collection = gst::StreamCollection::builder(Some(&base));
    for (position, track) in session.promised.iter().enumerate() {
        let codec = track.codec.as_ref().ok();
        let Some(codec) = codec.and_then(|codec| Codec::by_name(codec)) else {
            continue;
        };
        collection = collection.stream(match promise {
            Some(own_position) if own_position == position => own.clone(),
            _ => {
                let id = promised_id(&base, &session.promised, position);
                session.streams.get(id, track.kind, codec)
            }
        });
    }
    if promise.is_none() {
        collection = collection.stream(own.clone());
    }
    Introduction {
        stream_id: own_id,
        group_id: session.group_id,
        collection: collection.build(),
        stream: own,
        person: Person::of(session, room),
    }
}

fn promised_id(base: &str, promised: &[offer::Track], position: usize) -> String {
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
