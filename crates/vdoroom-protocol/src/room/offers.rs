// SPDX-License-Identifier: MPL-2.0
//! Offers and renegotiation: from a publisher's message to what webrtcbin applies.

use serde_json::{Value, json};

use crate::api::{Action, SessionId, StreamId, StreamInfo};
use crate::limits::{
    MAX_QUEUED_OFFERS, MAX_SESSIONS, MAX_SESSIONS_PER_PEER, MAX_SESSIONS_PER_STREAM,
};
use crate::messages::{Body, PeerMessage};
use crate::names::{PeerId, SealError, Sealed};
use crate::sdp::{Change, Offer, classify};
use crate::state::{Consent, FirstOffer, NextOffer, Room, Session, Stream, Way, named};

impl Room {
    /// What a publisher says over the websocket.
    pub(super) fn peer_said(&mut self, peer: PeerId, message: PeerMessage) {
        let PeerMessage {
            stream,
            session,
            body,
        } = message;
        match body {
            Body::Description { sealed, screen } => {
                self.signalled_offer(peer, stream.as_deref(), session, &sealed, &screen);
            }
            Body::Candidates(sealed) => self.signalled_candidates(&peer, session, &sealed),
            Body::Bye => self.peer_bye(&peer, session.as_deref()),
            Body::Ping(_) | Body::News(_) => {}
        }
    }

    fn signalled_offer(
        &mut self,
        peer: PeerId,
        wire: Option<&str>,
        token: Option<String>,
        sealed: &Sealed,
        screen: &[usize],
    ) {
        let session = self.session_of(&peer, token.as_deref());
        let running = session.and_then(|id| Some(self.sessions.get(&id)?.stream.clone()));
        let said = || self.secrets.bare(wire?);
        let announced = || self.peers.get(&peer)?.stream.clone();
        let Some(id) = running.or_else(said).or_else(announced) else {
            return;
        };
        let opened = self.secrets.open_signalled(sealed);
        let Some(offer) = self.read_offer(&id, opened) else {
            return;
        };
        let next = NextOffer {
            screen: offer.screen_mids(screen),
            offer,
            encrypted: sealed.is_encrypted(),
            way: match self.dialog.trusted() {
                true => Way::Vouched,
                false => Way::Anybody,
            },
        };
        let session =
            session.or_else(|| self.session_of_renamed(&peer, &id, token.as_deref(), &next.offer));
        match session.and_then(|id| self.sessions.get(&id)) {
            // Without a name for the session only the certificate tells a renegotiation from a
            // new connection.
            Some(running) if token.is_some() || running.offer.same_certificate(&next.offer) => {
                self.renegotiate(running.id, next);
            }
            _ => self.first_offer(&id, peer, token, next),
        }
    }

    pub(super) fn read_offer(
        &mut self,
        id: &StreamId,
        opened: Result<Value, SealError>,
    ) -> Option<Offer> {
        let description = match opened {
            Ok(description) => description,
            Err(error) => {
                self.warn_about(id, "sealed", &format!("the offer of {} {error}", named(id)));
                return None;
            }
        };
        let kind = description.get("type").and_then(Value::as_str);
        if kind.is_some_and(|kind| kind != "offer") {
            return None;
        }
        let sdp = description.get("sdp").and_then(Value::as_str)?;
        match Offer::parse(sdp) {
            Ok(offer) => Some(offer),
            Err(error) => {
                self.warn_about(
                    id,
                    "offer",
                    &format!("the offer of {} {error}: ignored", named(id)),
                );
                None
            }
        }
    }

