// SPDX-License-Identifier: MPL-2.0
//! What a room does about what happens: [`Room::handle`] and [`Room::deadline`]. They are the door, for
//! whoever drives the room, on whatever thread.
//!
//! *Streams* are what the user asked for, by ID; they survive reloads. *Peers* are publishers as
//! the server knows them; a peer dies with its websocket or page. *Sessions* are WebRTC
//! connections. Where to look:
//!
//! - a guest joins, **reloads** or is announced twice: `Room::announced` in `members`, as who is
//!   listed, who leaves, and which peers and streams are dropped for others;
//! - the websocket, joining, coming back: `link`; what the server complains about: `complaints`;
//! - offers and renegotiation: `offers`; candidates, both ways: `candidates`;
//! - the data channel and media: `channel`; why there is none: `elsewhere`; how sessions end: `endings`;
//! - a publisher of which nothing arrives: `silence`;
//! - which stream is wanted and played when: `plays`; which has a place: `places`;
//! - what is sent: `send`, `bitrates`; what `stats` shows: `status`.
//!
//! What ends has one word for each kind of end:
//!
//! | word | of what | meaning | what follows |
//! |---|---|---|---|
//! | lost | websocket, room, connection | it broke, or could not be made | it is made again |
//! | silent | session | nothing at all arrives, not even answers to pings | a new one is asked for beside it |
//! | stalled | session | no media arrives | it ends after `stream-timeout` |
//! | left | member | the server says that it left the room | its session is over when its media stops |
//! | over | session | it ends for good, and a stream without another one is away | `ClosePeer` |
//! | away | stream | nobody in the room sends it, as far as is known | a few more plays |
//! | hidden | stream | the user was told of it, and is told that it is not there any more | `StreamRemoved` |
//! | forgotten | stream, peer | nothing is known of it any more, but for what the user said | |

mod bitrates;
mod candidates;
mod channel;
mod complaints;
mod elsewhere;
mod endings;
mod link;
mod members;
mod offers;
mod places;
mod plays;
mod send;
mod silence;
mod status;

use std::time::Instant;

use crate::api::{Action, Event};
use crate::messages::{self, Incoming};
use crate::state::Room;

impl Room {
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
        self.explain_timer();
        self.silence_timer();
        match event {
            Event::Opened => self.opened(),
            Event::Text(text) => self.text(&text),
            Event::Closed { reason } => self.closed(&reason, false),
            Event::Unreachable { reason } => self.closed(&reason, true),
            Event::ServerAnswers => self.server_answers(),
            Event::Abilities(abilities) => self.abilities = abilities,
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
            Event::BitratesOf {
                stream,
                kind,
                kbits,
            } => {
                self.bitrates_of_changed(&stream, kind, kbits);
            }
            Event::Unwanted { session, media } => self.unwanted_changed(session, media),
            Event::SendMessage { stream, text } => self.send_message(&stream, &text),
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
            let sends = sends.chain(session.explain_at);
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
        let trusted = self.dialog.trusted();
        let incoming = match messages::read(text, &mut self.dialog) {
            Ok(incoming) => incoming,
            Err(error) => {
                self.ignored_messages += 1;
                let why = format!("a message of the room server was ignored: it is {error}");
                self.warn_once("unreadable message", &why);
                return;
            }
        };
        if trusted && self.dialog.is_relay() {
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
}
