// SPDX-License-Identifier: MPL-2.0
//! The room: who is in it, which streams are wanted, and what is being received.
//!
//! *Streams* are what the user asked for, by ID; they survive reloads. *Peers* are publishers as
//! the server knows them; a peer dies with its websocket or page. *Sessions* are WebRTC
//! connections. Where to look:
//!
//! - a guest joins, **reloads** or is announced twice: [`Room::announced`], in this file;
//! - the websocket, joining, coming back: `room/link.rs`; complaints: `room/alerts.rs`;
//! - offers, renegotiation, candidates: `room/offers.rs`;
//! - the channel, media, stalls: `room/sessions.rs`; how sessions end: `room/endings.rs`;
//! - a publisher of which nothing arrives: `room/silence.rs`;
//! - which peers and streams are kept, and which are dropped for others: `room/crowd.rs`;
//! - which stream is played when: `room/plays.rs`; which has a place: `room/places.rs`;
//! - what is sent: `room/send.rs`, `room/bitrates.rs`.

mod alerts;
mod bitrates;
mod crowd;
mod endings;
mod link;
mod offers;
mod places;
mod plays;
mod send;
mod sessions;
mod silence;
mod status;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use self::link::Link;
use super::backoff::Backoff;
use super::candidate::Candidate;
use super::dialect::Dialog;
use super::filter::Globs;
use super::limits::EARLY_CANDIDATES_LAST;
use super::names::PeerId;
use super::secret::Secrets;
use super::session::Session;
use super::stream::{Consent, Stream, Wish};
use super::wire::{self, Incoming};
use super::{Action, Dialect, Event, RoomConfig, SessionId, StreamId};

/// The state of a room. See [the crate](crate) for how it is driven.
#[derive(Debug)]
pub struct Room {
    config: RoomConfig,
    secrets: Secrets,
    globs: Globs,
    rng: ChaCha20Rng,
    dialog: Dialog,
    link: Link,
    backoff: Backoff,
    reconnects: u32,
    /// When the room was lost that we were in last.
    left_at: Option<Instant>,
    /// What may have been a refusal, or a guest's word, and how long it is waited who is heard.
    refused: Option<(Instant, String)>,
    /// Why the server is not connected, as told last.
    outage: Option<String>,
    /// Why the room is over, once its sessions are.
    failing: Option<String>,
    now: Instant,
    streams: BTreeMap<StreamId, Stream>,
    peers: BTreeMap<PeerId, Peer>,
    sessions: BTreeMap<SessionId, Session>,
    last_session: u64,
    next_order: u64,
    next_play: Option<Instant>,
    /// When the server was asked whether it is there, as long as it has not answered.
    server_asked: Option<Instant>,
    /// When the sessions of which nothing arrives are asked for anew.
    replace_at: Option<Instant>,
    warned: HashSet<&'static str>,
    /// The warnings about streams in this minute: since when, how many.
    told: Option<(Instant, u32)>,
    ignored_messages: u64,
    actions: Vec<Action>,
}

#[derive(Debug, Default)]
struct Peer {
    /// Which came last.
    order: u64,
    stream: Option<StreamId>,
    director: bool,
    /// Candidates that came before their offer.
    early: VecDeque<Early>,
}

#[derive(Debug)]
struct Early {
    until: Instant,
    token: Option<String>,
    candidate: Candidate,
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
            secrets,
            rng,
            link: Link::Connecting,
            backoff: Backoff::default(),
            reconnects: 0,
            left_at: None,
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

