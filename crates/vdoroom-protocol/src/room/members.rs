// SPDX-License-Identifier: MPL-2.0
//! Who is in the room: who is announced, listed or leaves, and which peers and streams are kept.
//!
//! The room does not learn who left (protocol 3.5), and behind a relay one guest may use any number of
//! names: when there is no space for a newcomer, the oldest one that is least likely to send is
//! dropped. Streams that are being recorded stay.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::api::{Action, StreamId};
use crate::limits::{MAX_PEERS, MAX_STREAMS, MAX_STREAMS_PER_PEER};
use crate::messages::Listing;
use crate::names::PeerId;
use crate::state::{Consent, Room, Stream, Wish};

/// The time that an offer may take after the play.
const ANSWER: Duration = Duration::from_secs(5);

/// How much is to be expected of a stream, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Unwanted,
    Away,
    /// It was asked and did not answer.
    Silent,
    Unasked,
    /// It was asked just now.
    Asked,
    /// It was connected before.
    Lost,
    /// The user said something about it.
    Named,
}

impl Room {
    /// A member is there. With a stream it publishes, for the first time or again: a guest who
    /// **reloads** comes back with the same stream under a new UUID (protocol 3.6).
    ///
    /// - Nobody sends this stream: it is played, when it is wanted and has a place.
    /// - It was announced twice: nothing, unless it left plays unanswered. It may have been let in
    ///   from a waiting room (protocol 7.6): then it is played as soon as the pace allows.
    /// - The session that we have has media: nothing is played, for the publisher only lost its
    ///   websocket, or somebody else took its ID. The newcomer is remembered as the stream's
    ///   publisher and played the moment the media stalls ([`Room::media_stalled`]).
    /// - The session that we have is without media: the newcomer is played at once, and its offer
    ///   replaces the session ([`Room::make_way`]).
    pub(super) fn announced(&mut self, peer: PeerId, wire: Option<&str>, director: bool) {
        let stream = wire.and_then(|wire| Some((self.secrets.bare(wire)?, wire)));
        self.know_peer(&peer, director);
        let Some((id, wire)) = stream else {
            return;
        };
        if !self.know_stream(&id, wire, Some(&peer)) {
            return;
        }
        let (now, epoch) = (self.now, self.reconnects);
        if let Some(known) = self.peers.get_mut(&peer) {
            known.stream = Some(id.clone());
        }
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        let twice = stream.is_from(&peer) && stream.ask.is_some();
        if !stream.is_from(&peer) {
            stream.renewed();
        }
        stream.presence.announced(peer.clone());
        let (mut outdated, mut silent) = (None, None);
        match stream.primary().and_then(|id| self.sessions.get_mut(&id)) {
            None if twice => stream.ask_sooner(now),
            None => stream.ask_now(now),
            // It came back from a leave under a new name, or somebody else did under its ID: either
            // way a stall is no end any more.
            Some(session) if session.peer != peer && session.may_go_on() => session.left = false,
            Some(session) if session.peer != peer => {
                silent = session.silent.map(|_| session.id);
                stream.ask_now(now);
            }
            // Begun before our websocket was lost: its answer may never have arrived.
            Some(session) if !session.is_connected() && session.epoch != epoch => {
                outdated = Some(session.id);
                stream.ask_now(now);
            }
            Some(session) => session.left = false,
        }
        if let Some(session) = silent {
            self.replace_silent(session);
        }
        if let Some(session) = outdated {
            self.end_session(session, "the room server was lost before it was connected");
        }
        self.set_director(&id, &peer);
        self.show(&id);
    }

    /// A director's stream is known as one, unless somebody else sends it.
    pub(super) fn set_director(&mut self, id: &StreamId, peer: &PeerId) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        let directs = self.peers.get(peer).is_some_and(|peer| peer.director);
        let mut primary = stream.primary().and_then(|id| self.sessions.get_mut(&id));
        let another = primary
            .as_ref()
            .is_some_and(|session| session.peer != *peer);
        if !directs || another || std::mem::replace(&mut stream.info.director, true) {
            return;
        }
        if let Some(session) = &mut primary {
            session.info.director = true;
        }
        if stream.shown {
            self.actions.push(Action::StreamChanged {
                stream: id.clone(),
                info: stream.info.clone(),
            });
        }
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

