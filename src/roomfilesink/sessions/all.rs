// SPDX-License-Identifier: MPL-2.0
//! Which pads belong together: all current sessions.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::effects::Context;
use super::session::Session;
use crate::roomfilesink::media::{Track, TrackId};
use crate::roomfilesink::messages::Msg;
use crate::roomfilesink::parts::{Part, Person, Reason};

#[derive(Default)]
pub(crate) struct Sessions {
    sessions: Vec<Session>,
    /// The run ends: what still comes is not recorded.
    closed: bool,
}

impl Sessions {
    /// Whether every part is closed and no track has anything left.
    pub(crate) fn is_idle(&self) -> bool {
        self.sessions.iter().all(Session::is_idle)
    }

    /// Whether somebody's frames wait for the beginning of a part.
    pub(crate) fn is_beginning(&self) -> bool {
        self.sessions.iter().any(Session::is_beginning)
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
            Msg::Frame(track, frame) => {
                if self.of(track.id).is_none() {
                    if track.retired.load(Ordering::Acquire) {
                        // No end would follow.
                        return track.give_back(frame.buffer.size());
                    }
                    let id = track.id.to_string();
                    self.stream_start(track.clone(), id, None, now, ctx);
                }
                self.act(track.id, now, ctx, |s, ctx| s.frame(track.id, frame, ctx));
            }
            Msg::Gap(track) => self.act(track.id, now, ctx, |s, _| s.gap(track.id)),
            Msg::Ended(track, reason) => {
                self.act(track.id, now, ctx, |s, _| s.end_track(track.id, reason));
            }
            Msg::Part(id, event) => {
                let owner = |s: &&mut Session| s.parts.iter().any(|p| p.id() == id);
                if let Some(session) = self.sessions.iter_mut().find(owner) {
                    session.part_event(id, event, now, ctx);
                    session.pump(now, ctx);
                }
            }
            Msg::Manifest(_) | Msg::Limits(_) | Msg::Mark { .. } | Msg::End | Msg::Shutdown(..) => {
            }
        }
        self.sessions.retain(|s| !s.is_over());
    }

    pub(crate) fn pump(&mut self, now: Instant, ctx: &mut Context<'_>) {
        for session in &mut self.sessions {
            session.pump(now, ctx);
        }
        self.sessions.retain(|s| !s.is_over());
    }

    pub(crate) fn end_all(&mut self, reason: Reason, now: Instant, ctx: &mut Context<'_>) {
        self.closed = true;
        for session in &mut self.sessions {
            session.end_all(reason);
        }
        self.pump(now, ctx);
    }

    /// Nobody waits any longer for checksums.
    pub(crate) fn hurry(&self) {
        let parts = self.sessions.iter().flat_map(|session| &session.parts);
        parts.for_each(Part::hurry);
    }

    pub(crate) fn fail_all(&mut self, error: &str, now: Instant, ctx: &mut Context<'_>) {
        for session in &mut self.sessions {
            let ids: Vec<_> = session.parts.iter().map(|p| p.id()).collect();
            for id in ids {
                session.fail_part(id, error.to_owned(), now, ctx);
            }
        }
    }

    /// The session in which a track is going on.
    fn of(&mut self, id: TrackId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|s| s.has_track(id))
    }

    fn act(
        &mut self,
        id: TrackId,
        now: Instant,
        ctx: &mut Context<'_>,
        act: impl FnOnce(&mut Session, &mut Context<'_>),
    ) {
        if let Some(session) = self.of(id) {
            act(session, ctx);
            session.pump(now, ctx);
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
            (same_group || same_name) && !s.has_ended()
        };
        if let Some(session) = self.of(track.id) {
            if same(session) {
                session.rename_track(track.id, stream_id);
                return;
            }
            session.end_track(track.id, Reason::Eos);
            session.pump(now, ctx);
        }
        if let Some(session) = self.sessions.iter_mut().find(|s| same(s)) {
            session.group = session.group.or(group);
            session.add_track(track, Some(stream_id));
            return;
        }
        let person = person_of(&track, &stream_id);
        let mut session = Session::new(group, track.suffix.clone(), person);
        session.add_track(track, Some(stream_id));
        self.sessions.push(session);
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
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::roomfilesink::files::Template;
    use crate::roomfilesink::media::{Format, Frame, Kind};
    use crate::roomfilesink::messages::Outbox;
    use crate::roomfilesink::settings::Settings;

    #[test]
    fn a_frame_that_comes_after_its_pad_has_retired_begins_nothing() {
        gst::init().unwrap();
        let pad = gst::Pad::new(gst::PadDirection::Sink);
        let track = Arc::new(Track::new(Kind::Audio, &pad, None));
        track.retired.store(true, Ordering::Release);
        let now = Instant::now();
        let frame = Frame {
            buffer: gst::Buffer::new(),
            format: Format::from_caps(&gst::Caps::new_empty_simple("audio/x-opus"))
                .unwrap()
                .into(),
            pts: 0,
            dts: None,
            entry: crate::bitstream::Entry::Clean,
            undecodable: Arc::default(),
            arrived: now,
        };
        let (outbox, _inbox) = Outbox::new();
        let mut ctx = Context {
            settings: &Settings::default(),
            outbox: &outbox,
            effects: Vec::new(),
            template: &Template::parse("x").unwrap(),
            anchor: None,
            counts: &mut HashMap::new(),
            is_short: &mut false,
            take_anchor: &|| None,
            pads_named: &|_| Vec::new(),
        };
        let mut sessions = Sessions::default();
        sessions.handle(Msg::Frame(track, frame), now, &mut ctx);
        assert!(sessions.is_idle());
    }
}
