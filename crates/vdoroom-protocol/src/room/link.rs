// SPDX-License-Identifier: MPL-2.0
//! The websocket: joining, members, the server's messages, and reconnection.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::Room;
use crate::backoff::Backoff;
use crate::filter::is_glob;
use crate::names::PeerId;
use crate::wire::{Fields, Listing};
use crate::{Action, Dialect, RoomState, StreamId};

/// A server that does not answer `joinroom` for this long is a relay (protocol 1.2).
const SILENCE_MEANS_RELAY: Duration = Duration::from_secs(3);
/// The time that a hosted server has to answer `joinroom` (protocol 2.1).
const JOIN: Duration = Duration::from_secs(10);
/// A connection that lasted this long is no failure: the next wait is short again.
const LASTED: Duration = Duration::from_secs(30);

/// How long after it was lost a server that cannot be reached is tried without growing waits.
const HASTE: Duration = Duration::from_secs(600);

/// A room without a publisher for this long may be the wrong one.
const EMPTY: Duration = Duration::from_secs(10);
const EMPTY_ROOM: &str = "empty room";

#[derive(Clone, Copy, Debug)]
pub(super) enum Link {
    Connecting,
    Joining {
        /// When silence tells something.
        silent_at: Option<Instant>,
    },
    Joined {
        since: Instant,
    },
    /// Closed; to be opened again then.
    Waiting {
        until: Instant,
        /// It was closed by us and will be reported as closed.
        closing: bool,
    },
    /// Not used any more; sessions go on.
    Given,
    Failed,
    Stopped,
}

impl Link {
    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Failed | Self::Stopped)
    }

    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Joining { .. } | Self::Joined { .. })
    }

    pub(super) fn is_joined(self) -> bool {
        matches!(self, Self::Joined { .. })
    }

    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Self::Joining { silent_at } => silent_at,
            Self::Waiting { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Somebody has to let us in: silence does not mean anything any more.
    pub(super) fn wait_for_admission(&mut self) {
        if let Self::Joining { silent_at } = self {
            *silent_at = None;
        }
    }

    pub(super) fn state(self) -> RoomState {
        match self {
            Self::Connecting => RoomState::Connecting,
            Self::Joining { .. } => RoomState::Joining,
            Self::Joined { .. } => RoomState::Joined,
            Self::Waiting { .. } => RoomState::Disconnected,
            Self::Given | Self::Failed => RoomState::Failed,
            Self::Stopped => RoomState::Stopped,
        }
    }
}

impl Room {
    pub(super) fn opened(&mut self) {
        if !matches!(self.link, Link::Connecting | Link::Waiting { .. }) {
            return;
        }
        self.dialog.begin_anew();
        self.refused = None;
        let Some(room) = self.secrets.room.clone() else {
            self.joined();
            self.play_named();
            return;
        };
        let silent_at = match self.dialog.spoken() {
            Dialect::Auto => Some(self.now + SILENCE_MEANS_RELAY),
            Dialect::Hosted => Some(self.now + JOIN),
            Dialect::Relay => None,
        };
        self.link = Link::Joining { silent_at };
        self.send(None, join(room.0));
        self.joined_without_listing(false);
    }

    /// A relay does not answer `joinroom`; and who hears of others is in the room.
    pub(super) fn joined_without_listing(&mut self, in_the_room: bool) {
        let joining = matches!(self.link, Link::Joining { .. });
        if joining && (in_the_room || self.dialog.spoken() == Dialect::Relay) {
            self.joined();
            self.play_unconnected();
        }
    }

    /// Without a room the streams that the user names are played directly.
    pub(super) fn play_named(&mut self) {
        for name in self.config.filter.include.clone() {
            if is_glob(&name) {
                let message = format!(
                    "\"{name}\" is a pattern: without a room, only whole stream IDs can be played"
                );
                self.warn_once("pattern without a room", &message);
            } else if let Some(id) = self.secrets.typed(&name)
                && self.expect(&id).is_some()
            {
                self.show(&id);
            }
        }
        self.play_unconnected();
    }

