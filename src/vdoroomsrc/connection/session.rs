// SPDX-License-Identifier: MPL-2.0
//! One WebRTC connection: a webrtcbin and what was agreed with its publisher.
//!
//! Everything here runs on the control thread.

use std::time::Instant;

use gst::glib;
use gst::prelude::*;
use gst_sdp::SDPMessage;
use gst_webrtc::{WebRTCDataChannel, WebRTCDataChannelState};

use super::connectivity::Connectivity;
use super::ending::Ending;
use super::names::element_prefix;
use super::pads::{Pads, UnselectedPad, WaitingPad};
use super::ping::Ping;
use super::pulse::{Heard, Pulse, Voice};
use super::remains::Remains;
use super::repair::Repair;
use crate::protocol::{Fingerprints, SessionId, StreamId, Unwanted};
use crate::vdoroomsrc::connection::sdp::{Numbered, Order, Promised};
use crate::vdoroomsrc::connection::webrtcbin::{Known, SharedSsrcs, Transport, WebrtcStats, make};
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::media::{self, Announced, End, SharedTimeline, Track};
use crate::vdoroomsrc::reports::Reports;

/// How many bytes a publisher may leave unread on its channel before nothing more is sent there.
const MAX_UNREAD: u64 = 1 << 20;

pub(crate) struct Session {
    pub id: SessionId,
    pub stream: StreamId,
    /// Which session of its stream, from 1.
    pub number: u32,
    pub label: Option<String>,
    /// What its pads are announced with.
    pub announced: Announced,
    pub webrtcbin: gst::Element,
    /// What the publisher has to show in the DTLS handshake.
    pub certificate: Fingerprints,
    /// Somebody has shown another one: nothing of the session is believed any more.
    pub is_genuine: bool,
    pub connectivity: Connectivity,
    pub ping: Ping,
    pub heard: Heard,
    pub pulse: Pulse,
    pub voice: Voice,
    pub repair: Repair,
    pub watches_transport: bool,
    /// Since when no address of ours has been found.
    pub gathers_since: Option<Instant>,
    pub asked_for_stats: Option<Instant>,
    pub webrtc_stats: WebrtcStats,
    pub channel: Option<WebRTCDataChannel>,
    pub tracks: Vec<Track>,
    /// How many there have been.
    pub tracks_begun: usize,
    /// Whose media the application does not want for now.
    pub unselected: Vec<UnselectedPad>,
    /// IDs of streams that it has or may get, and that are not wanted.
    pub refused: Vec<String>,
    /// What the room was told of that.
    pub unwanted: Unwanted,
    /// Pads that webrtcbin has added and that are not exposed yet; blocked.
    pub waiting_pads: Vec<WaitingPad>,
    pub pads: Pads,
    /// The m-lines for media of the newest offer.
    pub promised: Vec<Promised>,
    /// The newest offer, as webrtcbin was given it.
    pub(super) offer: Option<SDPMessage>,
    /// How it numbers the header extensions that are of use.
    pub(super) numbered: Vec<Numbered>,
    /// By SSRC.
    pub jitterbuffers: Vec<(u32, glib::WeakRef<gst::Element>)>,
    /// Where its media belongs.
    pub timeline: SharedTimeline,
    pub(super) ssrcs: SharedSsrcs,
    pub(super) bundle: Order,
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
    /// `ready` sees the webrtcbin before it is started.
    pub(crate) fn open(
        bin: &gst::Bin,
        id: SessionId,
        peer: Peer,
        transport: &Transport<'_>,
        reports: &Reports,
        ready: impl FnOnce(&gst::Element),
    ) -> Result<Self, glib::BoolError> {
        let (timeline, ssrcs, bundle) = <(SharedTimeline, SharedSsrcs, Order)>::default();
        let known = Known {
            timeline: &timeline,
            ssrcs: &ssrcs,
            bundle: &bundle,
        };
        let webrtcbin = make(&element_prefix(id), id, transport, known, reports)?;
        let heard = Heard::listen(&webrtcbin);
        ready(&webrtcbin);
        // Also while the pipeline is paused: a paused element serves no sockets.
        webrtcbin.set_locked_state(true);
        bin.add(&webrtcbin)?;
        if webrtcbin.set_state(gst::State::Playing).is_err() {
            media::stop(&webrtcbin);
            media::take_out(&webrtcbin, bin);
            return Err(glib::bool_error!("webrtcbin does not start"));
        }
        Ok(Self {
            id,
            stream: peer.stream,
            number: peer.number,
            label: peer.label,
            announced: Announced::new(peer.number),
            webrtcbin,
            certificate: peer.certificate,
            is_genuine: true,
            connectivity: Connectivity::default(),
            ping: Ping::default(),
            heard,
            pulse: Pulse::default(),
            voice: Voice::default(),
            repair: Repair::default(),
            watches_transport: false,
            gathers_since: None,
            asked_for_stats: None,
            webrtc_stats: WebrtcStats::default(),
            channel: None,
            tracks: Vec::new(),
            tracks_begun: 0,
            unselected: Vec::new(),
            refused: Vec::new(),
            unwanted: Unwanted::default(),
            waiting_pads: Vec::new(),
            pads: Pads::default(),
            promised: Vec::new(),
            offer: None,
            numbered: Vec::new(),
            jitterbuffers: Vec::new(),
            timeline,
            ssrcs,
            bundle,
            flowing: false,
            told_undecodable: false,
            ending: None,
            keeps_pads: false,
        })
    }

    pub(crate) fn send(&self, text: &str) {
        let open =
            |channel: &&WebRTCDataChannel| channel.ready_state() == WebRTCDataChannelState::Open;
        let Some(channel) = self.channel.as_ref().filter(open) else {
            return;
        };
        if channel.buffered_amount() > MAX_UNREAD {
            gst::debug!(CAT, obj = self.webrtcbin, "The channel is not read");
            return;
        }
        if let Err(error) = channel.send_string_full(Some(text)) {
            gst::debug!(
                CAT,
                obj = self.webrtcbin,
                "Channel message not sent: {error}"
            );
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
        let channel = self.channel.as_ref();
        let closed = now >= ending.not_before && ending.close(now, channel, &self.webrtcbin);
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
            webrtcbin: Some(self.webrtcbin),
            tracks,
            kept,
        }
    }
}
