// SPDX-License-Identifier: MPL-2.0
//! One WebRTC connection: a webrtcbin and what was agreed with its publisher.
//!
//! Everything here runs on the control thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_sdp::{SDPMessage, SDPMessageRef};
use gst_webrtc::{
    WebRTCDataChannel, WebRTCDataChannelState, WebRTCSDPType, WebRTCSessionDescription,
};

use crate::vdoroomsrc::reports::CAT;
use crate::vdoroomsrc::connection::sdp::Order;
use crate::vdoroomsrc::media::{Codec, reasons};
use crate::vdoroomsrc::connection::sdp::congestion;
use super::connectivity::Connectivity;
use crate::vdoroomsrc::reports::Command;
use crate::vdoroomsrc::reports::Reports;
use crate::vdoroomsrc::media::Streams;
use super::pads::Pads;
use crate::vdoroomsrc::connection::sdp::{Refusal, offer};
use crate::vdoroomsrc::settings::Wish;
use super::ping::Ping;
use super::pulse::{Heard, Pulse, Voice};
use crate::vdoroomsrc::control::{Remains, remains};
use super::repair::Repair;
use crate::vdoroomsrc::media::SharedTimeline;
use super::names::element_prefix;
use crate::vdoroomsrc::connection::webrtcbin::{SharedSsrcs, ssrcs};
use crate::vdoroomsrc::control::stats;
use crate::vdoroomsrc::media::Track;
use crate::vdoroomsrc::connection::webrtcbin::{Transport, error_of, make, outcome};
use crate::protocol::{Event, Fingerprints, STALL, SessionId, StreamId};

/// How long EOS may take to pass the consumers of a session that has ended, counted from the last
/// buffer that they took, and in all.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
const LONGEST_DRAIN: Duration = Duration::from_secs(15);

/// How long the `bye` on the data channel may take to leave (protocol 5.5).
const BYE_TIME: Duration = Duration::from_millis(100);

/// How long webrtcbin's own thread may take to close the channel.
const CLOSE_TIME: Duration = Duration::from_millis(200);

/// How many bytes a publisher may leave unread on its channel before nothing more is sent there.
const MAX_UNREAD: u64 = 1 << 20;

