// SPDX-License-Identifier: MPL-2.0
//! Which peers and streams are kept. The room does not learn who left (protocol 3.5), and behind a
//! relay one guest may use any number of names: when there is no space for a newcomer, the oldest
//! one that is least likely to send is dropped. Streams that are being recorded stay.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::Room;
use crate::StreamId;
use crate::limits::{MAX_PEERS, MAX_STREAMS, MAX_STREAMS_PER_PEER};
use crate::names::PeerId;
use crate::stream::{Consent, Stream, Wish};

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
        let by_peer = by_peer.filter(|(_, stream)| stream.publisher.as_ref() == Some(peer));
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
        } else if !stream.here {
            Worth::Away
        } else if !stream.shown {
            Worth::Unwanted
        } else if stream.had_session {
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
