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
use gst_webrtc::{WebRTCDataChannel, WebRTCSessionDescription};

use crate::vdoroomsrc::reports::{Candidate, Layer};
use crate::vdoroomsrc::reports::{Reports, Ticket};
use crate::vdoroomsrc::settings::IceServers;
use crate::vdoroomsrc::settings::Wish;
use crate::vdoroomsrc::media::Kind;
use crate::vdoroomsrc::control::reload::KeptPads;
use super::remains::{Reaper, Remains};
use crate::vdoroomsrc::connection::Session;
use super::stats::{SessionView, SharedSessions};
use super::warm_up::warm_up;
use crate::vdoroomsrc::element::VdoRoomSrc;
use super::announce;
use crate::protocol::{Action, SessionId, StreamId};
use crate::signalling::Doubt;

/// How often media and keyframes are looked after.
const TICK: Duration = Duration::from_millis(100);
/// The same while pads wait for their first sender reports, or for each other.
const PADS_TICK: Duration = Duration::from_millis(20);

/// How often is looked whether all has ended, once the element stops.
const STOP_TICK: Duration = Duration::from_millis(10);

/// How long consumers may take EOS then: NULL is a second away at most.
const STOP_DRAIN: Duration = Duration::from_millis(400);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrackId {
    pub session: SessionId,
    pub index: usize,
}