    /// Takes one event and says what is to be done, in this order.
    pub fn handle(&mut self, now: Instant, event: Event) -> Vec<Action> {
        if self.link.is_over() {
            return Vec::new();
        }
        self.now = self.now.max(now);
        self.link_timers();
        self.refusal_timer();
        self.empty_timer();
        self.session_timers();
        self.silence_timer();
        match event {
            Event::Opened => self.opened(),
            Event::Text(text) => self.text(&text),
            Event::Closed { reason } => self.closed(&reason, false),
            Event::Unreachable { reason } => self.closed(&reason, true),
            Event::ServerAnswers => self.server_answers(),
            Event::LocalAnswer { session, sdp } => self.local_answer(session, &sdp),
            Event::LocalCandidate {
                session,
                sdp_mline_index,
                candidate,
            } => {
                self.local_candidate(session, sdp_mline_index, &candidate);
            }
            Event::ChannelOpen { session } => self.channel_open(session),
            Event::ChannelText { session, text } => self.channel_text(session, &text),
            Event::PeerConnected { session } => self.peer_connected(session),
            Event::PeerLost { session, reason } => self.peer_lost(session, &reason),
            Event::PeerAbuses { session, reason } => self.peer_abuses(session, &reason),
            Event::MediaFlowing { session } => self.media_flowing(session),
            Event::MediaStalled { session } => self.media_stalled(session),
            Event::PeerSilent { session } => self.peer_silent(session),
            Event::PeerHeard { session } => self.peer_heard(session),
            Event::Accepted { stream, accepted } => self.accepted(&stream, accepted),
            Event::Play(stream) => self.play_wished(stream),
            Event::Stop(stream) => self.stop_wished(&stream),
            Event::Filter(filter) => self.filter_changed(filter),
            Event::Bitrates(bitrates) => self.bitrates_changed(bitrates),
            Event::Shutdown => self.shutdown(),
            Event::Tick => {}
        }
        self.schedule_plays();
        self.fail_if_over();
        std::mem::take(&mut self.actions)
    }

    /// When [`Event::Tick`] is wanted.
    pub fn deadline(&self) -> Option<Instant> {
        if self.link.is_over() {
            return None;
        }
        let sessions = self.sessions.values().flat_map(|session| {
            let gives_up = session.gives_up_at(self.config.stream_timeout);
            let sends = session.flush_at().into_iter().chain(session.bitrates_at);
            gives_up.into_iter().chain(sends)
        });
        let link = self.link.deadline();
        let sooner = sessions.chain(link).chain(self.empty_at());
        let sooner = sooner.chain(self.refused_at());
        let sooner = sooner.chain(self.silence_deadline());
        sooner.chain(self.next_play_due()).min()
    }

    fn text(&mut self, text: &str) {
        if !self.link.is_open() {
            return;
        }
        let dialect = self.dialog.spoken();
        let incoming = match wire::read(text, &mut self.dialog) {
            Ok(incoming) => incoming,
            Err(error) => {
                self.ignored_messages += 1;
                let why = format!("a message of the room server was ignored: it is {error}");
                self.warn_once("unreadable message", &why);
                return;
            }
        };
        if dialect == Dialect::Hosted && self.dialog.is_relayed() {
            self.join_again();
        }
        let in_the_room = matches!(incoming, Incoming::Announced { .. });
        self.joined_without_listing(in_the_room);
        match incoming {
            Incoming::Listing(listing) => self.listed(listing),
            Incoming::Transferred(listing) => self.transferred(listing),
            Incoming::Announced {
                peer,
                stream,
                director,
            } => {
                self.announced(peer, stream.as_deref(), director);
            }
            Incoming::StreamLeft { peer, stream } => self.stream_left(peer, &stream),
            Incoming::PeerLeft(peer) => self.peer_left(&peer),
            Incoming::Pending => self.link.wait_for_admission(),
            Incoming::Alert(alert) => self.alert(&alert),
            Incoming::FromPeer { peer, message } => self.peer_said(peer, message),
            Incoming::Nothing => {}
        }
    }

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
        let twice = stream.publisher.as_ref() == Some(&peer) && stream.ask.is_some() && stream.here;
        if stream.publisher.as_ref() != Some(&peer) {
            stream.renewed();
        }
        stream.publisher = Some(peer.clone());
        stream.here = true;
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
            Some(session) if !session.connected && session.epoch != epoch => {
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

    /// Whether the user wants the stream.
    fn wants(&self, id: &StreamId, stream: &Stream) -> bool {
        match stream.wish {
            Wish::Play => true,
            Wish::Stop => false,
            Wish::None => stream.ours && self.globs.wants(id),
        }
    }

    /// Tells the user of a stream that is there and wanted, and asks for consent once.
    fn show(&mut self, id: &StreamId) {
        let Some(stream) = self.streams.get(id) else {
            return;
        };
        if !self.wants(id, stream) || !(stream.here || stream.expected) {
            return;
        }
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        if stream.here && !stream.shown {
            stream.shown = true;
            let info = stream.info.clone();
            self.actions.push(Action::StreamAdded {
                stream: id.clone(),
                info,
            });
        }
        if stream.consent == Consent::Unasked {
            stream.consent = Consent::Asked;
            let info = stream.info.clone();
            self.actions.push(Action::AskAccept {
                stream: id.clone(),
                info,
            });
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
}
