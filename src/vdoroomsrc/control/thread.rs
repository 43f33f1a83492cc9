// SPDX-License-Identifier: MPL-2.0
//! The control thread, `vdoroom:ctl`: owns every webrtcbin and alone changes their state.
//!
//! It carries out the room's actions one after the other and never waits for the network thread
//! or a consumer: "EOS has left the pad" is a command with a deadline. Signals of the element
//! are emitted from here, with no lock held.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;

use super::announce;
use super::reaper::Reaper;
use super::reload::KeptPads;
use super::stats::{SessionView, SharedSessions, last_words};
use super::warm_up::warm_up;
use crate::protocol::{SessionId, StreamId};
use crate::signalling::Doubt;
#[cfg(feature = "native")]
use crate::vdoroomsrc::connection::MISMATCH;
use crate::vdoroomsrc::connection::Session;
use crate::vdoroomsrc::media::{End, KeyframeWish, Track};
use crate::vdoroomsrc::reports::{Command, Reports, TrackId};
use crate::vdoroomsrc::settings::{Engine, IceServers, Wish};

/// How often media and keyframes are looked after.
const TICK: Duration = Duration::from_millis(100);
/// The same while pads wait for their first sender reports, or for each other.
const PADS_TICK: Duration = Duration::from_millis(20);

/// How often is looked whether all has ended, once the element stops.
const STOP_TICK: Duration = Duration::from_millis(10);

/// How long consumers may take EOS then: NULL is a second away at most.
const STOP_DRAIN: Duration = Duration::from_millis(400);

/// What the thread needs to know for as long as it runs.
pub(crate) struct Config {
    pub room: String,
    pub wish: Wish,
    pub engine: Engine,
    pub ice: IceServers,
    /// Checks the TURN servers, if there are any.
    pub doubt: Option<Doubt>,
    pub latency: u32,
    pub keyframes: KeyframeWish,
    /// `no-more-pads` is told once its pads are there.
    pub one_stream: bool,
    /// How long pads wait for the next session of their stream.
    pub rejoin_window: Duration,
    pub views: SharedSessions,
    /// How often somebody showed another certificate than the offer announced.
    pub identity_mismatches: Arc<AtomicU64>,
    /// Media that comes while this is set is dropped.
    pub paused: Arc<AtomicBool>,
}

pub(super) struct Control {
    element: glib::WeakRef<gst::Bin>,
    pub(super) config: Config,
    pub(super) reports: Reports,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    /// Pads of sessions that have ended, which wait for the next one.
    pub(super) kept: KeptPads,
    pub(super) reaper: Reaper,
    /// Streams that have left the room and why, told once these sessions have been taken apart.
    pub(super) leaving: Vec<(StreamId, String, Vec<SessionId>)>,
    /// Why the room is over, told once all sessions have been taken apart.
    pub(super) failing: Option<String>,
    pub(super) flows: BTreeMap<SessionId, gst_base::UniqueFlowCombiner>,
    /// What was said of the streams whose last connection was never made.
    pub(super) failures: BTreeMap<StreamId, String>,
    /// Until when consumers may take EOS, and the element that they belong to.
    stopping: Option<(Instant, gst::Bin)>,
    /// The room's goodbyes have all come through here.
    room_closed: bool,
}

/// The body of the thread. Ends after [`Command::Stop`], which an element that is dropped sends
/// too.
pub(crate) fn run(
    element: glib::WeakRef<gst::Bin>,
    config: Config,
    reports: Reports,
    commands: Receiver<Command>,
) {
    let mut control = Control {
        element,
        config,
        reports,
        sessions: BTreeMap::new(),
        kept: KeptPads::default(),
        reaper: Reaper::default(),
        leaving: Vec::new(),
        failing: None,
        flows: BTreeMap::new(),
        failures: BTreeMap::new(),
        stopping: None,
        room_closed: false,
    };
    // The thread that warms up is gone when this one is.
    std::thread::scope(|scope| {
        warm_up(scope, control.config.engine);
        control.work(&commands);
    });
}

impl Control {
    fn work(&mut self, commands: &Receiver<Command>) {
        loop {
            let received = match (self.is_idle(), &self.stopping) {
                (true, None) => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
                (false, None) if self.pads_wait() => commands.recv_timeout(PADS_TICK),
                (false, None) => commands.recv_timeout(TICK),
                (_, Some(_)) => commands.recv_timeout(STOP_TICK),
            };
            let element = match &received {
                Ok(Command::Stop(element)) => Some(element.clone()),
                Err(RecvTimeoutError::Disconnected) => return,
                _ => self.element(),
            };
            let Some(element) = element else {
                // It is being dropped, and its `Stop` is on the way.
                continue;
            };
            if let Ok(command) = received {
                self.handle(&element, command);
                self.handle_more(&element, commands);
            }
            let now = Instant::now();
            self.tick(&element, now);
            if self.has_stopped(now) {
                return self.take_all_apart(&element, commands);
            }
        }
    }