    /// An offer for a new connection, asked for or not.
    fn first_offer(&mut self, id: &StreamId, peer: PeerId, token: Option<String>, next: NextOffer) {
        if let Some(error) = next.offer.lacks() {
            let message = format!("the offer of {} {error}: ignored", named(id));
            return self.warn_about(id, "offer", &message);
        }
        let wire = self.secrets.wire(id);
        self.know_peer(&peer, false);
        let known = self.streams.contains_key(id) || self.know_stream(id, &wire, Some(&peer));
        if !known {
            return;
        }
        let Some(stream) = self.streams.get(id) else {
            return;
        };
        if !self.wants(id, stream) || stream.consent == Consent::Refused {
            return self.refuse(&peer, token.as_deref());
        }
        if let Some(stream) = self.streams.get_mut(id) {
            stream.presence.offered(&peer);
        }
        self.show(id);
        let first = FirstOffer {
            peer,
            token,
            offer: next.offer,
            screen: next.screen,
            encrypted: next.encrypted,
        };
        match self.streams.get_mut(id) {
            Some(stream) if stream.consent == Consent::Given => self.adopt(id, first),
            Some(stream) => stream.first_offer = Some(first),
            None => {}
        }
    }

    /// Begins a session with this offer, if there is a place for it.
    pub(super) fn adopt(&mut self, id: &StreamId, first: FirstOffer) {
        self.make_way(id, &first.peer);
        let place = self.has_place();
        let room = self.sessions.len() < MAX_SESSIONS;
        let of_peer = |session: &&Session| session.peer == first.peer;
        let of_peer = self.sessions.values().filter(of_peer).count();
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        if !room {
            self.refuse(&first.peer, first.token.as_deref());
            self.warn_once(
                "all sessions",
                "there are too many connections: some offers are ignored",
            );
        } else if stream.sessions.len() >= MAX_SESSIONS_PER_STREAM
            || of_peer >= MAX_SESSIONS_PER_PEER
        {
            let message = format!("{} is offered too often at once: ignored", named(id));
            self.warn_about(id, "sessions", &message);
            self.refuse(&first.peer, first.token.as_deref());
        } else if !stream.admitted && !place {
            self.refuse(&first.peer, first.token.as_deref());
        } else {
            self.open_session(id, first);
        }
    }

    fn open_session(&mut self, id: &StreamId, first: FirstOffer) {
        if let Some(stream) = self.streams.get_mut(id) {
            // It may have left while the offer waited for the user's consent.
            stream.presence.offered(&first.peer);
        }
        self.show(id);
        let director = self
            .peers
            .get(&first.peer)
            .is_some_and(|peer| peer.director);
        let has_media = |id| self.sessions.get(id).is_some_and(Session::has_media);
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        let expected = stream.expects(&first.peer);
        if expected {
            stream.ask = None;
        }
        // The publisher's own session counts, unless another one has media.
        let counts = expected && !stream.sessions.first().is_some_and(has_media);
        let mut info = StreamInfo::default();
        if counts || stream.sessions.is_empty() {
            info = stream.info.clone();
        }
        info.director |= director;
        self.last_session += 1;
        let session = SessionId(self.last_session);
        let place = if counts { 0 } else { stream.sessions.len() };
        stream.sessions.insert(place, session);
        stream.sessions_so_far += 1;
        stream.admitted = true;
        stream.presence.session_began();
        let hurry = stream.hurry(self.now);
        self.actions.push(Action::OpenPeer {
            session,
            stream: id.clone(),
            number: stream.sessions_so_far,
            info: info.clone(),
            certificate: first.offer.fingerprints(),
        });
        let (peer, token) = (first.peer.clone(), first.token.clone());
        let time = (self.now, hurry);
        let (next, new) = Session::begin(session, id.clone(), self.reconnects, info, first, time);
        self.sessions.insert(session, new);
        self.apply_offer(session, next);
        self.apply_early_candidates(session, &peer, token.as_deref());
    }