    fn joined(&mut self) {
        if !self.link.is_joined() {
            self.server_is_back();
        }
        self.link = Link::Joined { since: self.now };
        self.outage = None;
    }

    /// After coming back: play what is not connected (protocol 7.1).
    fn play_unconnected(&mut self) {
        let now = self.now;
        for stream in self.streams.values_mut() {
            if stream.sessions.is_empty() && (stream.here || stream.expected) {
                stream.ask_now(now);
            }
        }
    }

    pub(super) fn link_timers(&mut self) {
        let due = self.link.deadline().is_some_and(|at| at <= self.now);
        if !due {
            return;
        }
        match (self.link, self.dialog.spoken()) {
            (Link::Waiting { .. }, _) => self.link = Link::Connecting,
            (Link::Joining { .. }, Dialect::Auto) => {
                self.dialog.relay();
                self.joined_without_listing(false);
            }
            (Link::Joining { .. }, _) => {
                self.dialog.forget();
                let wait = self.backoff.next(&mut self.rng);
                self.lost("the room server does not answer", wait);
            }
            _ => {}
        }
    }

    /// When to say that nobody is there: a room's address is made of its name, the password and
    /// the salt (protocol 2.5), so a wrong one of them is an empty room and not an error.
    pub(super) fn empty_at(&self) -> Option<Instant> {
        match self.link {
            Link::Joined { since }
                if self.streams.is_empty() && !self.warned.contains(EMPTY_ROOM) =>
            {
                Some(since + EMPTY)
            }
            _ => None,
        }
    }

    pub(super) fn empty_timer(&mut self) {
        if self.empty_at().is_none_or(|at| at > self.now) {
            return;
        }
        let message = match &self.config.room {
            Some(room) => format!(
                "nobody publishes in the room \"{room}\" yet; people who do are found only with \
                 the same room name, password and salt as theirs, and in the server's dialect"
            ),
            None => "none of the named streams is there yet".into(),
        };
        self.warn_once(EMPTY_ROOM, &message);
    }

    /// `unreachable`: nothing comes from the server.
    pub(super) fn closed(&mut self, reason: &str, unreachable: bool) {
        if self.link.is_joined() {
            self.left_at = Some(self.now);
        }
        match self.link {
            Link::Joined { since } if self.now >= since + LASTED => self.backoff.reset(),
            Link::Waiting {
                until,
                closing: true,
            } => {
                self.link = Link::Waiting {
                    until,
                    closing: false,
                };
                return;
            }
            Link::Given | Link::Failed | Link::Stopped => return,
            Link::Joining { .. } => self.dialog.forget(),
            _ => {}
        }
        let lately = |at| self.now < at + HASTE;
        let wait = if self.refused.is_some() {
            self.backoff.next_busy(&mut self.rng)
        } else if unreachable && self.left_at.is_some_and(lately) {
            Backoff::unreachable(&mut self.rng)
        } else {
            self.backoff.next(&mut self.rng)
        };
        self.link = Link::Connecting;
        self.lost(&format!("the room server is not connected: {reason}"), wait);
    }

    /// The sessions stay: media does not need the server, and signalling has the channel.
    pub(super) fn lost(&mut self, message: &str, after: Duration) {
        self.server_is_gone();
        self.refused = None;
        self.link = Link::Waiting {
            until: self.now + after,
            closing: self.link.is_open(),
        };
        self.reconnects = self.reconnects.saturating_add(1);
        // Once for each cause: a certificate that is not valid any more must not hide behind the
        // server's restart.
        if self.outage.as_deref() != Some(message) {
            self.outage = Some(message.to_owned());
            self.warn(None, &format!("{message}; trying again"));
        }
        self.actions.push(Action::Reconnect { after });
    }