#[derive(Debug)]
pub(crate) enum Command {
    /// From the room.
    Room(Action),
    /// From webrtcbin, about a session.
    RemoteSet {
        session: SessionId,
        outcome: Result<(), String>,
    },
    Answer {
        session: SessionId,
        outcome: Result<WebRTCSessionDescription, String>,
    },
    /// webrtcbin has taken its own answer, which is to be sent.
    LocalSet {
        session: SessionId,
        outcome: Result<String, String>,
    },
    ChannelOpen {
        session: SessionId,
        channel: WebRTCDataChannel,
    },
    /// On its way to the room, which hears it once the publisher's identity is proven.
    ChannelText {
        session: SessionId,
        text: String,
        ticket: Ticket,
    },
    State {
        session: SessionId,
        layer: Layer,
        state: String,
    },
    /// The selected candidates, ours and the publisher's.
    Pair {
        session: SessionId,
        local: Candidate,
        remote: Candidate,
    },
    /// We have an address more.
    Gathered {
        session: SessionId,
        candidate: String,
    },
    Pad {
        session: SessionId,
        pad: gst::Pad,
        block: gst::PadProbeId,
    },
    Jitterbuffer {
        session: SessionId,
        ssrc: u32,
        jitterbuffer: glib::WeakRef<gst::Element>,
    },
    /// An element of a session has posted an error.
    Failed {
        session: SessionId,
        reason: String,
    },
    /// What is left of a session does nothing any more.
    Stopped {
        number: u64,
        remains: Remains,
    },
    /// From a track's exit.
    EosLeft {
        track: TrackId,
    },
    /// All that this session sent is on its way out of a pad that stays.
    Drained {
        track: TrackId,
        session: SessionId,
    },
    Flow {
        track: TrackId,
        flow: Result<gst::FlowSuccess, gst::FlowError>,
    },
    /// Something that concerns no single stream does not work.
    Warn(String),
    /// Media of a session is not what its offer says: of this kind, and called this.
    Undecodable(SessionId, Kind, &'static str),
    /// From the application.
    RequestKeyframe(StreamId),
    KeyframeInterval(Option<Duration>),
    /// The pipeline plays again after a pause.
    Resumed,
    /// The network thread has ended and nothing more will come from the room.
    RoomClosed,
    /// The element stops: take everything apart now. Brings the element along: one that is being
    /// dropped cannot be upgraded to any more.
    Stop(VdoRoomSrc),
}

/// What the thread needs to know for as long as it runs.
pub(crate) struct Config {
    pub room: String,
    pub wish: Wish,
    pub ice: IceServers,
    /// Checks the TURN servers, if there are any.
    pub doubt: Option<Doubt>,
    pub latency: u32,
    pub keyframes: super::keyframes::KeyframeWish,
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

pub(crate) struct Control {
    element: glib::WeakRef<VdoRoomSrc>,
    pub(crate) config: Config,
    pub(crate) reports: Reports,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    /// Pads of sessions that have ended, which wait for the next one.
    pub(crate) kept: KeptPads,
    pub(crate) reaper: Reaper,
    /// Streams that have left the room and why, told once these sessions have been taken apart.
    pub(crate) leaving: Vec<(StreamId, String, Vec<SessionId>)>,
    /// Why the room is over, told once all sessions have been taken apart.
    pub(crate) failing: Option<String>,
    pub(crate) flows: BTreeMap<SessionId, gst_base::UniqueFlowCombiner>,
    /// What was said of the streams whose last connection was never made.
    pub(crate) failures: BTreeMap<StreamId, String>,
    /// Until when consumers may take EOS, and the element that they belong to.
    stopping: Option<(Instant, VdoRoomSrc)>,
    /// The room's goodbyes have all come through here.
    room_closed: bool,
}

/// The body of the thread. Ends after [`Command::Stop`], which an element that is dropped sends
/// too.
pub(crate) fn run(
    element: glib::WeakRef<VdoRoomSrc>,
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
        warm_up(scope);
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
            }
            let now = Instant::now();
            self.tick(&element, now);
            if self.has_stopped(now) {
                return self.take_all_apart(&element, commands);
            }
        }
    }

    fn handle(&mut self, element: &VdoRoomSrc, command: Command) {
        match command {
            Command::Room(action) => self.act(element, action),
            Command::RemoteSet { session, outcome } => self.remote_set(session, outcome),
            Command::Answer { session, outcome } => self.answer(session, outcome),
            Command::LocalSet { session, outcome } => self.local_set(element, session, outcome),
            Command::ChannelOpen { session, channel } => {
                self.channel_open(element, session, channel);
            }
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
            Command::Gathered { session, candidate } => self.gathered(session, &candidate),
            Command::Pad {
                session,
                pad,
                block,
            } => self.pad_added(element, session, pad, block),
            Command::Jitterbuffer {
                session,
                ssrc,
                jitterbuffer,
            } => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.jitterbuffers.push((ssrc, jitterbuffer));
                    self.publish_views();
                }
            }
            Command::Failed { session, reason } => self.lost(session, reason),
            Command::Stopped { number, remains } => self.stopped(element, number, remains),
            Command::EosLeft { track } => {
                if let Some(track) = self.track(track) {
                    track.eos_left = true;
                }
            }
            Command::Drained { track, session } => {
                if let Some(track) = self.track(track) {
                    track.drained |= track.session == session;
                }
            }
            Command::Flow { track, flow } => self.flow(element, track, flow),
            Command::Warn(message) => announce::warn(element, None, &message),
            Command::Undecodable(id, kind, codec) => self.undecodable(element, id, kind, codec),
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
            Command::Resumed => self.resume(),
            Command::RoomClosed => {
                self.room_closed = true;
                // An ordinary end has closed its sessions; after any other none may stay.
                self.end_all(Instant::now(), "the room was left");
            }
            Command::Stop(element) => self.stop(element),
        }
    }

    fn tick(&mut self, element: &VdoRoomSrc, now: Instant) {
        for session in self.sessions.values_mut() {
            if session.is_ending() {
                continue;
            }
            for event in session.poll_news(now).into_iter().flatten() {
                self.reports.events.send(event);
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
        let ended: Vec<SessionId> = self
            .sessions
            .values_mut()
            .filter_map(|session| session.has_ended(now).then_some(session.id))
            .collect();
        for id in &ended {
            if let Some(session) = self.sessions.remove(id) {
                self.flows.remove(id);
                self.take_apart(session.into_remains());
            }
        }
        for remains in self.kept.tick(now) {
            self.take_apart(remains);
        }
        self.poll_remains(element, now);
        if !ended.is_empty() {
            self.publish_views();
        }
        self.poll_pads(element, now);
        self.tell_who_left(element);
        if self.is_idle()
            && let Some(message) = self.failing.take()
        {
            announce::fail(element, &message);
        }
    }

    /// Base time has moved on by the pause, and with it the timestamps of what runs since before:
    /// everybody gets a new connection.
    fn resume(&mut self) {
        let now = Instant::now();
        let keeps_pads = self.keeps_pads();
        for session in self.sessions.values_mut() {
            session.end(now, "the pipeline was paused", keeps_pads);
        }
        self.config.paused.store(false, Relaxed);
        let paused: Vec<SessionId> = self.sessions.keys().copied().collect();
        for session in paused {
            self.lost(session, "the pipeline was paused".into());
        }
    }

    pub(crate) fn tell_who_left(&mut self, element: &VdoRoomSrc) {
        let drains = |id: &SessionId| self.sessions.contains_key(id) || self.reaper.has(*id);
        let (staying, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.leaving)
            .into_iter()
            .partition(|(.., sessions)| sessions.iter().any(drains));
        self.leaving = staying;
        for (stream, reason, _) in gone {
            announce::stream_removed(element, &stream, &reason);
        }
    }

    /// Everybody gets EOS, and the room's goodbyes a moment to leave.
    fn stop(&mut self, element: VdoRoomSrc) {
        let now = Instant::now();
        self.end_all(now, "the element stops");
        self.stopping = Some((now + STOP_DRAIN, element));
    }

    fn element(&self) -> Option<VdoRoomSrc> {
        let stopping = self.stopping.as_ref().map(|(_, element)| element.clone());
        stopping.or_else(|| self.element.upgrade())
    }

    fn is_idle(&self) -> bool {
        self.sessions.is_empty() && self.kept.is_empty() && self.reaper.is_empty()
    }

    pub(crate) fn keeps_pads(&self) -> bool {
        !self.config.rejoin_window.is_zero()
    }

    /// Ends all sessions, and the wait for others: no stream will come any more.
    fn end_all(&mut self, now: Instant, reason: &str) {
        self.config.rejoin_window = Duration::ZERO;
        self.kept.end(now, None);
        for session in self.sessions.values_mut() {
            session.end(now, reason, false);
        }
    }

    fn has_stopped(&self, now: Instant) -> bool {
        self.stopping
            .as_ref()
            .is_some_and(|(at, _)| now >= *at || self.room_closed && self.is_idle())
    }

    pub(crate) fn track(&mut self, id: TrackId) -> Option<&mut super::track::Track> {
        let mut tracks = self.sessions.values_mut().flat_map(|s| &mut s.tracks);
        let own = tracks.find(|track| track.id == id);
        own.or_else(|| self.kept.track(id))
    }

    fn tracks_of(&self, stream: &StreamId) -> impl Iterator<Item = &super::track::Track> {
        self.sessions
            .values()
            .filter(move |session| session.stream == *stream)
            .flat_map(|session| &session.tracks)
    }

    /// Lets the `stats` property see the sessions without asking this thread.
    pub(crate) fn publish_views(&self) {
        let mut views: Vec<SessionView> = self.sessions.values().map(SessionView::of).collect();
        // The old ones are dropped after the lock.
        let mut shared = self.config.views.lock().unwrap_or_else(|e| e.into_inner());
        std::mem::swap(&mut *shared, &mut views);
        drop(shared);
    }
}
