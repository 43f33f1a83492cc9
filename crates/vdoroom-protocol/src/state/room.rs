// SPDX-License-Identifier: MPL-2.0
//! All that a room knows.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::backoff::Backoff;
use super::link::Link;
use super::session::Session;
use super::stream::Stream;
use crate::api::{Abilities, Action, RoomConfig, SessionId, StreamId};
use crate::messages::{Candidate, Dialog};
use crate::names::{Globs, PeerId, Secrets};

/// The state of a room. See [the crate](crate) for how it is driven.
#[derive(Debug)]
pub struct Room {
    pub(crate) config: RoomConfig,
    pub(crate) abilities: Abilities,
    pub(crate) secrets: Secrets,
    pub(crate) globs: Globs,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) dialog: Dialog,
    pub(crate) link: Link,
    pub(crate) backoff: Backoff,
    pub(crate) reconnects: u32,
    /// When the room was lost that we were in last.
    pub(crate) room_lost_at: Option<Instant>,
    /// What may have been a refusal, or a guest's word, and how long it is waited who is heard.
    pub(crate) refused: Option<(Instant, String)>,
    /// Why the server is not connected, as told last.
    pub(crate) outage: Option<String>,
    /// Why the room is over, once its sessions are.
    pub(crate) failing: Option<String>,
    pub(crate) now: Instant,
    pub(crate) streams: BTreeMap<StreamId, Stream>,
    pub(crate) peers: BTreeMap<PeerId, Peer>,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) last_session: u64,
    pub(crate) next_order: u64,
    pub(crate) next_play: Option<Instant>,
    /// When the server was asked whether it is there, as long as it has not answered.
    pub(crate) server_asked: Option<Instant>,
    /// When the sessions of which nothing arrives are asked for anew.
    pub(crate) replace_at: Option<Instant>,
    pub(crate) warned: HashSet<&'static str>,
    /// The warnings about streams in this minute: since when, how many.
    pub(crate) told: Option<(Instant, u32)>,
    pub(crate) ignored_messages: u64,
    pub(crate) actions: Vec<Action>,
}

#[derive(Debug, Default)]
pub struct Peer {
    /// Which came last.
    pub(crate) order: u64,
    pub(crate) stream: Option<StreamId>,
    pub(crate) director: bool,
    /// Candidates that came before their offer.
    pub(crate) early: VecDeque<Early>,
}

#[derive(Debug)]
pub struct Early {
    pub(crate) until: Instant,
    pub(crate) token: Option<String>,
    pub(crate) candidate: Candidate,
}

impl Room {
    /// A room whose websocket is being opened.
    pub fn new(config: RoomConfig, now: Instant) -> Self {
        let mut rng = ChaCha20Rng::from_seed(config.seed);
        let secrets = Secrets::new(&config);
        Self {
            globs: secrets.globs(&config.filter),
            dialog: Dialog::new(config.dialect, secrets.room.clone(), &mut rng),
            config,
            abilities: Abilities::default(),
            secrets,
            rng,
            link: Link::Connecting,
            backoff: Backoff::default(),
            reconnects: 0,
            room_lost_at: None,
            refused: None,
            outage: None,
            failing: None,
            now,
            streams: BTreeMap::new(),
            peers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            last_session: 0,
            next_order: 0,
            next_play: None,
            server_asked: None,
            replace_at: None,
            warned: HashSet::new(),
            told: None,
            ignored_messages: 0,
            actions: Vec::new(),
        }
    }

    /// The session that a message belongs to: of this name, or the newest if it has none.
    pub(crate) fn session_of(&self, peer: &PeerId, token: Option<&str>) -> Option<SessionId> {
        let of_peer = self
            .sessions
            .values()
            .filter(|session| session.peer == *peer);
        let named = |session: &&Session| token.is_none() || session.token.as_deref() == token;
        of_peer.filter(named).map(|session| session.id).next_back()
    }
}