pub(crate) struct Session {
    pub id: SessionId,
    pub stream: StreamId,
    /// Which session of its stream, from 1.
    pub number: u32,
    pub label: Option<String>,
    pub group_id: gst::GroupId,
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
    pub asked_for_pair: Option<Instant>,
    pub channel: Option<WebRTCDataChannel>,
    pub tracks: Vec<Track>,
    /// Pads that webrtcbin has added and that are not exposed yet; blocked.
    pub waiting_pads: Vec<WaitingPad>,
    pub pads: Pads,
    /// As its pads announce them.
    pub streams: Streams,
    /// The m-lines for media of the newest offer.
    pub promised: Vec<offer::Track>,
    /// The newest offer, as webrtcbin was given it.
    pub offer: Option<SDPMessage>,
    /// How it numbers its packets for the feedback that it wants.
    pub numbered: Vec<congestion::Numbered>,
    /// By SSRC.
    pub jitterbuffers: Vec<(u32, glib::WeakRef<gst::Element>)>,
    /// Where its media belongs.
    pub timeline: SharedTimeline,
    ssrcs: SharedSsrcs,
    pub bundle: Order,
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

pub(crate) struct WaitingPad {
    pub pad: gst::Pad,
    pub block: gst::PadProbeId,
    /// Until when a pad of the same name may take to go.
    pub deadline: Instant,
    pub since: Instant,
}

pub(crate) struct Ending {
    not_before: Instant,
    deadline: Instant,
    at_the_latest: Instant,
    /// What the consumers had taken when that was looked at last.
    taken: u64,
    closing: Option<Closing>,
}

/// What webrtcbin's thread does before it is stopped.
struct Closing {
    deadline: Instant,
    /// webrtcbin's thread has done so.
    done: Arc<AtomicBool>,
}

impl Session {
    pub(crate) fn open(
        bin: &gst::Bin,
        id: SessionId,
        peer: Peer,
        transport: &Transport<'_>,
        reports: &Reports,
    ) -> Result<Self, glib::BoolError> {
        let (timeline, ssrcs, bundle) = <(SharedTimeline, SharedSsrcs, Order)>::default();
        let known = webrtcbin::Known {
            timeline: &timeline,
            ssrcs: &ssrcs,
            bundle: &bundle,
        };
        let webrtcbin = webrtcbin::make(&element_prefix(id), id, transport, known, reports)?;
        let heard = Heard::listen(&webrtcbin);
        // Also while the pipeline is paused: a paused element serves no sockets.
        webrtcbin.set_locked_state(true);
        bin.add(&webrtcbin)?;
        if webrtcbin.set_state(gst::State::Playing).is_err() {
            remains::stop(&webrtcbin);
            remains::take_out(&webrtcbin, bin);
            return Err(glib::bool_error!("webrtcbin does not start"));
        }
        Ok(Self {
            id,
            stream: peer.stream,
            number: peer.number,
            label: peer.label,
            group_id: gst::GroupId::next(),
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
            asked_for_pair: None,
            channel: None,
            tracks: Vec::new(),
            waiting_pads: Vec::new(),
            pads: Pads::default(),
            streams: Streams::default(),
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

    /// Narrows an offer and hands it to webrtcbin, which reports [`Command::RemoteSet`].
    /// Returns the refused codecs that the user should know of.
    pub(crate) fn set_remote_offer(
        &mut self,
        sdp: &str,
        screen_mids: &[String],
        wish: &Wish,
        reports: &Reports,
    ) -> Result<Vec<String>, String> {
        self.timeline.note_offer(sdp);
        for candidate in sdp.lines().filter(|line| line.starts_with("a=candidate:")) {
            self.connectivity.add_remote(candidate);
        }
        let mut sdp = SDPMessage::parse_buffer(sdp.as_bytes())
            .map_err(|error| format!("its offer cannot be read: {error}"))?;
        let agreed = &self.promised;
        let promised = offer::narrow(&mut sdp, screen_mids, wish, agreed, Codec::is_available);
        let named = ssrcs::take_named(&mut sdp);
        let another_codec = promised.iter().any(|track| track.replaces(agreed));
        if another_codec || self.ssrcs.are_replaced_by(&named) {
            return Err("it sends other media in the place of a track".into());
        }
        self.bundle.change_offer(&mut sdp, &promised, &named);
        self.promised = promised;
        self.numbered = congestion::offered(&sdp);
        self.offer = Some(sdp.clone());
        let description = WebRTCSessionDescription::new(WebRTCSDPType::Offer, sdp);
        let (id, reports, ssrcs) = (self.id, reports.clone(), self.ssrcs.clone());
        let promise = gst::Promise::with_change_func(move |reply| {
            let outcome = outcome(reply);
            if outcome.is_ok() {
                ssrcs.offered(named);
            }
            reports.command(Command::RemoteSet {
                session: id,
                outcome,
            });
        });
        self.webrtcbin
            .emit_by_name::<()>("set-remote-description", &[&description, &promise]);
        Ok(self
            .promised
            .iter()
            .filter_map(|track| match &track.codec {
                Err(Refusal::NoCodec(offered)) => Some(format!(
                    "its {} is not received: of the codecs that it offers, {}",
                    track.kind.as_str(),
                    reasons(offered)
                )),
                _ => None,
            })
            .collect())
    }

    /// Asks webrtcbin for the answer, which comes as [`Command::Answer`].
    pub(crate) fn create_answer(&self, reports: &Reports) {
        let (id, reports) = (self.id, reports.clone());
        let promise = gst::Promise::with_change_func(move |reply| {
            let outcome = match reply {
                Ok(Some(reply)) => reply
                    .get::<WebRTCSessionDescription>("answer")
                    .map_err(|_| error_of(reply)),
                _ => Err("webrtcbin gave no answer".into()),
            };
            reports.command(Command::Answer {
                session: id,
                outcome,
            });
        });
        self.webrtcbin
            .emit_by_name::<()>("create-answer", &[&None::<gst::Structure>, &promise]);
    }

    /// Hands webrtcbin its answer, which reports [`Command::LocalSet`] with `sent`, the same answer
    /// as the publisher is to have it.
    pub(crate) fn set_local_answer(&self, answer: &SDPMessageRef, sent: String, reports: &Reports) {
        let mut answer = answer.to_owned();
        self.bundle.change_answer(&mut answer);
        let answer = WebRTCSessionDescription::new(WebRTCSDPType::Answer, answer);
        let (id, reports) = (self.id, reports.clone());
        let promise = gst::Promise::with_change_func(move |reply| {
            reports.command(Command::LocalSet {
                session: id,
                outcome: outcome(reply).map(|()| sent),
            });
        });
        self.webrtcbin
            .emit_by_name::<()>("set-local-description", &[&answer, &promise]);
    }

    pub(crate) fn add_candidate(&mut self, sdp_mline_index: u32, candidate: &str) {
        self.connectivity.add_remote(candidate);
        let line = self.bundle.translate(sdp_mline_index);
        self.webrtcbin
            .emit_by_name::<()>("add-ice-candidate", &[&line, &candidate]);
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
    pub(crate) fn end(&mut self, now: Instant, reason: &str, keeps_pads: bool) {
        if self.ending.is_some() {
            return;
        }
        self.keeps_pads = keeps_pads;
        self.ending = Some(Ending::new(now));
        let words = self.tracks.iter();
        let words: Vec<_> = words.map(|t| stats::last_words(self, t, reason)).collect();
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
        let is_out = |track: &Track| track.eos_left || track.drained;
        let drained = self.tracks.iter().all(is_out);
        closed && drained || ending.is_overdue(now, taken)
    }

    /// What has to be taken apart, once EOS has left, or when the element stops.
    pub(crate) fn into_remains(mut self) -> Remains {
        let (tracks, kept) = match self.keeps_pads {
            true => (Vec::new(), std::mem::take(&mut self.tracks)),
            false => (std::mem::take(&mut self.tracks), Vec::new()),
        };
        Remains {
            session: Some(self.id),
            stream: self.stream,
            group_id: self.group_id,
            webrtcbin: Some(self.webrtcbin),
            tracks,
            kept,
        }
    }

    /// What has changed since the last look.
    pub(crate) fn poll_news(&mut self, now: Instant) -> [Option<Event>; 3] {
        let media = self.poll_media(now);
        [media, self.poll_pulse(now), self.poll_voice(now)]
    }

    /// Media that began, stopped or came back.
    fn poll_media(&mut self, now: Instant) -> Option<Event> {
        let newest = self
            .tracks
            .iter()
            .filter_map(|t| t.exit.last_arrival())
            .max()?;
        let flowing = now.saturating_duration_since(newest) < STALL;
        if flowing == self.flowing {
            return None;
        }
        self.flowing = flowing;
        let session = self.id;
        Some(match flowing {
            true => Event::MediaFlowing { session },
            false => Event::MediaStalled { session },
        })
    }
}

impl Ending {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            not_before: now + BYE_TIME,
            deadline: now + DRAIN_TIMEOUT,
            at_the_latest: now + LONGEST_DRAIN,
            taken: 0,
            closing: None,
        }
    }

    /// Closes the channel, whose SCTP elements are not safe against being stopped while webrtcbin's
    /// own thread closes it because the publisher did; and lets that thread end what it has to do:
    /// one that is stopped while it applies a description may deadlock (1.22). True once that
    /// had its time.
    fn close(
        &mut self,
        now: Instant,
        channel: Option<&WebRTCDataChannel>,
        webrtcbin: &gst::Element,
    ) -> bool {
        let closing = self.closing.get_or_insert_with(|| {
            // One that the publisher has not emptied closes only when its elements stop.
            if let Some(channel) = channel.filter(|channel| channel.buffered_amount() == 0) {
                channel.close();
            }
            let done = Arc::new(AtomicBool::new(false));
            let is_done = done.clone();
            // That thread does one thing after the other: a request now is answered afterwards.
            let answer = gst::Promise::with_change_func(move |_| is_done.store(true, Relaxed));
            webrtcbin.emit_by_name::<()>("get-stats", &[&None::<gst::Pad>, &answer]);
            let deadline = now + CLOSE_TIME;
            Closing { deadline, done }
        });
        closing.done.load(Relaxed) || now >= closing.deadline
    }

    /// Whether the consumers, which have `taken` this number of buffers, stand still.
    pub(crate) fn is_overdue(&mut self, now: Instant, taken: u64) -> bool {
        if taken > self.taken {
            self.taken = taken;
            self.deadline = self.at_the_latest.min(now + DRAIN_TIMEOUT);
        }
        now >= self.deadline
    }
}
