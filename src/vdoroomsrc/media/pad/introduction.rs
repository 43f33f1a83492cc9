// SPDX-License-Identifier: MPL-2.0
//! The events that pads send before their first buffer: stream-start, collection, tags, identity.

use std::collections::BTreeMap;

use super::names::Kind;
use crate::vdoroomsrc::media::codecs::Codec;

/// The streams of a session, by ID. Its pads announce the same objects: decodebin3 (GStreamer 1.22)
/// merges what they announce, and tells streams apart by their address.
#[derive(Debug, Default)]
pub(crate) struct Streams(BTreeMap<String, gst::Stream>);

impl Streams {
    pub(crate) fn get(&mut self, id: String, kind: Kind, codec: &Codec) -> gst::Stream {
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
    /// The sticky event `vdoroom-stream`, but for what the pad carries.
    pub details: gst::Structure,
    pub title: Option<String>,
}

impl Person {
    pub(crate) fn new(room: &str, stream: &str, session: u32, label: Option<&str>) -> Self {
        let details = gst::Structure::builder("vdoroom-stream")
            .field("room", room)
            .field("stream", stream)
            .field("session", session)
            .field("label", label.unwrap_or_default());
        Self {
            details: details.build(),
            title: label.map(str::to_owned),
        }
    }
}
