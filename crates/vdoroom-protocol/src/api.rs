// SPDX-License-Identifier: MPL-2.0
//! The vocabulary between the state machine and the element that drives it.

use std::fmt;
use std::time::Duration;

use super::fingerprint::Fingerprints;
use super::shard::Shard;

/// A stream ID as people see it: sanitised, without the suffix that a password adds on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub String);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One WebRTC connection, numbered by the room from 1; a number is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// How the room server speaks (protocol section 1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Dialect {
    /// Found out from what the server says.
    #[default]
    Auto,
    /// The server tracks rooms and members.
    Hosted,
    /// The server only passes messages on.
    Relay,
}

/// What the user said about the password (protocol section 2.3).
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Password {
    /// The protocol's well-known default password.
    #[default]
    Default,
    /// No password and no encryption.
    Off,
    /// One of the user's own, as they typed it.
    Own(String),
}

impl Password {
    /// What people mean by what they type: nothing is the default password, and `false`, `0` and
    /// `off` switch encryption off.
    pub fn typed(text: Option<&str>) -> Self {
        match text.map(str::trim) {
            None | Some("") => Self::Default,
            Some("false" | "0" | "off") => Self::Off,
            Some(own) => Self::Own(own.to_owned()),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "Default",
            Self::Off => "Off",
            Self::Own(_) => "Own(…)",
        })
    }
}

/// What we ask each publisher to send (protocol section 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaRequest {
    pub audio: bool,
    pub video: bool,
    pub screen: bool,
    /// Shown to the people in the room.
    pub label: String,
    /// Name and version of the program that receives.
    pub program: String,
}

/// What publishers are asked to encode with, in kbit/s (protocol section 5.4); 0 leaves it to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bitrates {
    pub video: u32,
    pub audio: u32,
}

/// Which streams are wanted; `*` and `?` are wildcards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Empty: all.
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct RoomConfig {
    /// As people type it. Without one, [`Filter::include`] names the streams that are played
    /// directly.
    pub room: Option<String>,
    pub password: Password,
    pub salt: String,
    /// What stands as `token` in the address of the guests' page.
    pub token: Option<String>,
    pub dialect: Dialect,
    /// With a password of one's own: take offers and candidates in clear.
    pub accept_unencrypted: bool,
    pub filter: Filter,
    /// Of the streams that pass the filter, those of this shard are played.
    pub shard: Shard,
    /// How many streams are played at once; 0 is no limit.
    pub max_streams: usize,
    pub media: MediaRequest,
    pub bitrates: Bitrates,
    /// How long a session may go without media before it is ended and asked for again.
    pub stream_timeout: Duration,
    /// Seeds everything that is left to chance.
    pub seed: [u8; 32],
}

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
    /// No track has had media for [`STALL`](crate::STALL).
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
