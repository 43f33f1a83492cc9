// SPDX-License-Identifier: MPL-2.0
//! How sessions end, and the consequences for their streams.

use std::time::Instant;

use super::silence::OFFER;
use crate::api::{Action, SessionId, StreamId};
use crate::json::fields;
use crate::names::PeerId;
use crate::state::{Media, Room, Session, Stream, named};

impl Room {
    pub(super) fn peer_lost(&mut self, id: SessionId, reason: &str) {
        if self.sessions.get(&id).is_some_and(|session| session.left) {
            return self.over(id, "its publisher left the room");
        }
        self.restart(id, &format!("the connection was lost: {reason}"));
    }

    /// Ends the session, and does not hurry to begin another.
    pub(super) fn peer_abuses(&mut self, id: SessionId, reason: &str) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let stream = session.stream.clone();
        let message = format!("{} was disconnected: {reason}", named(&stream));
        self.warn_about(&stream, "abuse", &message);
        self.say_bye_everywhere(id);
        self.end_session(id, reason);
        let alone = |stream: &&mut Stream| stream.sessions.is_empty();
        if let Some(stream) = self.streams.get_mut(&stream).filter(alone) {
            stream.ask_slowly(self.now);
        }
    }

    /// Sessions that took too long, and candidates that were collected long enough.
    pub(super) fn session_timers(&mut self) {
        let now = self.now;
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let timeout = self.config.stream_timeout;
        let why = |session: &Session| {
            if session.is_stalled() || session.silent.is_some() {
                "it no longer sends anything"
            } else if session.lacks_channel() {
                "its data channel does not open"
            } else if session.is_hurried() {
                "the way is not back yet"
            } else {
                "the connection was not made in time"
            }
        };
        let over: Vec<(SessionId, &str)> = self
            .sessions
            .values()
            .filter(|session| due(session.gives_up_at(timeout)))
            .map(|session| (session.id, why(session)))
            .collect();
        for (session, reason) in over {
            self.restart(session, reason);
        }
        let full: Vec<SessionId> = self
            .sessions
            .values()
            .filter(|session| due(session.flush_at()))
            .map(|session| session.id)
            .collect();
        for session in full {
            self.flush_candidates(session);
        }
        let sending: Vec<SessionId> = self
            .sessions
            .values()
            .filter(|session| due(session.bitrates_at))
            .map(|session| session.id)
            .collect();
        for session in sending {
            self.ask_for_bitrates(session);
        }
    }

    /// Ends a session that is of no use any more and asks the publisher for another one.
    pub(super) fn restart(&mut self, id: SessionId, reason: &str) {
        let now = self.now;
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let (had_media, stream) = (session.media != Media::None, session.stream.clone());
        let bye_is_due = session.bye_is_due(now);
        let peer = session.peer.clone();
        let renamed = self.other_name(session);
        let lasted = session.lasted();
        let first = self
            .streams
            .get(&stream)
            .and_then(|stream| stream.primary())
            == Some(id);
        // Another one would end the connection that was asked for with the first.
        if !bye_is_due {
            self.say_bye_everywhere(id);
            if let Some(renamed) = renamed {
                self.send(Some(&renamed), fields([("bye", true.into())]));
            }
        }
        self.end_session(id, reason);
        let goes_on = self
            .sessions
            .values()
            .any(|other| other.stream == stream && other.peer == peer);
        let id = stream;
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        if first && !goes_on {
            if had_media {
                stream.lost_at.get_or_insert(now);
            }
            if let Some(lasted) = lasted {
                stream.media_lasted(lasted);
            }
            if stream.is_contested() {
                stream.ask_in_turn(now);
                return self.warn_of_another_viewer(&id);
            }
            if stream.is_lost_lately(now) {
                stream.presence.session_is_fine();
            } else {
                stream.presence.session_failed();
            }
            stream.ask_again(now);
        }
    }

    pub(super) fn warn_of_another_viewer(&mut self, id: &StreamId) {
        let message = format!(
            "{} repeatedly ends soon after it began, as if its publisher served one viewer only, and \
             there were another viewer: start raspberry_ninja with --multiviewer, or close the \
             other viewer; retries become rarer",
            named(id)
        );
        self.warn_about(id, "another viewer", &message);
    }

    /// Who announced the stream of this session since, if that is another name: of the same page,
    /// perhaps, which ignores a play as long as it has this connection.
    fn other_name(&self, session: &Session) -> Option<PeerId> {
        let stream = self.streams.get(&session.stream)?;
        let publisher = stream.presence.publisher()?;
        let in_session = |peer: &PeerId| self.sessions.values().any(|other| other.peer == *peer);
        // A new page may be about to offer: it would lose what it begins.
        let offers = in_session(publisher) || stream.was_played_within(self.now, OFFER);
        (*publisher != session.peer && !offers).then(|| publisher.clone())
    }

    /// A goodbye over the websocket. Behind a relay anybody may say it in anybody's name: there it
    /// ends nothing that has media.
    pub(super) fn peer_bye(&mut self, peer: &PeerId, token: Option<&str>) {
        let said = |session: &Session| {
            session.peer == *peer && (token.is_none() || session.token.as_deref() == token)
        };
        if !self.dialog.trusted() {
            return self.sessions_left(said, "its publisher hung up");
        }
        let over: Vec<SessionId> = self
            .sessions
            .values()
            .filter(|session| said(session))
            .map(|session| session.id)
            .collect();
        for session in over {
            self.publisher_hung_up(session);
        }
    }

    pub(super) fn publisher_hung_up(&mut self, id: SessionId) {
        self.over(id, "its publisher hung up");
    }

    /// Ends a session together with its stream, unless the stream has another one.
    pub(super) fn over(&mut self, id: SessionId, reason: &str) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let (stream, peer) = (session.stream.clone(), session.peer.clone());
        self.end_session(id, reason);
        let Some(known) = self
            .streams
            .get_mut(&stream)
            .filter(|stream| stream.sessions.is_empty())
        else {
            return;
        };
        // Who came in the meantime is being played, or will be.
        if known.is_here() && !known.is_from(&peer) {
            return known.ask_now(self.now);
        }
        self.away(&stream, reason, true);
    }

    /// The server says that a publisher left: what has no media is over, the rest when it stalls.
    /// Behind a relay anybody may have said it: there the media alone tells.
    pub(super) fn sessions_left(&mut self, who: impl Fn(&Session) -> bool, reason: &str) {
        let told = self.dialog.trusted();
        let mut over = Vec::new();
        for session in self.sessions.values_mut().filter(|session| who(session)) {
            session.left |= told;
            if !session.has_media() {
                over.push(session.id);
            }
        }
        for session in over {
            self.over(session, reason);
        }
    }

    pub(super) fn away_unless_in_session(&mut self, id: &StreamId, reason: &str) {
        if self
            .streams
            .get(id)
            .is_some_and(|stream| stream.is_here() && stream.sessions.is_empty())
        {
            self.away(id, reason, false);
        }
    }

    pub(super) fn end_all(&mut self, id: &StreamId, reason: &str) {
        let sessions = self.streams.get(id).map(|stream| stream.sessions.clone());
        for session in sessions.unwrap_or_default() {
            self.say_bye(session);
            self.end_session(session, reason);
        }
    }

    /// Nothing is said about this session after this.
    pub(super) fn end_session(&mut self, id: SessionId, reason: &str) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        let reason = reason.to_owned();
        self.actions.push(Action::ClosePeer {
            session: id,
            reason,
        });
        let Some(stream) = self.streams.get_mut(&session.stream) else {
            return;
        };
        stream.sessions.retain(|other| *other != id);
        if let Some(next) = stream.primary() {
            self.info_changed(next);
        }
    }
}
