// SPDX-License-Identifier: MPL-2.0
//! Stream selection: a consumer, such as decodebin3, says which streams of a session it wants.
//!
//! The pads of the others get EOS and go. Their publisher is told to send nothing of them, and what
//! comes nevertheless is dropped at webrtcbin's pads. When they are wanted again, new pads come. Runs
//! on the control thread.

use std::time::Instant;

use super::announce;
use super::reload::Kept;
use super::stats::last_words;
use super::thread::Control;
use crate::protocol::{Event, SessionId, Unwanted};
use crate::vdoroomsrc::connection::{Session, UnselectedPad};
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
        let ended = take_unwanted(session, wanted);
        let some_begin = take_wanted(session, wanted);
        if ended.is_empty() && !some_begin {
            return;
        }
        let stream = session.stream.clone();
        let (media, group_id) = (unwanted(session), session.group_id);
        gst::info!(
            CAT,
            obj = element,
            "{stream}: of its media these are not wanted: {media:?}"
        );
        if let Some(collection) = &session.collection {
            announce::selected(element, collection, &selected(collection, wanted));
        }
        for track in &ended {
            if let Some(flows) = self.flows.get_mut(&id) {
                flows.remove_pad(&track.pad);
            }
        }
        let now = Instant::now();
        let ended = ended.into_iter();
        let ended = ended.map(|track| Kept::ending(stream.clone(), group_id, track, now));
        self.kept
            .add(ended.collect(), now, self.config.rejoin_window);
        let session = id;
        self.reports.events.send(Event::Unwanted { session, media });
        self.publish_views();
    }
}

/// The IDs of what a session receives, or could.
fn ids(session: &Session) -> impl Iterator<Item = &str> {
    let exposed = session.tracks.iter().map(|track| track.exit.stream_id());
    let others = session.unselected.iter().map(|pad| pad.stream_id.as_str());
    exposed.chain(others)
}

/// The tracks that are not wanted any more, on their way out.
fn take_unwanted(session: &mut Session, wanted: &[String]) -> Vec<Track> {
    let words = last_words(session, REASON);
    let mut ended = Vec::new();
    let tracks = std::mem::take(&mut session.tracks);
    for (mut track, last_words) in tracks.into_iter().zip(words) {
        let stream_id = track.exit.stream_id().to_owned();
        if wanted.contains(&stream_id) {
            session.tracks.push(track);
            continue;
        }
        track.last_words = Some(last_words);
        let left = track.unselect();
        let pad = UnselectedPad::new(stream_id, track.kind, left);
        session.unselected.push(pad);
        ended.push(track);
    }
    ended
}

/// Lets pads of webrtcbin whose media are wanted again be exposed. Whether there are any.
fn take_wanted(session: &mut Session, wanted: &[String]) -> bool {
    let is_wanted = |pad: &mut UnselectedPad| wanted.contains(&pad.stream_id);
    let again: Vec<_> = session.unselected.extract_if(.., is_wanted).collect();
    let any = !again.is_empty();
    session
        .waiting_pads
        .extend(again.into_iter().filter_map(UnselectedPad::select));
    any
}

/// Publishers can be told of a camera, a screen, and all audio.
fn unwanted(session: &Session) -> Unwanted {
    let received = |kinds: &[Kind]| {
        let exposed = session.tracks.iter().map(|track| track.kind);
        let again = session.waiting_pads.iter().filter_map(|pad| pad.was);
        exposed.chain(again).any(|kind| kinds.contains(&kind))
    };
    let none_of = |kinds: &[Kind]| {
        let mut pads = session.unselected.iter();
        pads.any(|pad| kinds.contains(&pad.kind)) && !received(kinds)
    };
    Unwanted {
        video: none_of(&[Kind::Video]),
        screen: none_of(&[Kind::Screen]),
        audio: none_of(&[Kind::Audio, Kind::ScreenAudio]),
    }
}

fn selected(collection: &gst::StreamCollection, wanted: &[String]) -> Vec<gst::Stream> {
    let is_wanted = |stream: &gst::Stream| {
        let id = stream.stream_id();
        id.is_some_and(|id| wanted.iter().any(|wanted| *wanted == id.as_str()))
    };
    collection.iter().filter(is_wanted).collect()
}
