// SPDX-License-Identifier: MPL-2.0
//! What the element relies on, whatever anybody says.

use std::collections::HashMap;

use serde_json::{Map, Value};
use vdoroom_protocol::limits::{
    MAX_CANDIDATES_PER_SESSION, MAX_PEERS, MAX_SESSIONS_PER_STREAM, MAX_STREAMS,
};
use vdoroom_protocol::{Action, RoomStatus, SessionId, Unwanted};

/// All that is ever said on a data channel but for the request for media. What is not here could
/// make a publisher send smaller frames, or nothing (protocol 5.4).
const SAID: [&str; 13] = [
    "UUID",
    "altUUID",
    "audioBitrate",
    "bitrate",
    "bye",
    "candidates",
    // In tests, what the user says.
    "chat",
    "description",
    "pong",
    "session",
    "targetBitrate",
    "type",
    "vector",
];

fn harmless(text: &str, unwanted: Unwanted) -> Result<(), String> {
    let said: Map<String, Value> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let is_request = said.contains_key("allowmeshcast");
    let may_stop = |key: &str| match key {
        "audioBitrate" => unwanted.audio,
        "bitrate" if said.contains_key("altUUID") => unwanted.screen,
        "bitrate" => unwanted.video,
        _ => false,
    };
    for (key, value) in &said {
        let stops = value.as_u64().is_none_or(|rate| rate == 0) && !may_stop(key);
        let is_small = key.ends_with("itrate") && stops;
        if is_small || !is_request && !SAID.contains(&key.as_str()) {
            return Err(format!("a publisher is told {text}"));
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Peer {
    answering: bool,
    offered: bool,
    channel_texts_with_media_request: u32,
    candidates: usize,
    unwanted: Unwanted,
}

#[derive(Debug, Default)]
pub struct Rules {
    max_streams: usize,
    open: HashMap<SessionId, Peer>,
    last: u64,
    over: bool,
}

impl Rules {
    pub fn new(max_streams: usize) -> Self {
        Self {
            max_streams,
            ..Self::default()
        }
    }

    /// The element answers the offer that is pending.
    pub fn answered(&mut self, session: SessionId) {
        if let Some(peer) = self.open.get_mut(&session) {
            peer.answering = false;
        }
    }

    /// Only what the user does not want may be stopped.
    pub fn unwanted(&mut self, session: SessionId, media: Unwanted) {
        if let Some(peer) = self.open.get_mut(&session) {
            peer.unwanted = media;
        }
    }

    pub fn check(&mut self, action: &Action) -> Result<(), String> {
        if self.over {
            return Err("an action after the end".to_owned());
        }
        match action {
            Action::OpenPeer { session, .. } => {
                if session.0 <= self.last {
                    return Err(format!("{session:?} was used before"));
                }
                self.last = session.0;
                self.open.insert(*session, Peer::default());
            }
            Action::SetRemoteOffer { session, sdp, .. } => {
                let peer = self.peer(*session)?;
                if peer.answering {
                    return Err(format!("{session:?} is still answering"));
                }
                if !sdp.starts_with("v=0") {
                    return Err(format!("{session:?} is offered {sdp:?}"));
                }
                peer.answering = true;
                peer.offered = true;
            }
            Action::AddRemoteCandidate {
                session, candidate, ..
            } => {
                let peer = self.peer(*session)?;
                if !peer.offered || candidate.is_empty() {
                    return Err(format!(
                        "{session:?} gets a candidate {candidate:?} too early"
                    ));
                }
                peer.candidates += 1;
                if peer.candidates > MAX_CANDIDATES_PER_SESSION {
                    return Err(format!("{session:?} gets too many candidates"));
                }
            }
            Action::SendChannel { session, text } => {
                let peer = self.peer(*session)?;
                harmless(text, peer.unwanted)?;
                if text.contains("\"allowmeshcast\"") {
                    peer.channel_texts_with_media_request += 1;
                }
                if peer.channel_texts_with_media_request > 1 {
                    return Err(format!("{session:?} requests media twice"));
                }
            }
            Action::ClosePeer { session, .. } => {
                self.peer(*session)?;
                self.open.remove(session);
            }
            Action::Disconnect => {
                self.over = true;
                if !self.open.is_empty() {
                    return Err(format!("the room is over with open peers: {:?}", self.open));
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub fn check_status(&self, status: &RoomStatus) -> Result<(), String> {
        let sessions: usize = status
            .streams
            .iter()
            .map(|stream| stream.sessions.len())
            .sum();
        if sessions != self.open.len() {
            return Err(format!(
                "{sessions} sessions, but {} open peers",
                self.open.len()
            ));
        }
        if status.peers > MAX_PEERS || status.streams.len() > MAX_STREAMS {
            return Err("too many peers or streams".to_owned());
        }
        let receiving = status
            .streams
            .iter()
            .filter(|stream| !stream.sessions.is_empty());
        if self.max_streams > 0 && receiving.count() > self.max_streams {
            return Err(format!("more than {} streams", self.max_streams));
        }
        let crowded = |stream: &&vdoroom_protocol::StreamStatus| {
            stream.sessions.len() > MAX_SESSIONS_PER_STREAM
        };
        match status.streams.iter().find(crowded) {
            Some(stream) => Err(format!("too many sessions: {stream:?}")),
            None => Ok(()),
        }
    }

    pub fn open_peers(&self) -> usize {
        self.open.len()
    }

    fn peer(&mut self, session: SessionId) -> Result<&mut Peer, String> {
        let closed = || format!("an action for {session:?}, which is not open");
        self.open.get_mut(&session).ok_or_else(closed)
    }
}
