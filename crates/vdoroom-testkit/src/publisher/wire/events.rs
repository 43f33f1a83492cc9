// SPDX-License-Identifier: MPL-2.0
//! What the control thread hears of: the socket, the connections, timers, and the handle.

use gst_webrtc::WebRTCPeerConnectionState;
use serde_json::Value;

use crate::publisher::media::Kind;

/// Tells the connections of one publisher apart, also after one was replaced.
pub type PeerId = u64;

#[derive(Debug)]
pub enum PeerEvent {
    OfferCreated(String),
    Candidate {
        index: u32,
        text: String,
    },
    ChannelOpen,
    ChannelText(String),
    StrangerChannel(String),
    State(WebRTCPeerConnectionState),
    /// The pipeline's latency has changed and wants to be distributed anew. Without that
    /// rtpsession 1.22 puts no usable time into its sender reports.
    Latency,
    Error(String),
}

#[derive(Debug)]
pub enum Event {
    SocketOpen(u64),
    SocketText(u64, String),
    SocketClosed(u64, String),
    Peer(PeerId, PeerEvent),
    Timer(TimerEvent),
    Command(Command),
}

#[derive(Debug)]
pub enum TimerEvent {
    Connect,
    Seed,
    Reoffer { viewer: String },
    FlushCandidates(PeerId),
    Ping(PeerId),
}

#[derive(Debug)]
pub enum Command {
    /// `bye` to everybody, then the end.
    Stop,
    /// The end, without a word.
    Crash,
    /// Everything anew, as when a page is reloaded; with or without `bye`.
    Reload { bye: bool },
    /// The socket closes; connections stay. It comes back after the usual time.
    DropSocket,
    /// A further track in every connection.
    Add(Kind),
    /// Offers these as sent or not, in the m-lines that they have.
    Offer { video: bool, audio: bool },
    /// Offers an ICE restart to all viewers.
    RestartIce,
    /// Says this to all viewers on their channels.
    Tell(Value),
    /// Says this, be it JSON or not.
    TellText(String),
}
