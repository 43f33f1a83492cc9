// SPDX-License-Identifier: MPL-2.0
//! What a room tells about itself, for statistics.

use strum::{IntoStaticStr, VariantNames};

use super::config::Dialect;
use super::events::StreamInfo;
use super::ids::{SessionId, StreamId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum RoomState {
    /// The websocket is closed and will be opened again.
    Disconnected,
    /// The websocket is being opened.
    Connecting,
    /// The server was asked to let us in.
    Joining,
    Joined,
    /// The server does not want us; streams that are connected may go on.
    Failed,
    /// The element stopped.
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum StreamState {
    /// Announced; waits for its turn or for the user's consent.
    Waiting,
    /// The user or the filter does not want it.
    Unwanted,
    /// It was asked for and has not made an offer.
    Asked,
    /// Its offer waits for our answer.
    Offered,
    /// ICE and DTLS are on their way.
    Connecting,
    /// Connected, without media yet.
    Connected,
    Flowing,
    /// Connected, its media stopped.
    Stalled,
    /// Connected, without media: its publisher says that it is to be fetched from another server.
    Elsewhere,
    /// It left; it is asked for a few more times.
    Away,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStatus {
    pub id: StreamId,
    pub info: StreamInfo,
    pub state: StreamState,
    /// The live sessions, the one that counts first.
    pub sessions: Vec<SessionId>,
    /// How many sessions there have been.
    pub sessions_so_far: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomStatus {
    pub state: RoomState,
    /// Why it is disconnected or failed.
    pub reason: Option<String>,
    /// As configured, or as found out.
    pub dialect: Dialect,
    /// How often the websocket was lost.
    pub reconnects: u32,
    /// Messages that were beyond a limit or could not be read.
    pub ignored_messages: u64,
    /// Members of the room that are known, with or without a stream.
    pub peers: usize,
    pub streams: Vec<StreamStatus>,
}