    /// What has come meanwhile: who looks after hundreds of sessions does not do so for each command.
    fn handle_more(&mut self, element: &gst::Bin, commands: &Receiver<Command>) {
        let until = Instant::now() + PADS_TICK;
        while self.stopping.is_none()
            && Instant::now() < until
            && let Ok(command) = commands.try_recv()
        {
            self.handle(element, command);
        }
    }

    fn handle(&mut self, element: &gst::Bin, command: Command) {
        match command {
            Command::Room(action) => self.act(element, action),
            Command::RoomState { state, reason } => {
                announce::room_state(element, state, reason.as_deref());
            }
            Command::Negotiation { session, step } => self.negotiation(element, session, step),
            Command::ChannelOpen { session } => self.channel_open(element, session),
            Command::ChannelText {
                session,
                text,
                ticket,
            } => self.channel_text(session, text, ticket),
            Command::State {
                session,
                layer,
                state,
            } => self.state(element, session, layer, state),
            Command::Pair {
                session,
                local,
                remote,
            } => self.pair(element, session, local, remote),
            Command::Gathered {
                session,
                sdp_mline_index,
                candidate,
            } => self.gathered(session, sdp_mline_index, candidate),
            Command::Pad { session, pad, hold } => self.pad_added(element, session, pad, hold),
            #[cfg(feature = "native")]
            Command::Impostor { session } => self.impostor(element, session, MISMATCH),
            Command::Failed { session, reason } => self.lost(session, reason),
            Command::Stopped => self.stopped(element),
            Command::EosLeft { track } => {
                if let Some(track) = self.track(track) {
                    track.end = End::Eos;
                }
            }
            Command::Drained { track, session } => {
                if let Some(track) = self.track(track) {
                    track.note_drained(session);
                }
            }
            Command::Flow { track, flow } => self.flow(element, track, flow),
            Command::Warn(message) => announce::warn(element, None, &message),
            Command::Undecodable(id, kind, codec) => self.undecodable(element, id, kind, codec),
            Command::Select { track, streams } => self.select(element, track, &streams),
            Command::RequestKeyframe(stream) => {
                for track in self.tracks_of(&stream).filter(|t| t.kind.is_video()) {
                    track.request_keyframe();
                }
            }
            Command::KeyframeInterval(interval) => {
                self.config.keyframes.interval = interval;
                let tracks = self.sessions.values_mut().flat_map(|s| &mut s.tracks);
                for track in tracks.chain(self.kept.tracks()) {
                    track.keyframes.set_interval(interval);
                }
            }
            Command::Latency(latency) => {
                self.config.latency = latency;
                for session in self.sessions.values_mut() {
                    session.link.set_latency(latency);
                }
                let message = gst::message::Latency::builder().src(element).build();
                let _ = element.post_message(message);
            }
            Command::Resumed => self.resume(),
            Command::RoomClosed => {
                self.room_closed = true;
                // An ordinary end has closed its sessions; after any other none may stay.
                self.end_all(Instant::now(), "the room was left");
            }
            Command::Stop(element) => self.stop(element),
        }
    }

    fn tick(&mut self, element: &gst::Bin, now: Instant) {
        self.poll_held(now);
        // Whose pings are not answered any more.
        let mut changed = Vec::new();
        for session in self.sessions.values_mut() {
            if session.is_ending() {
                continue;
            }
            let before = session.connectivity.round_trip;
            for event in session.poll_news(now).into_iter().flatten() {
                self.reports.events.send(event);
            }
            if session.connectivity.round_trip != before {
                changed.push(session.id);
            }
            session.poll_transport(now, &self.reports);
            // What is dropped in a pause needs no keyframes.
            let paused = self.config.paused.load(Relaxed);
            for track in &mut session.tracks {
                if !paused {
                    track.poll_keyframe(now);
                }
                track.poll_bitrate(now);
            }
        }
        changed.into_iter().for_each(|id| self.publish_view(id));
        let ended: Vec<SessionId> = self
            .sessions
            .values_mut()
            .filter_map(|session| session.has_ended(now).then_some(session.id))
            .collect();
        for id in &ended {
            if let Some(session) = self.sessions.remove(id) {
                self.flows.remove(id);
                self.take_apart(session.into_remains());
                self.publish_view(*id);
            }
        }
        for remains in self.kept.tick(now) {
            self.take_apart(remains);
        }
        self.poll_remains(element, now);
        self.poll_pads(element, now);
        self.tell_who_left(element);
        if self.is_idle()
            && let Some(message) = self.failing.take()
        {
            announce::fail(element, &message);
        }
    }

