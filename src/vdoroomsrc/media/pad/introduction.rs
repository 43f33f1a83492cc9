// SPDX-License-Identifier: MPL-2.0
//! The events that pads send before their first buffer: stream-start, collection, tags, identity.

use std::collections::BTreeMap;

use super::names::Kind;
use crate::vdoroomsrc::media::codecs::Codec;

/// The streams of a session, by ID. Its pads announce the same objects: decodebin3 (GStreamer 1.22)
/// merges what they announce, and tells streams apart by their address.
#[derive(Clone, Debug, Default)]
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

/// What the pads of a session are announced with. Those that stay hand it on to the next session, whose
/// pads join them.
#[derive(Clone, Debug)]
pub(crate) struct Announced {
    pub group_id: gst::GroupId,
    /// Which session of its stream the IDs name.
    pub number: u32,
    pub streams: Streams,
    /// The newest one that was told.
    pub collection: Option<gst::StreamCollection>,
}

impl Announced {
    pub(crate) fn new(number: u32) -> Self {
        Self {
            group_id: gst::GroupId::next(),
            number,
            streams: Streams::default(),
            collection: None,
        }
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
