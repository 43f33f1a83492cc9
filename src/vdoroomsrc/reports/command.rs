// SPDX-License-Identifier: MPL-2.0
//! What the control thread is told, and by whom.

use std::sync::mpsc;
use std::time::Duration;

use gst_webrtc::WebRTCSessionDescription;

use super::backlog::Ticket;
use super::events::EventSender;
use super::hold::Hold;
use super::transport::{Candidate, Layer};
use crate::protocol::{Action, RoomState, SessionId, StreamId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrackId {
    pub session: SessionId,
    pub index: usize,
}

#[derive(Debug)]
pub(crate) enum Command {
    /// From the room.
    Room(Action),
    /// How far we are with the room, and why no farther.
    RoomState {
        state: RoomState,
        reason: Option<String>,
    },
    /// From the engine, about a session.
    Negotiation {
        session: SessionId,
        step: Step,
    },
    ChannelOpen {
        session: SessionId,
    },
    /// On its way to the room, which hears it once the publisher's identity is proven.
    ChannelText {
        session: SessionId,
        text: String,
        ticket: Ticket,
    },
    State {
        session: SessionId,
        layer: Layer,
        state: String,
    },
    /// The selected candidates, ours and the publisher's.
    Pair {
        session: SessionId,
        local: Candidate,
        remote: Candidate,
    },
    /// We have an address more, which the publisher is to hear of.
    Gathered {
        session: SessionId,
        sdp_mline_index: u32,
        candidate: String,
    },
    Pad {
        session: SessionId,
        pad: gst::Pad,
        hold: Box<dyn Hold>,
    },
    /// The one who answers is not the one of the offer: nothing of it has been let through.
    #[cfg(feature = "native")]
    Impostor {
        session: SessionId,
    },
    /// An element of a session has posted an error.
    Failed {
        session: SessionId,
        reason: String,
    },
    /// What is left of a session does nothing any more: it waits to be taken out.
    Stopped,
    /// From a track's exit.
    EosLeft {
        track: TrackId,
    },
    /// All that this session sent is on its way out of a pad that stays.
    Drained {
        track: TrackId,
        session: SessionId,
    },
    Flow {
        track: TrackId,
        flow: Result<gst::FlowSuccess, gst::FlowError>,
    },
    /// Something that concerns no single stream does not work.
    Warn(String),
    /// Media of a session, of this kind, is not of this codec, as its offer says.
    Undecodable(SessionId, &'static str, &'static str),
    /// Of the streams of this track's session, or of each session that has one of them, these are
    /// wanted.
    Select {
        track: Option<TrackId>,
        streams: Vec<String>,
    },
    /// From the application.
    RequestKeyframe(StreamId),
    KeyframeInterval(Option<Duration>),
    /// In milliseconds.
    Latency(u32),
    /// The pipeline plays again after a pause.
    Resumed,
    /// The network thread has ended and nothing more will come from the room.
    RoomClosed,
    /// The element stops: take everything apart now. Brings the element along: one that is being
    /// dropped cannot be upgraded to any more.
    Stop(gst::Bin),
}

/// How far an offer has come.
#[derive(Debug)]
pub(crate) enum Step {
    /// webrtcbin has taken it, or not.
    RemoteSet(Result<(), String>),
    /// As webrtcbin answers.
    Description(Result<WebRTCSessionDescription, String>),
    /// The engine goes by its answer, which is to be sent.
    Answered(Result<String, String>),
}

/// Where a session's callbacks report to.
#[derive(Clone)]
pub(crate) struct Reports {
    pub commands: mpsc::Sender<Command>,
    pub events: EventSender,
}

impl Reports {
    pub(crate) fn command(&self, command: Command) {
        // Fails only once the control thread has ended, and the session with it.
        let _ = self.commands.send(command);
    }
}