    fn members(&mut self, listing: Listing, reason: &str) {
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
                stream.is_here() && stream.sessions.is_empty() && !streams.contains(id)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in left {
            self.away(&id, reason, false);
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
                .is_some_and(|stream| stream.is_from(peer))
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
            .and_then(|stream| stream.presence.publisher());
        if publisher.is_none_or(same) {
            self.away_unless_in_session(&id, "it was taken out of the room");
        }
    }

    /// Makes sure that the peer is known.
    pub(super) fn know_peer(&mut self, peer: &PeerId, director: bool) {
        if !self.peers.contains_key(peer) && self.peers.len() >= MAX_PEERS {
            self.forget_a_peer();
        }
        self.next_order += 1;
        let known = self.peers.entry(peer.clone()).or_default();
        known.order = self.next_order;
        known.director |= director;
    }

    /// The oldest that has no connection; sessions are fewer than peers.
    fn forget_a_peer(&mut self) {
        let in_session: HashSet<&PeerId> = self.sessions.values().map(|s| &s.peer).collect();
        let others = self.peers.iter();
        let others = others.filter(|(id, _)| !in_session.contains(id));
        let oldest = others.min_by_key(|(_, peer)| peer.order);
        if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
            self.peers.remove(&oldest);
        }
    }

    /// Makes sure that the stream, which `peer` sends, is known; false if each of the others is worth
    /// more.
    pub(super) fn know_stream(&mut self, id: &StreamId, wire: &str, peer: Option<&PeerId>) -> bool {
        if let Some(stream) = self.streams.get_mut(id) {
            wire.clone_into(&mut stream.wire);
            return true;
        }
        if let Some(peer) = peer {
            self.forget_one_of_many(peer);
        }
        if self.streams.len() >= MAX_STREAMS && !self.forget_a_stream() {
            self.warn_once("streams", "the room has too many streams: some are ignored");
            return false;
        }
        self.next_order += 1;
        let ours = self.config.shard.owns(id);
        let stream = Stream::new(wire.to_owned(), self.next_order, ours);
        self.streams.insert(id.clone(), stream);
        true
    }

    /// A publisher has one stream, or a few. One that announces many loses its own first.
    fn forget_one_of_many(&mut self, peer: &PeerId) {
        let now = self.now;
        let by_peer = self.streams.iter();
        let by_peer = by_peer.filter(|(_, stream)| stream.is_from(peer));
        let by_peer: Vec<_> = by_peer
            .filter_map(|(id, stream)| Some((worth(stream, now)?, stream.order, id)))
            .filter(|(worth, ..)| *worth < Worth::Lost)
            .collect();
        if by_peer.len() >= MAX_STREAMS_PER_PEER
            && let Some(id) = by_peer.into_iter().min().map(|(.., id)| id.clone())
        {
            self.drop_stream(&id);
        }
    }

    fn forget_a_stream(&mut self) -> bool {
        let now = self.now;
        let all = self.streams.iter();
        let least = all.filter_map(|(id, stream)| Some((worth(stream, now)?, stream.order, id)));
        let Some(least) = least.min().map(|(.., id)| id.clone()) else {
            return false;
        };
        self.drop_stream(&least);
        true
    }

    fn drop_stream(&mut self, id: &StreamId) {
        self.hide(id, "the room has too many streams, and it sends nothing");
        self.streams.remove(id);
    }

    /// Those whose streams were forgotten, or never kept, before the filter wanted them.
    pub(super) fn announce_forgotten(&mut self) {
        let forgotten = |id: &StreamId| !self.streams.contains_key(id) && self.globs.wants(id);
        let peers = self.peers.iter();
        let peers: Vec<(u64, PeerId, StreamId)> = peers
            .filter_map(|(peer, known)| Some((known.order, peer, known.stream.as_ref()?)))
            .filter(|(.., id)| forgotten(id))
            .map(|(order, peer, id)| (order, peer.clone(), id.clone()))
            .collect();
        for (_, peer, id) in peers {
            let wire = self.secrets.wire(&id);
            self.announced(peer, Some(&wire), false);
        }
    }
}

/// `None` if it may not be forgotten.
fn worth(stream: &Stream, now: Instant) -> Option<Worth> {
    let is_due = !stream.sessions.is_empty() || stream.first_offer.is_some();
    if is_due || stream.expected || stream.wish == Wish::Play {
        return None;
    }
    Some(
        if stream.wish == Wish::Stop || stream.consent == Consent::Refused {
            Worth::Named
        } else if !stream.is_here() {
            Worth::Away
        } else if !stream.shown {
            Worth::Unwanted
        } else if stream.presence.is_seen() {
            Worth::Lost
        } else if stream.was_played_within(now, ANSWER) {
            Worth::Asked
        } else if stream.is_asked() {
            Worth::Silent
        } else {
            Worth::Unasked
        },
    )
}
