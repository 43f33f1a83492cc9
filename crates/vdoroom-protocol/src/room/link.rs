// SPDX-License-Identifier: MPL-2.0
//! The websocket: joining, and coming back.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api::{Action, Dialect};
use crate::json::{Fields, fields};
use crate::names::is_glob;
use crate::state::{Backoff, Link, Room};

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

    pub(super) fn joined(&mut self) {
        if !self.link.is_joined() {
            self.server_is_back();
        }
        self.link = Link::Joined { since: self.now };
        self.outage = None;
    }

    /// After coming back: play what is not connected (protocol 7.1).
    pub(super) fn play_unconnected(&mut self) {
        let now = self.now;
        for stream in self.streams.values_mut() {
            if stream.sessions.is_empty() && stream.may_come() {
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
            self.room_lost_at = Some(self.now);
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
        } else if unreachable && self.room_lost_at.is_some_and(lately) {
            Backoff::unreachable(&mut self.rng)
        } else {
            self.backoff.next(&mut self.rng)
        };
        self.link = Link::Connecting;
        self.lost(&format!("the room server is not connected: {reason}"), wait);
    }

    /// The sessions stay: media does not need the server, and signalling has the channel.
    pub(super) fn lost(&mut self, message: &str, after: Duration) {
        self.server_is_lost();
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
