// SPDX-License-Identifier: MPL-2.0
//! What happens to a room, and what it wants to be done.

use std::time::Duration;

use super::config::{Abilities, Bitrates, Filter, Kind, Unwanted};
use super::fingerprint::Fingerprints;
use super::ids::{SessionId, StreamId};

/// How long no track of a session has had media when it counts as stalled.
pub const STALL: Duration = Duration::from_secs(1);

/// What is known of a stream and its publisher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamInfo {
    pub label: Option<String>,
    pub director: bool,
    pub audio_muted: bool,
    pub video_muted: bool,
    pub screen_shared: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The websocket is open.
    Opened,
    /// The websocket brought a message.
    Text(String),
    /// The websocket closed, or could not be opened.
    Closed {
        reason: String,
    },
    /// The websocket could not be opened, or was given up, for nothing comes from the server.
    Unreachable {
        reason: String,
    },
    /// The answer to [`Action::AskServer`].
    ServerAnswers,
    /// What connections can do; until this is known, as little as possible. It counts from the
    /// second offer of a connection on.
    Abilities(Abilities),
    /// The answer to the [`Action::SetRemoteOffer`] that is pending for this session.
    LocalAnswer {
        session: SessionId,
        sdp: String,
    },
    LocalCandidate {
        session: SessionId,
        sdp_mline_index: u32,
        candidate: String,
    },
    /// The publisher's data channel `sendChannel` is open.
    ChannelOpen {
        session: SessionId,
    },
    ChannelText {
        session: SessionId,
        text: String,
    },
    /// ICE and DTLS are connected.
    PeerConnected {
        session: SessionId,
    },
    /// The connection failed, or cannot be used.
    PeerLost {
        session: SessionId,
        reason: String,
    },
    /// The publisher takes more than it may.
    PeerAbuses {
        session: SessionId,
        reason: String,
    },
    /// Media arrives (again).
    MediaFlowing {
        session: SessionId,
    },
    /// No track has had media for [`STALL`].
    MediaStalled {
        session: SessionId,
    },
    /// Nothing at all arrives from this publisher, not even answers to pings.
    PeerSilent {
        session: SessionId,
    },
    /// Something arrives again.
    PeerHeard {
        session: SessionId,
    },
    /// The answer to [`Action::AskAccept`].
    Accepted {
        stream: StreamId,
        accepted: bool,
    },
    /// The user wants this stream, whatever the filter says.
    Play(StreamId),
    /// The user does not want this stream any more.
    Stop(StreamId),
    /// The filter changed.
    Filter(Filter),
    /// What publishers are asked to encode with changed.
    Bitrates(Bitrates),
    /// What the publisher of one stream is asked to encode one kind of media with, in kbit/s; 0 is what
    /// all are asked.
    BitratesOf {
        stream: StreamId,
        kind: Kind,
        kbits: u32,
    },
    /// Some media of a connection are not wanted for now, or wanted again.
    Unwanted {
        session: SessionId,
        media: Unwanted,
    },
    /// The user has something to say to the publisher of this stream.
    SendMessage {
        stream: StreamId,
        text: String,
    },
    /// The element stops.
    Shutdown,
    /// The instant that [`Room::deadline`](crate::Room::deadline) named has come.
    Tick,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this over the websocket.
    SendSocket(String),
    /// Send this over the session's data channel.
    SendChannel {
        session: SessionId,
        text: String,
    },
    /// Ask the user, answer with [`Event::Accepted`].
    AskAccept {
        stream: StreamId,
        info: StreamInfo,
    },
    /// Make a peer connection for the `number`th session (from 1) of this stream.
    OpenPeer {
        session: SessionId,
        stream: StreamId,
        number: u32,
        info: StreamInfo,
        /// The certificate that the publisher has to show; a later offer with another one never
        /// gets as far as this session.
        certificate: Fingerprints,
    },
    /// Apply this offer and answer it with [`Event::LocalAnswer`]. There is never more than one
    /// pending for a session.
    SetRemoteOffer {
        session: SessionId,
        sdp: String,
        /// `a=mid` of the m-lines that carry a shared screen (protocol section 5.6, shape 3).
        screen_mids: Vec<String>,
    },
    AddRemoteCandidate {
        session: SessionId,
        sdp_mline_index: u32,
        candidate: String,
    },
    /// End the session: EOS on its pads, then close. Nothing more is said about this session.
    ClosePeer {
        session: SessionId,
        reason: String,
    },
    StreamAdded {
        stream: StreamId,
        info: StreamInfo,
    },
    StreamChanged {
        stream: StreamId,
        info: StreamInfo,
    },
    StreamRemoved {
        stream: StreamId,
        reason: String,
    },
    /// The publisher of a stream has said something that is no signalling.
    ChannelMessage {
        stream: StreamId,
        text: String,
    },
    /// Find out whether the server is there: [`Event::ServerAnswers`], or [`Event::Unreachable`].
    AskServer,
    /// Open the websocket again after this time; close it first if it is open.
    Reconnect {
        after: Duration,
    },
    /// Close the websocket; neither it nor the room is needed any more. Always the last action.
    Disconnect,
    /// Something that a person should know, and that ends nothing else.
    Warn {
        stream: Option<StreamId>,
        message: String,
    },
    /// Something that ends the room for good, after its last session; `Disconnect` follows.
    Fail {
        message: String,
    },
}
