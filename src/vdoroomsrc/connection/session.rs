// SPDX-License-Identifier: MPL-2.0
//! One WebRTC connection and what was agreed with its publisher.
//!
//! Everything here runs on the control thread.

use std::time::Instant;

use gst::glib;

use super::alive::{Ping, Pulse, Voice};
use super::connectivity::Connectivity;
use super::ending::Ending;
use super::link::{Link, Transport};
#[cfg(feature = "native")]
use super::native;
use super::pads::{Pads, UnselectedPad, WaitingPad};
use super::remains::Remains;
use super::repair::Repair;
use super::sdp::Promised;
use super::webrtcbin;
use crate::protocol::{Fingerprints, SessionId, StreamId, Unwanted};
use crate::vdoroomsrc::media::{Announced, End, SharedTimeline, Track};
use crate::vdoroomsrc::reports::Reports;
use crate::vdoroomsrc::settings::Engine;

pub(crate) struct Session {
    pub id: SessionId,
    pub stream: StreamId,
    /// Which session of its stream, from 1.
    pub number: u32,
    pub label: Option<String>,
    /// What its pads are announced with.
    pub announced: Announced,
    pub link: Box<dyn Link>,
    /// What the publisher has to show in the DTLS handshake.
    pub certificate: Fingerprints,
    /// Somebody has shown another one: nothing of the session is believed any more.
    pub is_genuine: bool,
    pub connectivity: Connectivity,
    pub ping: Ping,
    pub pulse: Pulse,
    pub voice: Voice,
    pub repair: Repair,
    /// Since when no address of ours has been found.
    pub gathers_since: Option<Instant>,
    pub asked_for_numbers: Option<Instant>,
    /// Its data channel is open, and the one at the other end is proven to be its publisher.
    pub has_channel: bool,
    pub tracks: Vec<Track>,
    /// How many there have been.
    pub tracks_begun: usize,
    /// Whose media the application does not want for now.
    pub unselected: Vec<UnselectedPad>,
    /// IDs of streams that it has or may get, and that are not wanted.
    pub refused: Vec<String>,
    /// What the room was told of that.
    pub unwanted: Unwanted,
    /// Pads of the connection that are not exposed yet; their packets wait.
    pub waiting_pads: Vec<WaitingPad>,
    pub pads: Pads,
    /// The m-lines for media of the newest offer.
    pub promised: Vec<Promised>,
    /// Where its media belongs.
    pub timeline: SharedTimeline,
    /// Media came just now.
    pub flowing: bool,
    /// It was told that its media cannot be decoded.
    pub told_undecodable: bool,
    ending: Option<Ending>,
    /// Its pads wait for the next session once it has ended.
    keeps_pads: bool,
}

/// The publisher that a session is opened for, as the room knows it.
pub(crate) struct Peer {
    pub stream: StreamId,
    pub number: u32,
    pub label: Option<String>,
    pub certificate: Fingerprints,
}

impl Session {
    /// `ready` sees a webrtcbin before it is started.
    pub(crate) fn open(
        bin: &gst::Bin,
        id: SessionId,
        peer: Peer,
        transport: &Transport<'_>,
        reports: &Reports,
        ready: impl FnOnce(&gst::Element),
    ) -> Result<Self, glib::BoolError> {
        let timeline = SharedTimeline::default();
        let link = match transport.engine {
            Engine::Webrtcbin => webrtcbin::open(bin, id, transport, &timeline, reports, ready)?,
            #[cfg(feature = "native")]
            Engine::Native => native::open(bin, id, transport, &timeline, reports)?,
            #[cfg(not(feature = "native"))]
            Engine::Native => return Err(glib::bool_error!("there is no native engine")),
        };
        Ok(Self {
            id,
            stream: peer.stream,
            number: peer.number,
            label: peer.label,
            announced: Announced::new(peer.number),
            link,
            certificate: peer.certificate,
            is_genuine: true,
            connectivity: Connectivity::default(),
            ping: Ping::default(),
            pulse: Pulse::default(),
            voice: Voice::default(),
            repair: Repair::default(),
            gathers_since: None,
            asked_for_numbers: None,
            has_channel: false,
            tracks: Vec::new(),
            tracks_begun: 0,
            unselected: Vec::new(),
            refused: Vec::new(),
            unwanted: Unwanted::default(),
            waiting_pads: Vec::new(),
            pads: Pads::default(),
            promised: Vec::new(),
            timeline,
            flowing: false,
            told_undecodable: false,
            ending: None,
            keeps_pads: false,
        })
    }

    pub(crate) fn send(&self, text: &str) {
        if self.has_channel {
            self.link.send(text);
        }
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Lets everything received reach the consumers, with EOS behind it unless the pads stay.
    /// `words` finds what each track says before that.
    pub(crate) fn end(
        &mut self,
        now: Instant,
        keeps_pads: bool,
        words: impl FnOnce(&Self) -> Vec<gst::Structure>,
    ) {
        if self.ending.is_some() {
            return;
        }
        let words = words(self);
        self.keeps_pads = keeps_pads;
        self.ending = Some(Ending::new(now));
        for (track, last_words) in self.tracks.iter_mut().zip(words) {
            track.last_words = Some(last_words);
            match keeps_pads {
                true => track.drain(),
                false => track.end(),
            }
        }
    }

    /// Whether an ended session can be taken apart: EOS has left all pads, the goodbye had its time
    /// and the channel is closed; or its consumers stand still.
    pub(crate) fn has_ended(&mut self, now: Instant) -> bool {
        let taken = self.tracks.iter().map(|track| track.exit.taken()).sum();
        let Some(ending) = &mut self.ending else {
            return false;
        };
        let closed = now >= ending.not_before && self.link.close(now);
        let drained = self.tracks.iter().all(|track| track.end != End::None);
        closed && drained || ending.is_overdue(now, taken)
    }

    /// What has to be taken apart, once EOS has left, or when the element stops.
    pub(crate) fn into_remains(self) -> Remains {
        let (tracks, kept) = match self.keeps_pads {
            true => (Vec::new(), self.tracks),
            false => (self.tracks, Vec::new()),
        };
        Remains {
            session: Some(self.id),
            stream: self.stream,
            announced: self.announced,
            connection: Some(self.link.element().clone()),
            tracks,
            kept,
        }
    }
}
