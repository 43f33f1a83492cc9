// SPDX-License-Identifier: MPL-2.0
//! Stream selection: a consumer, such as decodebin3, says which streams of a session it wants.
//!
//! The pads of the others get EOS and go. Their publisher is told to send nothing of them, and what
//! comes nevertheless is dropped at the connection's pads. When they are wanted again, new pads come. Runs
//! on the control thread.

use std::time::Instant;

use super::announce;
use super::reload::Kept;
use super::stats::last_words;
use super::thread::Control;
use crate::protocol::{Event, SessionId, Unwanted};
use crate::vdoroomsrc::connection::{Session, UnselectedPad, WaitingPad};
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::media::{Kind, Track};
use crate::vdoroomsrc::reports::TrackId;

/// What the last words of a pad say.
const REASON: &str = "the stream was not selected";

impl Control {
    /// Of the session of this track, or of each that has one of them, only these streams are wanted.
    pub(super) fn select(&mut self, element: &gst::Bin, track: Option<TrackId>, wanted: &[String]) {
        let of_track = track.map(|id| self.track(id).map(|track| track.session));
        let is_meant = |session: &&Session| match of_track {
            Some(own) => own == Some(session.id),
            None => ids(session).any(|id| wanted.iter().any(|wanted| wanted == id)),
        };
        let live = self.sessions.values().filter(|s| !s.is_ending());
        let meant: Vec<SessionId> = live.filter(is_meant).map(|session| session.id).collect();
        for id in meant {
            self.select_of(element, id, wanted);
        }
    }

    fn select_of(&mut self, element: &gst::Bin, id: SessionId, wanted: &[String]) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let is_wanted = |id: &str| wanted.iter().any(|wanted| wanted == id);
        let ended = take_unwanted(session, is_wanted);
        take_wanted(session, is_wanted);
        if let Some(collection) = &session.announced.collection {
            let id = |stream: &gst::Stream| stream.stream_id().map(String::from);
            let is_selected = |stream: &gst::Stream| id(stream).is_some_and(|id| is_wanted(&id));
            let (selected, others): (Vec<_>, Vec<_>) = collection.iter().partition(is_selected);
            session.refused = others.iter().filter_map(id).collect();
            announce::selected(element, collection, &selected);
        }
        self.end_tracks(id, ended);
        self.tell_unwanted(element, id);
    }

    /// Pads have come: those of streams that were not chosen go, and the publisher is told what is wanted
    /// now.
    pub(super) fn apply_choice(&mut self, element: &gst::Bin, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let refused = session.refused.clone();
        let ended = take_unwanted(session, |id| !refused.iter().any(|refused| refused == id));
        self.end_tracks(id, ended);
        self.tell_unwanted(element, id);
    }

    fn end_tracks(&mut self, id: SessionId, ended: Vec<Track>) {
        let Some(session) = self.sessions.get(&id).filter(|_| !ended.is_empty()) else {
            return;
        };
        if let Some(flows) = self.flows.get_mut(&id) {
            ended.iter().for_each(|track| flows.remove_pad(&track.pad));
        }
        let now = Instant::now();
        let (stream, announced) = (&session.stream, &session.announced);
        let ended = ended.into_iter();
        let ended = ended.map(|track| Kept::ending(stream.clone(), announced.clone(), track, now));
        self.kept
            .add(ended.collect(), now, self.config.rejoin_window);
        self.publish_view(id);
    }

    fn tell_unwanted(&mut self, element: &gst::Bin, session: SessionId) {
        let Some(of) = self.sessions.get_mut(&session) else {
            return;
        };
        let media = unwanted(of);
        if std::mem::replace(&mut of.unwanted, media) != media {
            let stream = &of.stream;
            gst::info!(CAT, obj = element, "{stream}: not wanted are {media:?}");
            self.reports.events.send(Event::Unwanted { session, media });
        }
    }
}

/// The IDs of what a session receives, or could.
fn ids(session: &Session) -> impl Iterator<Item = &str> {
    let exposed = session.tracks.iter().map(|track| track.exit.stream_id());
    let others = session.unselected.iter().map(|pad| &pad.was);
    let again = session
        .waiting_pads
        .iter()
        .filter_map(|pad| pad.was.as_ref());
    exposed.chain(others.chain(again).map(|was| was.stream_id.as_str()))
}

/// The tracks that are not wanted any more, on their way out.
fn take_unwanted(session: &mut Session, is_wanted: impl Fn(&str) -> bool) -> Vec<Track> {
    let words = last_words(session, REASON);
    let mut ended = Vec::new();
    let tracks = std::mem::take(&mut session.tracks);
    for (mut track, last_words) in tracks.into_iter().zip(words) {
        let stream_id = track.exit.stream_id().to_owned();
        if is_wanted(&stream_id) {
            session.tracks.push(track);
            continue;
        }
        track.last_words = Some(last_words);
        let left = track.unselect();
        let pad = UnselectedPad::new(stream_id, track.kind, left);
        session.unselected.push(pad);
        ended.push(track);
    }
    let is_refused = |pad: &mut WaitingPad| {
        let was = pad.was.as_ref();
        was.is_some_and(|was| !is_wanted(&was.stream_id))
    };
    let waiting = session.waiting_pads.extract_if(.., is_refused);
    session
        .unselected
        .extend(waiting.filter_map(WaitingPad::unselect));
    ended
}

/// Lets pads of the connection whose media are wanted again be exposed.
fn take_wanted(session: &mut Session, is_wanted: impl Fn(&str) -> bool) {
    let is_wanted = |pad: &mut UnselectedPad| is_wanted(&pad.was.stream_id);
    let again: Vec<_> = session.unselected.extract_if(.., is_wanted).collect();
    let link = &*session.link;
    let again = again.into_iter().filter_map(|pad| pad.select(link));
    session.waiting_pads.extend(again);
}

/// Publishers can be told of a camera, a screen, and all audio.
fn unwanted(session: &Session) -> Unwanted {
    let received = |kinds: &[Kind]| {
        let exposed = session.tracks.iter().map(|track| track.kind);
        let again = session
            .waiting_pads
            .iter()
            .filter_map(|pad| pad.was.as_ref());
        exposed
            .chain(again.map(|was| was.kind))
            .any(|kind| kinds.contains(&kind))
    };
    let none_of = |kinds: &[Kind]| {
        let mut pads = session.unselected.iter();
        pads.any(|pad| kinds.contains(&pad.was.kind)) && !received(kinds)
    };
    Unwanted {
        video: none_of(&[Kind::Video]),
        screen: none_of(&[Kind::Screen]),
        audio: none_of(&[Kind::Audio, Kind::ScreenAudio]),
    }
}
