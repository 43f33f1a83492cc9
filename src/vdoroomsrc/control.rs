// SPDX-License-Identifier: MPL-2.0
//! The control thread, `vdoroom:ctl`: owns every webrtcbin and alone changes their state.
//!
//! It carries out the room's actions one after the other and never waits for the network thread
//! or a consumer: "EOS has left the pad" is a command with a deadline. Signals of the element
//! are emitted from here, with no lock held.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_webrtc::{WebRTCDataChannel, WebRTCPeerConnectionState, WebRTCSessionDescription};

use super::CAT;
use super::VdoRoomSrc;
use super::announce;
use super::expose::{Exposed, expose};
use super::ice::IceServers;
use super::offer::Wish;
use super::session::{Reports, Session};
use super::stats::{SessionView, SharedSessions};
use crate::protocol::{Action, SessionId, StreamId};

/// How often media and keyframes are looked after.
const TICK: Duration = Duration::from_millis(100);

/// How long a `bye` may take to leave when the element stops (protocol 5.5).
const LAST_WORDS: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TrackId {
    pub session: SessionId,
    pub index: usize,
}

#[derive(Debug)]
pub(super) enum Command {
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
    ChannelOpen {
        session: SessionId,
        channel: WebRTCDataChannel,
    },
    ConnectionState {
        session: SessionId,
        state: WebRTCPeerConnectionState,
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
    /// From a track's exit.
    EosLeft {
        track: TrackId,
    },
    Flow {
        track: TrackId,
        flow: Result<gst::FlowSuccess, gst::FlowError>,
    },
    /// From the application.
    RequestKeyframe(StreamId),
    KeyframeInterval(Option<Duration>),
    /// The network thread has ended and nothing more will come from the room.
    RoomClosed,
    /// The element stops: take everything apart now.
    Stop,
}

/// What the thread needs to know for as long as it runs.
pub(super) struct Config {
    pub room: String,
    pub wish: Wish,
    pub ice: IceServers,
    pub latency: u32,
    pub keyframe_interval: Option<Duration>,
    pub views: SharedSessions,
}

pub(super) struct Control {
    element: glib::WeakRef<VdoRoomSrc>,
    pub(super) config: Config,
    pub(super) reports: Reports,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    /// Streams that have left the room, told once their sessions have been taken apart.
    pub(super) leaving: Vec<(StreamId, String)>,
    pub(super) flows: BTreeMap<SessionId, gst_base::UniqueFlowCombiner>,
    stop_at: Option<Instant>,
}

/// The body of the thread. Ends after [`Command::Stop`], or when the element is gone.
pub(super) fn run(
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
        leaving: Vec::new(),
        flows: BTreeMap::new(),
        stop_at: None,
    };
    loop {
        let received = match control.sessions.is_empty() && control.stop_at.is_none() {
            true => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => commands.recv_timeout(TICK),
        };
        let Some(element) = control.element.upgrade() else {
            return;
        };
        match received {
            Ok(command) => control.handle(&element, command),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        control.tick(&element, now);
        if control.stop_at.is_some_and(|at| now >= at) {
            return control.take_all_apart(&element);
        }
    }
}

impl Control {
    fn handle(&mut self, element: &VdoRoomSrc, command: Command) {
        match command {
            Command::Room(action) => self.act(element, action),
            Command::RemoteSet { session, outcome } => self.remote_set(session, outcome),
            Command::Answer { session, outcome } => self.answer(session, outcome),
            Command::ChannelOpen { session, channel } => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.channel = Some(channel);
                }
            }
            Command::ConnectionState { session, state } => self.connection_state(session, state),
            Command::Pad {
                session,
                pad,
                block,
            } => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.add_pad(pad, block);
                    self.expose_pads(element);
                }
            }
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
            Command::EosLeft { track } => {
                if let Some(track) = self.track(track) {
                    track.eos_left = true;
                }
            }
            Command::Flow { track, flow } => self.flow(element, track, flow),
            Command::RequestKeyframe(stream) => {
                for track in self.tracks_of(&stream).filter(|t| t.kind.is_video()) {
                    track.request_keyframe();
                }
            }
            Command::KeyframeInterval(interval) => {
                self.config.keyframe_interval = interval;
                for track in self.sessions.values_mut().flat_map(|s| &mut s.tracks) {
                    track.keyframes.set_interval(interval);
                }
            }
            Command::RoomClosed => {
                // An ordinary end has closed its sessions; after any other none may stay.
                let now = Instant::now();
                for session in self.sessions.values_mut() {
                    session.end(now, "the room was left");
                }
            }
            Command::Stop => self.stop(),
        }
    }

    fn flow(
        &mut self,
        element: &VdoRoomSrc,
        id: TrackId,
        flow: Result<gst::FlowSuccess, gst::FlowError>,
    ) {
        let Some(track) = self.track(id) else {
            return;
        };
        let (pad, stream) = (track.pad.clone(), track.pad.property::<String>("stream-id"));
        if let Err(error) = flow
            && !matches!(
                error,
                gst::FlowError::NotLinked | gst::FlowError::Flushing | gst::FlowError::Eos
            )
        {
            let message = format!(
                "what is linked to {} does not take its media ({error}); the other pads go on",
                pad.name()
            );
            announce::warn(element, Some(&StreamId(stream.clone())), &message);
        }
        if let Some(combiner) = self.flows.get_mut(&id.session) {
            combiner.add_pad(&pad);
            if combiner.update_pad_flow(&pad, flow) == Err(gst::FlowError::NotLinked) {
                gst::info!(CAT, obj = element, "Nobody takes the media of {stream}");
            }
        }
    }

    fn expose_pads(&mut self, element: &VdoRoomSrc) {
        let now = Instant::now();
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        let mut changed = false;
        for id in ids {
            // Taken out while pads are added: handlers of pad-added may ask for anything but it.
            let Some(mut session) = self.sessions.remove(&id) else {
                continue;
            };
            let draining: Vec<StreamId> = self
                .sessions
                .values()
                .filter(|other| other.is_ending())
                .map(|other| other.stream.clone())
                .collect();
            match expose(
                element,
                &mut session,
                &self.config,
                &draining,
                &self.reports,
                now,
            ) {
                Exposed::Nothing => {}
                Exposed::Pads => changed = true,
                Exposed::Failed(reason) => self.lost(id, reason),
            }
            self.sessions.insert(id, session);
        }
        if changed {
            // Latency was queried before this branch was there.
            let _ = element.post_message(gst::message::Latency::builder().src(element).build());
            self.publish_views();
        }
    }

    fn tick(&mut self, element: &VdoRoomSrc, now: Instant) {
        for session in self.sessions.values_mut() {
            if session.is_ending() {
                continue;
            }
            if let Some(event) = session.poll_media(now) {
                self.reports.events.send(event);
            }
            for track in &mut session.tracks {
                track.poll_keyframe(now);
                track.poll_bitrate(now);
            }
        }
        let ended: Vec<SessionId> = self
            .sessions
            .values()
            .filter(|session| session.has_ended(now))
            .map(|session| session.id)
            .collect();
        for id in &ended {
            if let Some(session) = self.sessions.remove(id) {
                self.flows.remove(id);
                session.take_apart(element, element.upcast_ref());
            }
        }
        if !ended.is_empty() {
            self.publish_views();
        }
        if self.sessions.values().any(|s| !s.waiting_pads.is_empty()) {
            self.expose_pads(element);
        }
        self.tell_who_left(element);
    }

    fn tell_who_left(&mut self, element: &VdoRoomSrc) {
        let sessions = &self.sessions;
        let here = |stream: &StreamId| sessions.values().any(|s| s.stream == *stream);
        let (staying, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.leaving)
            .into_iter()
            .partition(|(stream, _)| here(stream));
        self.leaving = staying;
        for (stream, reason) in gone {
            announce::stream_removed(element, &stream, &reason);
        }
    }

    /// The room has said goodbye on every channel; that may take a moment to leave.
    fn stop(&mut self) {
        let spoken_to = self.sessions.values().any(|s| s.channel.is_some());
        let wait = if spoken_to {
            LAST_WORDS
        } else {
            Duration::ZERO
        };
        self.stop_at = Some(Instant::now() + wait);
    }

    fn take_all_apart(&mut self, element: &VdoRoomSrc) {
        for (_, session) in std::mem::take(&mut self.sessions) {
            session.take_apart(element, element.upcast_ref());
        }
        self.publish_views();
        self.tell_who_left(element);
    }

    fn track(&mut self, id: TrackId) -> Option<&mut super::track::Track> {
        self.sessions
            .get_mut(&id.session)?
            .tracks
            .iter_mut()
            .find(|track| track.id == id)
    }

    fn tracks_of(&self, stream: &StreamId) -> impl Iterator<Item = &super::track::Track> {
        self.sessions
            .values()
            .filter(move |session| session.stream == *stream)
            .flat_map(|session| &session.tracks)
    }

    /// Lets the `stats` property see the sessions without asking this thread.
    pub(super) fn publish_views(&self) {
        let views: Vec<SessionView> = self.sessions.values().map(SessionView::of).collect();
        *self.config.views.lock().unwrap_or_else(|e| e.into_inner()) = views;
    }
}
