// SPDX-License-Identifier: MPL-2.0
//! A track without a connection: from packets to its pad. Only benchmarks, fuzzers and tests use
//! this.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::channel;
use std::time::Instant;

use gst::prelude::*;

use super::keyframe_requests::KeyframePolicy;
use super::track::{Plan, Track};
use crate::protocol::SessionId;
use crate::vdoroomsrc::media::codecs::{self, Codec};
use crate::vdoroomsrc::media::pad::{Exit, Introduction, Kind, Origin, Person, pad_name, template};
use crate::vdoroomsrc::reports::TrackId;

pub struct Unpacked(Track);

impl Unpacked {
    pub fn pad(&self) -> &gst::Pad {
        self.0.pad.upcast_ref()
    }

    /// How many packets were broken.
    pub fn broken_packets(&self) -> u64 {
        self.0.exit.counters.broken_packets.load(Relaxed)
    }

    /// The session is over.
    pub fn end(&mut self) {
        self.0.end();
    }
}

/// Registers the depayloader that this system may lack.
pub fn provide() -> Result<(), String> {
    codecs::missing(false).map_or(Ok(()), Err)
}

/// Adds to `bin`, behind `packets`, which gives out RTP of this encoding name, what vdoroomsrc has
/// behind webrtcbin. The pad is `bob`'s.
pub fn unpack(bin: &gst::Bin, packets: &gst::Pad, encoding_name: &str) -> Result<Unpacked, String> {
    provide()?;
    let codec = Codec::by_name(encoding_name).ok_or(format!("{encoding_name} is unknown"))?;
    let kind = match codec.video {
        true => Kind::Video,
        false => Kind::Audio,
    };
    let track = TrackId {
        session: SessionId(1),
        index: 0,
    };
    let plan = Plan {
        kind,
        codec,
        template: template(kind).map_err(|error| error.to_string())?,
        pad_name: pad_name(kind, "bob", 0),
        origin: Origin {
            stream_id: "bob".to_owned(),
            session: 1,
            label: None,
            msid: None,
            mid: None,
            ssrc: None,
        },
        exit: Exit::new(
            track,
            kind,
            codec.forms(),
            introduction(kind, codec),
            // Nobody hears what it has to say.
            channel().0,
            Default::default(),
            Instant::now(),
        )
        .waiting_after_loss(true),
        placing: None,
        keyframes: KeyframePolicy::new(None),
        prefix: kind.as_str().to_owned(),
    };
    let track = Track::build(bin, packets, plan).map_err(|error| error.to_string())?;
    bin.add_pad(&track.pad).map_err(|error| error.to_string())?;
    Ok(Unpacked(track))
}

pub(super) fn introduction(kind: Kind, codec: &Codec) -> Introduction {
    let stream_type = match kind.is_video() {
        true => gst::StreamType::VIDEO,
        false => gst::StreamType::AUDIO,
    };
    let id = format!("room/bob/1/{}", kind.as_str());
    let forms = codec.forms();
    let flags = gst::StreamFlags::empty();
    let stream = gst::Stream::new(Some(&id), Some(&forms), stream_type, flags);
    let collection = gst::StreamCollection::builder(Some("room/bob/1"));
    Introduction {
        stream_id: id,
        group_id: gst::GroupId::next(),
        collection: collection.stream(stream.clone()).build(),
        stream,
        person: Person {
            details: gst::Structure::builder("vdoroom-stream")
                .field("room", "room")
                .field("stream", "bob")
                .field("session", 1u32)
                .field("label", "")
                .build(),
            title: None,
        },
    }
}
