// SPDX-License-Identifier: MPL-2.0
//! Which pads belong together: all current sessions.
//!
//! Whatever is said of a track finds its session at once, however many there are. Frames are only
//! noted; [`Sessions::pump_fed`] moves all that have come together.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::effects::Context;
use super::session::Session;
use crate::roomfilesink::media::{Frame, Track, TrackId};
use crate::roomfilesink::messages::Msg;
use crate::roomfilesink::parts::{Part, Person, Reason};
use crate::roomfilesink::settings::Limits;

/// Counts sessions.
type Number = u64;

#[derive(Default)]
pub(crate) struct Sessions {
    sessions: HashMap<Number, Session>,
    begun: Number,
    /// The newest session of each track.
    of_tracks: HashMap<TrackId, Number>,
    /// Those with frames that have not been moved.
    fed: Vec<Number>,
    /// Those whose frames wait for the beginning of a part.
    beginning: HashSet<Number>,
    /// The run ends: what still comes is not recorded.
    closed: bool,
}

impl Sessions {
    /// Whether every part is closed and no track has anything left.
    pub(crate) fn is_idle(&self) -> bool {
        self.sessions.values().all(Session::is_idle)
    }

    /// Whether somebody's frames wait for the beginning of a part.
    pub(crate) fn is_beginning(&self) -> bool {
        !self.beginning.is_empty()
    }

    pub(crate) fn handle(&mut self, msg: Msg, now: Instant, ctx: &mut Context<'_>) {
        match msg {
            Msg::Frame(track, frame) if self.closed => track.give_back(frame.buffer.size()),
            Msg::StreamStart { .. } if self.closed => {}
            Msg::StreamStart {
                track,
                stream_id,
                group,
            } => self.stream_start(track, stream_id, group, now, ctx),
            Msg::Collection(track, ids) => {
                if let Some(session) = self.of(track.id) {
                    session.promised = ids;
                }
            }
            Msg::Person(track, structure) => {
                if let Some(session) = self.of(track.id) {
                    read_person(&mut session.person, &structure);
                    if let Some(caption) = session.caption(track.id) {
                        let kind = structure.get::<&str>("kind").ok();
                        caption.role = kind.and_then(|kind| kind.parse().ok());
                    }
                }
            }
            Msg::Tags(track, tags) => {
                if let Some(session) = self.of(track.id) {
                    if let Some(title) = tags.get::<gst::tags::Title>()
                        && session.person.label.is_empty()
                    {
                        session.person.label = title.get().to_owned();
                    }
                    if let Some(caption) = session.caption(track.id) {
                        caption.note(&tags);
                    }
                }
            }
            Msg::SessionEnd(track, reason) => {
                if let Some(session) = self.of(track.id) {
                    session.session_end = Some(reason);
                }
            }
            Msg::Refused(track, caps) => {
                self.act(track.id, now, ctx, |s, ctx| s.refuse(track.id, &caps, ctx));
            }
            Msg::Frame(track, frame) => self.feed(track, frame, now, ctx),
            Msg::Gap(track) => self.act(track.id, now, ctx, |s, _| s.gap(track.id)),
            Msg::Ended(track, reason) => {
                self.act(track.id, now, ctx, |s, _| s.end_track(track.id, reason));
            }
            Msg::Part(id, event) => {
                let owns = |s: &Session| s.parts.iter().any(|p| p.id() == id);
                let owner = self.sessions.iter().find(|(_, session)| owns(session));
                let owner = owner.map(|(number, _)| *number);
                self.act_in(owner, now, ctx, |s, ctx| s.part_event(id, event, now, ctx));
            }
            Msg::Manifest(_) | Msg::Limits(_) | Msg::Mark { .. } | Msg::End | Msg::Shutdown(..) => {
            }
        }
    }

    /// Moves the frames that have come since the last call.
    pub(crate) fn pump_fed(&mut self, now: Instant, ctx: &mut Context<'_>) {
        for number in std::mem::take(&mut self.fed) {
            self.act_in(Some(number), now, ctx, |session, _| session.is_fed = false);
        }
    }

    pub(crate) fn pump(&mut self, now: Instant, ctx: &mut Context<'_>) {
        for number in self.numbers() {
            self.act_in(Some(number), now, ctx, |_, _| {});
        }
    }