    /// Frees a thread that receives for others as well.
    fn poll_held(&mut self, now: Instant) {
        let sharing = self.sessions.values_mut();
        let sharing = sharing.filter(|session| session.link.shares_thread());
        let tracks = sharing.flat_map(|session| &mut session.tracks);
        let native = self.config.engine == Engine::Native;
        let kept = self.kept.tracks().filter(|_| native);
        tracks.chain(kept).for_each(|track| track.poll_held(now));
    }

    /// Base time has moved on by the pause, and with it the timestamps of what runs since before:
    /// everybody gets a new connection.
    fn resume(&mut self) {
        let now = Instant::now();
        let keeps_pads = self.keeps_pads();
        for session in self.sessions.values_mut() {
            let reason = "the pipeline was paused";
            session.end(now, keeps_pads, |session| last_words(session, reason));
        }
        self.config.paused.store(false, Relaxed);
        let paused: Vec<SessionId> = self.sessions.keys().copied().collect();
        for session in paused {
            self.lost(session, "the pipeline was paused".into());
        }
    }

    pub(super) fn tell_who_left(&mut self, element: &gst::Bin) {
        let drains = |id: &SessionId| self.sessions.contains_key(id) || self.reaper.has(*id);
        let (staying, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.leaving)
            .into_iter()
            .partition(|(.., sessions)| sessions.iter().any(drains));
        self.leaving = staying;
        for (stream, reason, _) in gone {
            announce::stream_removed(element, &stream, &reason);
        }
    }

    /// A stream comes again: that it left before is told first, even if its pads still drain.
    pub(super) fn tell_that_it_left(&mut self, element: &gst::Bin, stream: &StreamId) {
        let own = self.leaving.iter_mut();
        for (.., sessions) in own.filter(|(left, ..)| left == stream) {
            sessions.clear();
        }
        self.tell_who_left(element);
    }

    /// Everybody gets EOS, and the room's goodbyes a moment to leave.
    fn stop(&mut self, element: gst::Bin) {
        let now = Instant::now();
        self.end_all(now, "the element stops");
        self.stopping = Some((now + STOP_DRAIN, element));
    }

    fn element(&self) -> Option<gst::Bin> {
        let stopping = self.stopping.as_ref().map(|(_, element)| element.clone());
        stopping.or_else(|| self.element.upgrade())
    }

    fn is_idle(&self) -> bool {
        self.sessions.is_empty() && self.kept.is_empty() && self.reaper.is_empty()
    }

    pub(super) fn keeps_pads(&self) -> bool {
        !self.config.rejoin_window.is_zero()
    }

    /// Ends all sessions, and the wait for others: no stream will come any more.
    fn end_all(&mut self, now: Instant, reason: &str) {
        self.config.rejoin_window = Duration::ZERO;
        self.kept.end(now, None);
        for session in self.sessions.values_mut() {
            session.end(now, false, |session| last_words(session, reason));
        }
    }

    fn has_stopped(&self, now: Instant) -> bool {
        self.stopping
            .as_ref()
            .is_some_and(|(at, _)| now >= *at || self.room_closed && self.is_idle())
    }

    pub(super) fn track(&mut self, id: TrackId) -> Option<&mut Track> {
        let mut tracks = self.sessions.values_mut().flat_map(|s| &mut s.tracks);
        let own = tracks.find(|track| track.id == id);
        own.or_else(|| self.kept.track(id))
    }

    fn tracks_of(&self, stream: &StreamId) -> impl Iterator<Item = &Track> {
        self.sessions
            .values()
            .filter(move |session| session.stream == *stream)
            .flat_map(|session| &session.tracks)
    }

    /// Lets the `stats` property see a session, or that it is gone, without asking this thread.
    pub(super) fn publish_view(&self, id: SessionId) {
        let view = self.sessions.get(&id).map(SessionView::of);
        let mut shared = self.config.views.lock().unwrap_or_else(|e| e.into_inner());
        let old = match view {
            Some(view) => shared.insert(id, view),
            None => shared.remove(&id),
        };
        // It is dropped after the lock.
        drop(shared);
        drop(old);
    }
}
