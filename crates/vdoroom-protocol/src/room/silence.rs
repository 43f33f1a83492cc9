// SPDX-License-Identifier: MPL-2.0
//! A publisher of which nothing arrives any more. It is asked for a new connection long before
//! `stream-timeout`, if that can help.
//!
//! Only the server can deliver our `bye` and `play`. So the server is checked first:
//!
//! - It answers: our own network works, and the fault is between us and the publisher (a relay that
//!   died, a NAT that changed its mapping, an address that is gone). The publisher is asked for a
//!   new connection.
//! - It does not: our own network is down. A message sent now would wait in the websocket, and end
//!   a connection that has recovered by itself. When the server answers again, media has a moment
//!   to come back, then the publisher is asked.
//!
//! The old session stays until the publisher offers: if its media comes back first, it is recorded.

use std::time::{Duration, Instant};

use crate::api::{Action, SessionId, StreamId};
use crate::json::fields;
use crate::names::PeerId;
use crate::sdp::Offer;
use crate::state::Room;

/// How long media that has its way back takes to be noticed.
const SOON: Duration = Duration::from_millis(100);
/// The same when our own network was gone: a sender that lost it has to find its way first.
const MOMENT: Duration = Duration::from_millis(500);
/// How long an offer may take: a `bye` meanwhile would end what it begins.
pub(super) const OFFER: Duration = Duration::from_secs(1);

impl Room {
    pub(super) fn peer_silent(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.silent = Some(self.now);
        if self.link.is_joined() && self.server_asked.is_none() {
            self.server_asked = Some(self.now);
            self.actions.push(Action::AskServer);
        }
    }

    pub(super) fn peer_heard(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.silent = None;
        }
    }

    /// A late answer means that the network was gone for that long.
    pub(super) fn server_answers(&mut self) {
        if let Some(asked) = self.server_asked.take() {
            let took = self.now.saturating_duration_since(asked);
            self.replace_at = Some(self.now + took.clamp(SOON, MOMENT));
        }
    }

    /// There is a new websocket.
    pub(super) fn server_is_back(&mut self) {
        if self
            .sessions
            .values()
            .any(|session| session.silent.is_some())
        {
            self.replace_at = Some(self.now + MOMENT);
        }
    }

    pub(super) fn server_is_lost(&mut self) {
        self.server_asked = None;
        self.replace_at = None;
    }

    pub(super) fn silence_timer(&mut self) {
        if self.replace_at.is_none_or(|at| at > self.now) {
            return;
        }
        self.replace_at = None;
        let silent = self
            .sessions
            .values()
            .filter(|session| session.silent.is_some());
        let silent: Vec<SessionId> = silent.map(|session| session.id).collect();
        for session in silent {
            self.replace_silent(session);
        }
    }

    pub(super) fn silence_deadline(&self) -> Option<Instant> {
        self.replace_at
    }

    /// Asks for a new connection beside this one, unless that was done already.
    pub(super) fn replace_silent(&mut self, id: SessionId) {
        let (now, epoch) = (self.now, self.reconnects);
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Some(stream) = self.streams.get_mut(&session.stream) else {
            return;
        };
        if session.may_go_on() || stream.primary() != Some(id) {
            return;
        }
        if session.epoch != epoch {
            // Our name is another one: a publisher takes us for somebody else, who is to be served
            // beside us.
            if stream.ask.is_none() {
                stream.ask_now(now);
            }
            return;
        }
        // Who lost the websocket as well is back under another name, with the old connection.
        let publisher = stream.presence.publisher().unwrap_or(&session.peer).clone();
        if session.bye_was_said_to(&publisher) {
            return;
        }
        // It is rather another viewer's turn: the connection has until `stream-timeout` to come back.
        if session
            .lasted()
            .is_some_and(|time| stream.would_be_contested(time))
        {
            let id = session.stream.clone();
            return self.warn_of_another_viewer(&id);
        }
        if stream.was_played_within(now, OFFER) {
            self.replace_at = Some(now + OFFER);
            return;
        }
        session.said_bye = Some((now, publisher.clone()));
        stream.lost_at.get_or_insert(now);
        stream.ask_again(now);
        let peers = [session.peer.clone(), publisher];
        let different = if peers[0] == peers[1] { 1 } else { 2 };
        // Not over the channel, where it would arrive together with the media that is back.
        for peer in &peers[..different] {
            self.send(Some(peer), fields([("bye", true.into())]));
        }
    }

    /// The session of a publisher who goes on with it under another name, since it lost its
    /// websocket. Only a hosted server vouches for that.
    pub(super) fn session_of_renamed(
        &mut self,
        peer: &PeerId,
        stream: &StreamId,
        token: Option<&str>,
        offer: &Offer,
    ) -> Option<SessionId> {
        let hosted = self.dialog.trusted();
        let session = self.sessions.values_mut().find(|session| {
            let same = session.stream == *stream && session.token.as_deref() == token;
            hosted && token.is_some() && same && session.offer.same_certificate(offer)
        })?;
        session.peer = peer.clone();
        Some(session.id)
    }
}