    /// Who was in the room when we came, or came back (protocol 3.1).
    pub(super) fn listed(&mut self, listing: Listing) {
        self.joined();
        self.play_unconnected();
        self.members(listing, "it left while the room server was not connected");
    }

    /// We were moved to another room: those who are not in it are gone (protocol 3.4).
    pub(super) fn transferred(&mut self, listing: Listing) {
        let elsewhere: Vec<_> = self
            .sessions
            .values()
            .filter_map(|session| {
                let listed = listing
                    .members
                    .iter()
                    .any(|(peer, _)| *peer == session.peer);
                (!listed).then_some(session.id)
            })
            .collect();
        for session in elsewhere {
            self.say_bye(session);
            self.end_session(session, "a director moved the recorder to another room");
        }
        self.joined();
        self.members(listing, "a director moved the recorder to another room");
    }

    fn members(&mut self, listing: Listing, gone: &str) {
        let here = |peer: &PeerId| listing.members.iter().any(|(member, _)| member == peer);
        let mut streams: Vec<StreamId> = Vec::new();
        for (_, wire) in &listing.members {
            streams.extend(wire.as_deref().and_then(|wire| self.secrets.bare(wire)));
        }
        let in_session =
            |peer: &PeerId| self.sessions.values().any(|session| session.peer == *peer);
        let keep: Vec<PeerId> = self
            .peers
            .keys()
            .filter(|peer| here(peer) || in_session(peer))
            .cloned()
            .collect();
        self.peers.retain(|peer, _| keep.contains(peer));
        let left: Vec<StreamId> = self
            .streams
            .iter()
            .filter(|(id, stream)| {
                stream.here && stream.sessions.is_empty() && !streams.contains(id)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in left {
            self.away(&id, gone, false);
        }
        for (peer, wire) in &listing.members {
            let director = listing.director.as_ref() == Some(peer);
            self.announced(peer.clone(), wire.as_deref(), director);
        }
    }

    /// A member left, says the server. Its session may live on: it may have lost only its
    /// websocket (protocol 7.2).
    pub(super) fn peer_left(&mut self, peer: &PeerId) {
        let stream = self.peers.remove(peer).and_then(|peer| peer.stream);
        self.sessions_left(
            |session| session.peer == *peer,
            "its publisher left the room",
        );
        if let Some(id) = stream
            && self
                .streams
                .get(&id)
                .is_some_and(|stream| stream.publisher.as_ref() == Some(peer))
        {
            self.away_unless_in_session(&id, "its publisher left the room");
        }
    }

    pub(super) fn stream_left(&mut self, peer: Option<PeerId>, wire: &str) {
        let Some(id) = self.secrets.bare(wire) else {
            return;
        };
        let same = |other: &PeerId| peer.as_ref().is_none_or(|peer| peer == other);
        self.sessions_left(
            |session| session.stream == id && same(&session.peer),
            "it was taken out of the room",
        );
        let publisher = self
            .streams
            .get(&id)
            .and_then(|stream| stream.publisher.as_ref());
        if publisher.is_none_or(same) {
            self.away_unless_in_session(&id, "it was taken out of the room");
        }
    }

    /// A server taken for a hosted one is a relay: no member has understood our messages.
    pub(super) fn join_again(&mut self) {
        if self.link.is_joined()
            && let Some(room) = self.secrets.room.clone()
        {
            self.send(None, join(room.0));
            self.play_unconnected();
        }
    }

    pub(super) fn shutdown(&mut self) {
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        for session in sessions {
            self.say_bye(session);
            self.end_session(session, "the element stops");
        }
        self.link = Link::Stopped;
        self.failing = None;
        self.actions.push(Action::Disconnect);
    }
}

fn join(room: String) -> Fields {
    fields([
        ("request", "joinroom".into()),
        ("roomid", Value::from(room)),
    ])
}

pub(super) fn fields<const N: usize>(entries: [(&str, Value); N]) -> Fields {
    entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