    /// Ends the sessions that a new offer of `peer` replaces.
    ///
    /// A session that has media stays, whoever offers: in the relay dialect anybody may claim any
    /// ID. The newcomer then gets a session of its own beside it. Only a hosted server vouches
    /// for who somebody is, and there a publisher has one connection to us: the old one is dead.
    /// A session without media gives way to the publisher's own new offer and to one that we
    /// asked for; one whose media stalled gives way to any.
    fn make_way(&mut self, id: &StreamId, peer: &PeerId) {
        let asked = |stream: &Stream| stream.is_asked() && stream.expects(peer);
        let asked = self.streams.get(id).is_some_and(asked);
        let hosted = self.dialog.trusted();
        let rivals = self
            .sessions
            .values()
            .filter(|session| session.stream == *id);
        let replaced: Vec<(SessionId, bool)> = rivals
            .filter(|session| {
                let same = session.peer == *peer;
                (same && hosted)
                    || session.is_stalled()
                    || (!session.has_media() && (same || asked))
            })
            .map(|session| (session.id, session.peer == *peer))
            .collect();
        for (session, same_peer) in replaced {
            let lasted = self.sessions.get(&session).and_then(Session::lasted);
            if let (Some(lasted), Some(stream)) = (lasted, self.streams.get_mut(id)) {
                stream.media_lasted(lasted);
            }
            // A goodbye to the same publisher would end its new connection.
            if !same_peer {
                self.say_bye(session);
            }
            self.end_session(session, "a new connection of the same stream replaces it");
        }
    }

    pub(super) fn renegotiate(&mut self, id: SessionId, next: NextOffer) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        // Publishers use the channel once it is open. Behind a relay anybody may have sent it, with
        // the certificate that they saw in the publisher's own offer.
        if next.way == Way::Anybody && session.has_channel() && session.has_media() {
            let stream = session.stream.clone();
            return self.doubt(&stream);
        }
        if !session.is_answering() {
            return self.apply_offer(id, next);
        }
        if session.queue.len() < MAX_QUEUED_OFFERS {
            session.queue.push_back(next);
        } else {
            let stream = session.stream.clone();
            let message = format!("{} offers faster than it can be answered", named(&stream));
            self.warn_about(&stream, "offers", &message);
        }
    }

    /// Holds an offer against the one before, and applies it if the connection can follow.
    fn apply_offer(&mut self, id: SessionId, next: NextOffer) {
        let (now, abilities) = (self.now, self.abilities);
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let stream = session.stream.clone();
        if session.is_answered() {
            // Who holds the channel is who came by signalling: it stays so.
            if next.way == Way::Channel && !session.offer.same_certificate(&next.offer) {
                let message = format!(
                    "an offer on the channel of {} has another certificate: refused",
                    named(&stream)
                );
                return self.warn_about(&stream, "certificate", &message);
            }
            let change = classify(&session.offer, &next.offer, abilities);
            // Behind a relay anybody may have sent it. If it was the publisher, the media will
            // stop, and the session with it.
            let adds = matches!(change, Change::Same | Change::Adds);
            if !adds && next.way == Way::Anybody && session.has_media() {
                return self.doubt(&stream);
            }
            if let Change::Restart { reason } = change {
                return self.restart(
                    id,
                    &format!("its new offer needs a new connection: {reason}"),
                );
            }
        }
        let shares_screen = !next.screen.is_empty();
        self.actions.push(Action::SetRemoteOffer {
            session: id,
            sdp: next.offer.sdp.clone(),
            screen_mids: next.screen.clone(),
        });
        session.apply(now, next);
        if shares_screen && !session.info.screen_shared {
            session.info.screen_shared = true;
            self.info_changed(id);
        }
    }

    fn doubt(&mut self, stream: &StreamId) {
        let message = format!(
            "an offer for {} was ignored: anybody may have sent it, and there is media",
            named(stream)
        );
        self.warn_about(stream, "doubtful offer", &message);
    }

    /// Our answer: the first one over the websocket, later ones over the channel (protocol 4.3).
    pub(super) fn local_answer(&mut self, id: SessionId, sdp: &str) {
        let iv = self.vector();
        let now = self.now;
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if !session.is_answering() {
            return;
        }
        let iv = session.encrypted.then_some(iv);
        let description = json!({ "type": "answer", "sdp": sdp });
        let mut message = self.secrets.seal("description", description, iv);
        if let Some(token) = &session.token {
            message.insert("session".to_owned(), json!(token));
        }
        session.answer_sent(now);
        let next = session.queue.pop_front();
        self.send_to_publisher(id, message);
        self.flush_candidates(id);
        self.ask_for_bitrates_soon(id);
        if let Some(next) = next {
            self.apply_offer(id, next);
        }
    }
}
