// SPDX-License-Identifier: MPL-2.0
//! The data channel of a session, and its media: it flows, stalls, and what its publisher says of it.

use serde_json::Value;

use crate::api::{Action, SessionId, StreamId};
use crate::json::{Fields, JsonError, bounded_json, fields};
use crate::limits::{MAX_MESSAGE, MAX_PING};
use crate::messages::{self, Body, candidate, news};
use crate::sdp::Offer;
use crate::state::{Media, NextOffer, Room, Session, Stream, Way, named};

impl Room {
    pub(super) fn channel_open(&mut self, id: SessionId) {
        let now = self.now;
        let request = self.media_request();
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.open_channel(now);
        session.flush_now(now);
        // A second one would make a browser add its tracks again (protocol 5.2).
        if !std::mem::replace(&mut session.requested_media, true) {
            self.send_channel(id, request);
            self.media_is_due(id);
        }
        self.flush_candidates(id);
        self.ask_for_bitrates(id);
    }

    pub(super) fn channel_text(&mut self, id: SessionId, text: &str) {
        let now = self.now;
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let stream = session.stream.clone();
        if !session.may_speak(now) {
            self.ignored_messages += 1;
            let message = format!(
                "{} sends too many messages: some are ignored",
                named(&stream)
            );
            return self.warn_about(&stream, "messages", &message);
        }
        let message = match messages::read_channel(text) {
            Ok(message) => message,
            Err(error) => {
                self.ignored_messages += 1;
                let what = format!("a message of {} was ignored: it is {error}", named(&stream));
                if text.len() > MAX_MESSAGE || error == JsonError::TooDeep {
                    self.warn_about(&stream, "message", &what);
                }
                return;
            }
        };
        match message.body {
            Body::Description { sealed, screen } => {
                let opened = self.secrets.open(&sealed);
                if let Some(offer) = self.read_offer(&stream, opened) {
                    self.renegotiate(id, next_offer(offer, &screen, sealed.is_encrypted()));
                }
            }
            Body::Candidates(sealed) => {
                if let Ok(value) = self.secrets.open(&sealed) {
                    self.remote_candidates(id, candidate::read(&value));
                }
            }
            Body::Ping(ping) => self.pong(id, ping),
            Body::Bye => self.publisher_hung_up(id),
            Body::News(news) => {
                self.news(id, &news);
                // What answers our own pings is no news.
                if !news.contains_key("pong") {
                    self.hand_on(id, text);
                }
            }
        }
    }

    /// To the user, from the session that counts.
    fn hand_on(&mut self, id: SessionId, text: &str) {
        let stream = self.sessions.get(&id).map(|session| &session.stream);
        let Some(stream) = stream.and_then(|id| self.streams.get_key_value(id)) else {
            return;
        };
        if stream.1.primary() == Some(id) && stream.1.shown {
            self.actions.push(Action::ChannelMessage {
                stream: stream.0.clone(),
                text: text.to_owned(),
            });
        }
    }

    /// From the user, in words that publishers understand: one JSON object.
    pub(super) fn send_message(&mut self, stream: &StreamId, text: &str) {
        let refuse = |room: &mut Self, why: &str| {
            let message = format!("a message to {} was not sent: {why}", named(stream));
            room.warn(Some(stream), &message);
        };
        let message = match bounded_json(text) {
            Ok(Value::Object(message)) => message,
            Ok(_) => return refuse(self, "it is no JSON object"),
            Err(error) => return refuse(self, &format!("it is {error}")),
        };
        let known = self.secrets.typed(&stream.0);
        let known = known.and_then(|id| self.streams.get(&id));
        let session = known.and_then(Stream::primary);
        let speaks = |id: &SessionId| self.sessions.get(id).is_some_and(Session::has_channel);
        match session.filter(speaks) {
            Some(id) => self.send_channel(id, message),
            None => refuse(self, "it is not connected"),
        }
    }

    /// A long one could fill our memory when it is answered.
    fn pong(&mut self, id: SessionId, ping: Value) {
        let known = self.sessions.contains_key(&id);
        if known && ping.to_string().len() <= MAX_PING {
            self.send_channel(id, fields([("pong", ping)]));
        }
    }

    fn news(&mut self, id: SessionId, news: &Fields) {
        if let Some(session) = self.sessions.get_mut(&id) {
            news::apply(&mut session.info, news);
            self.info_changed(id);
        }
        self.hear_of_elsewhere(id, news);
    }

    /// Tells the user what changed about the stream. Those who claim its ID have no say.
    pub(super) fn info_changed(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let Some(stream) = self.streams.get_mut(&session.stream) else {
            return;
        };
        if stream.primary() == Some(id) && stream.info != session.info {
            stream.info = session.info.clone();
            if stream.shown {
                self.actions.push(Action::StreamChanged {
                    stream: session.stream.clone(),
                    info: session.info.clone(),
                });
            }
        }
    }

    pub(super) fn peer_connected(&mut self, id: SessionId) {
        let now = self.now;
        if let Some(session) = self.sessions.get_mut(&id) {
            session.connect(now);
        }
    }

    pub(super) fn media_flowing(&mut self, id: SessionId) {
        let now = self.now;
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.connect(now);
        let before = std::mem::replace(&mut session.media, Media::Flowing);
        session.first_media.get_or_insert(now);
        session.silent = None;
        let connected_in = session.connected_in;
        let (peer, stream) = (session.peer.clone(), session.stream.clone());
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.presence.session_is_fine();
            stream.lost_at = None;
            stream.connects_in = connected_in.unwrap_or_default();
            // Who came under the same ID meanwhile is remembered, and has its moment when this one
            // stalls.
            if stream.primary() == Some(id) {
                stream.ask = None;
            }
        }
        if before == Media::None {
            self.ask_for_bitrates(id);
        }
        // The same publisher went on in a new connection: the old one will not come back.
        let dead = |session: &Session| {
            session.peer == peer && session.stream == stream && session.is_stalled()
        };
        let dead: Vec<SessionId> = self
            .sessions
            .values()
            .filter(|session| dead(session))
            .map(|session| session.id)
            .collect();
        for session in dead {
            self.end_session(session, "its publisher continues in a new connection");
        }
    }

    /// The moment for who came under the same ID while this session had media.
    pub(super) fn media_stalled(&mut self, id: SessionId) {
        let now = self.now;
        let Some(session) = self
            .sessions
            .get_mut(&id)
            .filter(|session| session.has_media())
        else {
            return;
        };
        session.stall(now);
        if session.left {
            return self.over(id, "its publisher left the room");
        }
        let (peer, stream) = (session.peer.clone(), session.stream.clone());
        self.stalled_for_elsewhere(id);
        let goes_on = |other: &Session| {
            other.id > id && other.peer == peer && other.stream == stream && other.has_media()
        };
        if self.sessions.values().any(goes_on) {
            return self.end_session(id, "its publisher continues in a new connection");
        }
        if let Some(stream) = self.streams.get_mut(&stream)
            && stream.primary() == Some(id)
            && stream.is_here()
            && !stream.is_from(&peer)
        {
            stream.ask_now(now);
        }
    }
}

fn next_offer(offer: Offer, screen: &[usize], encrypted: bool) -> NextOffer {
    NextOffer {
        screen: offer.screen_mids(screen),
        offer,
        encrypted,
        way: Way::Channel,
    }
}
