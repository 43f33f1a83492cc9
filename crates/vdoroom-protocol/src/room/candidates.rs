// SPDX-License-Identifier: MPL-2.0
//! Candidates: those of a publisher, which may come before their offer, and ours, which are sent
//! together (protocol 4.3).

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::api::{Action, SessionId};
use crate::limits::{
    EARLY_CANDIDATES_LAST, MAX_CANDIDATES_PER_SESSION, MAX_EARLY_CANDIDATES,
    MAX_EARLY_CANDIDATES_OF_ALL,
};
use crate::messages::{Candidate, candidate};
use crate::names::{PeerId, Sealed};
use crate::state::{Early, Peer, Room, named};

impl Room {
    pub(super) fn signalled_candidates(
        &mut self,
        peer: &PeerId,
        token: Option<String>,
        sealed: &Sealed,
    ) {
        let value = match self.secrets.open_signalled(sealed) {
            Ok(value) => value,
            Err(error) => {
                let session = self.session_of(peer, token.as_deref());
                let stream = session.and_then(|id| Some(self.sessions.get(&id)?.stream.clone()));
                let announced = || self.peers.get(peer)?.stream.clone();
                if let Some(id) = stream.or_else(announced) {
                    let message = format!("a candidate of {} {error}", named(&id));
                    self.warn_about(&id, "sealed", &message);
                }
                return;
            }
        };
        let candidates = candidate::read(&value);
        if let Some(session) = self.session_of(peer, token.as_deref()) {
            return self.remote_candidates(session, candidates);
        }
        self.forget_early_candidates();
        self.know_peer(peer, false);
        let of_all: usize = self.peers.values().map(|peer| peer.early.len()).sum();
        let mut places = MAX_EARLY_CANDIDATES_OF_ALL.saturating_sub(of_all);
        for candidate in candidates {
            let early = self.early(token.clone(), candidate);
            match self.peers.get_mut(peer) {
                Some(Peer { early: waiting, .. })
                    if waiting.len() < MAX_EARLY_CANDIDATES && places > 0 =>
                {
                    waiting.push_back(early);
                    places -= 1;
                }
                _ => {
                    let message = "candidates that came without an offer are ignored: too many";
                    return self.warn_once("early candidates", message);
                }
            }
        }
    }

    fn forget_early_candidates(&mut self) {
        let now = self.now;
        for peer in self.peers.values_mut() {
            peer.early.retain(|early| early.until > now);
        }
    }

    fn early(&self, token: Option<String>, candidate: Candidate) -> Early {
        Early {
            until: self.now + EARLY_CANDIDATES_LAST,
            token,
            candidate,
        }
    }

    pub(super) fn apply_early_candidates(
        &mut self,
        id: SessionId,
        peer: &PeerId,
        token: Option<&str>,
    ) {
        self.forget_early_candidates();
        let Some(known) = self.peers.get_mut(peer) else {
            return;
        };
        let ours = |early: Option<&str>| early.is_none() || token.is_none() || early == token;
        let (now, later): (VecDeque<Early>, VecDeque<Early>) = std::mem::take(&mut known.early)
            .into_iter()
            .partition(|early| ours(early.token.as_deref()));
        known.early = later;
        let now = now.into_iter().map(|early| early.candidate).collect();
        self.remote_candidates(id, now);
    }

    pub(super) fn remote_candidates(&mut self, id: SessionId, candidates: Vec<Candidate>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        for candidate in candidates {
            if session.remote_candidates >= MAX_CANDIDATES_PER_SESSION {
                let stream = session.stream.clone();
                let message = format!("{} sends too many candidates", named(&stream));
                return self.warn_about(&stream, "candidates", &message);
            }
            let line = session
                .offer
                .line_of(candidate.mid.as_deref(), candidate.index);
            let Some(sdp_mline_index) = line else {
                continue;
            };
            session.remote_candidates += 1;
            self.actions.push(Action::AddRemoteCandidate {
                session: id,
                sdp_mline_index,
                candidate: candidate.text,
            });
        }
    }

    /// Sends the candidates that were collected (protocol 4.3).
    pub(super) fn flush_candidates(&mut self, id: SessionId) {
        let now = self.now;
        let iv = self.vector();
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if session.flush_at().is_none_or(|at| at > now) {
            return;
        }
        let iv = session.encrypted.then_some(iv);
        let candidates = Value::Array(session.take_local());
        let mut message = self.secrets.seal("candidates", candidates, iv);
        message.insert("type".to_owned(), json!("remote"));
        if let Some(token) = &session.token {
            message.insert("session".to_owned(), json!(token));
        }
        self.send_to_publisher(id, message);
    }

    pub(super) fn local_candidate(&mut self, id: SessionId, index: u32, candidate: &str) {
        let now = self.now;
        // Nothing is said about the end of candidates (protocol 4.3).
        if candidate.trim().is_empty() || candidate.contains("end-of-candidates") {
            return;
        }
        if let Some(session) = self.sessions.get_mut(&id) {
            session.collect(now, index, candidate);
            self.flush_candidates(id);
        }
    }
}
