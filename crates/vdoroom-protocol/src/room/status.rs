// SPDX-License-Identifier: MPL-2.0
//! A snapshot for statistics.

use crate::api::{RoomState, RoomStatus, StreamId, StreamState, StreamStatus};
use crate::state::{Consent, Media, Room, Session, Stream};

impl Room {
    /// What is known now.
    pub fn status(&self) -> RoomStatus {
        let stream = |(id, stream): (&StreamId, &Stream)| StreamStatus {
            id: id.clone(),
            info: stream.info.clone(),
            state: self.stream_state(id, stream),
            sessions: stream.sessions.clone(),
            sessions_so_far: stream.sessions_so_far,
        };
        let (state, reason) = self.state();
        RoomStatus {
            state,
            reason,
            dialect: self.dialog.spoken(),
            reconnects: self.reconnects,
            ignored_messages: self.ignored_messages,
            peers: self.peers.len(),
            streams: self.streams.iter().map(stream).collect(),
        }
    }

    /// How the room is, and why if it is down.
    pub fn state(&self) -> (RoomState, Option<String>) {
        let reason = self.link.is_down().then(|| self.outage.clone()).flatten();
        (self.link.state(), reason)
    }

    fn stream_state(&self, id: &StreamId, stream: &Stream) -> StreamState {
        if let Some(session) = stream.primary().and_then(|id| self.sessions.get(&id)) {
            return session_state(session);
        }
        if !self.wants(id, stream) || stream.consent == Consent::Refused {
            StreamState::Unwanted
        } else if stream.is_asked() && stream.may_come() {
            StreamState::Asked
        } else if stream.may_come() {
            StreamState::Waiting
        } else {
            StreamState::Away
        }
    }
}

fn session_state(session: &Session) -> StreamState {
    match session.media {
        Media::Flowing => StreamState::Flowing,
        _ if session.elsewhere.is_some() => StreamState::Elsewhere,
        Media::Stalled { .. } => StreamState::Stalled,
        Media::None if session.is_connected() => StreamState::Connected,
        Media::None if session.is_answered() => StreamState::Connecting,
        Media::None => StreamState::Offered,
    }
}
