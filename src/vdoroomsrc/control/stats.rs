// SPDX-License-Identifier: MPL-2.0
//! The `stats` property: the room and each stream, in numbers.
//!
//! Read on any thread, from copies and counters, without waiting for one of ours.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use gst::glib;
use gst::prelude::*;

use super::announce;
use crate::protocol::{Dialect, RoomState, RoomStatus, SessionId};
use crate::utc;
use crate::vdoroomsrc::connection::{Connectivity, Numbers, Received, Session};
use crate::vdoroomsrc::media::{Exit, Track, VdoRoomSrcPad};

/// The control thread writes one when its session or pads come or go; held for a copy only.
pub(crate) type SharedSessions = Arc<Mutex<BTreeMap<SessionId, SessionView>>>;

/// A session as seen from any thread.
#[derive(Clone)]
pub(crate) struct SessionView {
    stream: String,
    number: u32,
    connectivity: Connectivity,
    numbers: Arc<dyn Numbers>,
    tracks: Vec<TrackView>,
}

#[derive(Clone)]
struct TrackView {
    kind: &'static str,
    codec: &'static str,
    exit: Arc<Exit>,
    pad: glib::WeakRef<VdoRoomSrcPad>,
    ssrc: Option<u32>,
}

impl SessionView {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            stream: session.stream.0.clone(),
            number: session.number,
            connectivity: session.connectivity.clone(),
            numbers: session.link.numbers(),
            tracks: session.tracks.iter().map(TrackView::of).collect(),
        }
    }

    fn structure(&self) -> gst::Structure {
        let whole = self.numbers.whole();
        let tracks = self.tracks.iter().map(|track| {
            let received = track.received(&*self.numbers, whole.as_deref());
            track.structure(&received).to_send_value()
        });
        gst::Structure::builder("vdoroom-session-stats")
            .field("session", self.number)
            .field("tracks", gst::Array::new(tracks))
            .field(
                "transport",
                self.connectivity
                    .structure("vdoroom-transport-stats")
                    .build(),
            )
            .field_if_some("webrtc", whole.as_ref())
            .build()
    }
}

impl TrackView {
    fn of(track: &Track) -> Self {
        Self {
            kind: track.kind.as_str(),
            codec: track.codec.encoding_name,
            exit: track.exit.clone(),
            pad: track.pad.downgrade(),
            ssrc: track.ssrc(),
        }
    }

    fn received(&self, numbers: &dyn Numbers, whole: Option<&gst::StructureRef>) -> Received {
        let received = self.ssrc.map(|ssrc| numbers.received(ssrc, whole));
        received.unwrap_or_default()
    }

    fn structure(&self, received: &Received) -> gst::Structure {
        let counters = &self.exit.counters;
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        let mut stats = gst::Structure::builder("vdoroom-track-stats")
            .field("kind", self.kind)
            .field("codec", self.codec)
            .field("buffers", count(&counters.buffers))
            .field("bytes", count(&counters.bytes))
            .field("bitrate", count(&counters.bitrate))
            .field("keyframes", count(&counters.keyframes))
            .field("damaged", count(&counters.damaged))
            .field("dropped", count(&counters.dropped))
            .field("broken-packets", count(&counters.broken_packets))
            .field("undecodable", counters.undecodable.load(Relaxed))
            .field("leaks", count(&counters.leaks))
            .field("pli-sent", count(&counters.pli_sent));
        if let Some(pad) = self.pad.upgrade() {
            stats = stats
                .field("pad", pad.name())
                .field("linked", pad.is_linked());
            let caps = pad.current_caps();
            if let Some(s) = caps.as_ref().and_then(|caps| caps.structure(0)) {
                stats = stats
                    .field_if_some("width", s.get::<i32>("width").ok())
                    .field_if_some("height", s.get::<i32>("height").ok());
            }
        }
        // What RTCP asked of the publisher, and what the track costs on the line.
        add_received(stats, received)
            .field_if_some("nack-sent", received.nack_sent)
            .field_if_some("fir-sent", received.fir_sent)
            .field_if_some("wire-bytes", received.wire_bytes)
            .build()
    }
}

/// Packets, and the mean jitter in nanoseconds.
fn add_received(stats: gst::structure::Builder, received: &Received) -> gst::structure::Builder {
    stats
        .field_if_some("packets", received.packets)
        .field_if_some("lost", received.lost)
        .field_if_some("late", received.late)
        .field_if_some("recovered", received.recovered)
        .field_if_some("jitter", received.jitter)
}

/// The event `vdoroom-session-end` of each track.
pub(super) fn last_words(session: &Session, reason: &str) -> Vec<gst::Structure> {
    let numbers = session.link.numbers();
    let words = session.tracks.iter().map(|track| {
        let event = gst::Structure::builder("vdoroom-session-end").field("reason", reason);
        let received = TrackView::of(track).received(&*numbers, None);
        add_received(event, &received).build()
    });
    words.collect()
}

/// All that the property shows.
pub(crate) fn stats(
    room: Option<&RoomStatus>,
    sessions: &[SessionView],
    dropped_events: u64,
    identity_mismatches: u64,
    password_set: bool,
) -> gst::Structure {
    let streams = room
        .into_iter()
        .flat_map(|room| &room.streams)
        .map(|stream| {
            let own = sessions.iter().filter(|s| s.stream == stream.id.0);
            let own = own.map(|session| session.structure().to_send_value());
            gst::Structure::builder("vdoroom-stream-stats")
                .field("stream-id", &stream.id.0)
                .field("state", <&str>::from(stream.state))
                .field("info", announce::structure(&stream.info))
                .field("sessions-so-far", stream.sessions_so_far)
                .field("sessions", gst::Array::new(own))
                .build()
                .to_send_value()
        });
    let streams = gst::Array::new(streams);
    gst::Structure::builder("vdoroom-stats")
        .field(
            "state",
            <&str>::from(room.map_or(RoomState::Stopped, |room| room.state)),
        )
        .field(
            "dialect",
            <&str>::from(room.map_or(Dialect::Auto, |room| room.dialect)),
        )
        .field("reconnects", room.map_or(0, |room| room.reconnects))
        .field(
            "ignored-messages",
            room.map_or(0, |room| room.ignored_messages),
        )
        .field("dropped-events", dropped_events)
        .field("identity-mismatches", identity_mismatches)
        .field("password-set", password_set)
        .field("timestamp", utc::now().unsigned_abs())
        .field("streams", streams)
        .build()
}