    /// Other limits hold from now on, for parts that are open as well.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        for session in self.sessions.values_mut() {
            session.set_limits(limits);
        }
    }

    pub(crate) fn end_all(&mut self, reason: Reason, now: Instant, ctx: &mut Context<'_>) {
        self.closed = true;
        for session in self.sessions.values_mut() {
            session.end_all(reason);
        }
        self.pump(now, ctx);
    }

    /// Nobody waits any longer for checksums.
    pub(crate) fn hurry(&self) {
        let parts = self.sessions.values().flat_map(|session| &session.parts);
        parts.for_each(Part::hurry);
    }

    pub(crate) fn fail_all(&mut self, error: &str, now: Instant, ctx: &mut Context<'_>) {
        for number in self.numbers() {
            if let Some(session) = self.sessions.get_mut(&number) {
                let ids: Vec<_> = session.parts.iter().map(|p| p.id()).collect();
                for id in ids {
                    session.fail_part(id, error.to_owned(), now, ctx);
                }
            }
            self.note(number);
        }
    }

    /// Of all sessions, in the order in which they began.
    fn numbers(&self) -> Vec<Number> {
        let mut numbers: Vec<_> = self.sessions.keys().copied().collect();
        numbers.sort_unstable();
        numbers
    }

    /// The session in which a track is going on, and its number.
    fn number_of(&self, id: TrackId) -> Option<Number> {
        let number = self.of_tracks.get(&id).copied()?;
        let session = self.sessions.get(&number)?;
        session.has_track(id).then_some(number)
    }

    fn of(&mut self, id: TrackId) -> Option<&mut Session> {
        let number = self.number_of(id)?;
        self.sessions.get_mut(&number)
    }

    /// A frame waits in its track until all that have come together are moved.
    fn feed(&mut self, track: Arc<Track>, frame: Frame, now: Instant, ctx: &mut Context<'_>) {
        let mut number = self.number_of(track.id);
        if number.is_none() && !track.retired.load(Ordering::Acquire) {
            let id = track.id.to_string();
            self.stream_start(track.clone(), id, None, now, ctx);
            number = self.number_of(track.id);
        }
        let session = number.and_then(|number| self.sessions.get_mut(&number));
        let (Some(number), Some(session)) = (number, session) else {
            // Its pad has retired: no end would follow.
            return track.give_back(frame.buffer.size());
        };
        session.frame(track.id, frame, ctx);
        if !std::mem::replace(&mut session.is_fed, true) {
            self.fed.push(number);
        }
    }

    fn act(
        &mut self,
        id: TrackId,
        now: Instant,
        ctx: &mut Context<'_>,
        act: impl FnOnce(&mut Session, &mut Context<'_>),
    ) {
        self.act_in(self.number_of(id), now, ctx, act);
    }

    fn act_in(
        &mut self,
        number: Option<Number>,
        now: Instant,
        ctx: &mut Context<'_>,
        act: impl FnOnce(&mut Session, &mut Context<'_>),
    ) {
        let Some(number) = number else { return };
        let Some(session) = self.sessions.get_mut(&number) else {
            return;
        };
        act(session, ctx);
        session.pump(now, ctx);
        self.note(number);
    }

    /// Keeps what is known of all sessions right, after something has happened in one.
    fn note(&mut self, number: Number) {
        let session = self.sessions.get(&number);
        if session.is_some_and(Session::is_beginning) {
            self.beginning.insert(number);
        } else {
            self.beginning.remove(&number);
        }
        if session.is_some_and(Session::is_over) {
            self.sessions.remove(&number);
            self.of_tracks.retain(|_, of| *of != number);
        }
    }

    /// A stream begins on a pad: it joins the session with the same group-id or the same name, or
    /// starts one. A pad that goes on with another group has left its session.
    fn stream_start(
        &mut self,
        track: Arc<Track>,
        stream_id: String,
        group: Option<gst::GroupId>,
        now: Instant,
        ctx: &mut Context<'_>,
    ) {
        let same = |s: &Session| {
            let same_group = group.is_some() && s.group == group;
            let same_name = track.suffix.is_some() && s.suffix == track.suffix;
            (same_group || same_name) && s.takes_tracks_of(track.id)
        };
        if let Some(session) = self.of(track.id) {
            if same(session) {
                session.rename_track(track.id, stream_id);
                return;
            }
            self.act(track.id, now, ctx, |s, _| {
                s.end_track(track.id, Reason::Eos)
            });
        }
        let known = self.sessions.iter().filter(|(_, session)| same(session));
        let oldest = known.map(|(number, _)| *number).min();
        let number = oldest.unwrap_or_else(|| {
            let person = person_of(&track, &stream_id);
            let session = Session::new(group, track.suffix.clone(), person);
            self.begun += 1;
            self.sessions.insert(self.begun, session);
            self.begun
        });
        self.of_tracks.insert(track.id, number);
        if let Some(session) = self.sessions.get_mut(&number) {
            session.group = session.group.or(group);
            session.add_track(track, Some(stream_id));
        }
    }
}

/// What the pad's name or the stream ID says; `vdoroom-stream` says it better.
fn person_of(track: &Track, stream_id: &str) -> Person {
    // `<room>/<stream>/<n>/<kind>[-<k>]`
    let parts: Vec<&str> = stream_id.split('/').collect();
    let (room, stream) = match (parts.as_slice(), &track.suffix) {
        (_, Some(suffix)) => ("", suffix.as_str()),
        ([room, stream, n, _], None) if n.parse::<u32>().is_ok() => (*room, *stream),
        _ => ("", stream_id),
    };
    Person {
        room: room.to_owned(),
        stream: stream.to_owned(),
        session: None,
        label: String::new(),
    }
}

fn read_person(person: &mut Person, structure: &gst::StructureRef) {
    let text = |name| structure.get::<String>(name).ok().filter(|t| !t.is_empty());
    if let Some(room) = text("room") {
        person.room = room;
    }
    if let Some(stream) = text("stream") {
        person.stream = stream;
    }
    if let Some(label) = text("label") {
        person.label = label;
    }
    if let Ok(session) = structure.get::<u32>("session") {
        person.session = Some(session);
    }
}

#[cfg(test)]
mod tests;
