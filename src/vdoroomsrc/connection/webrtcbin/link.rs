// SPDX-License-Identifier: MPL-2.0
//! A webrtcbin as the connection of a session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_sdp::{SDPMessage, SDPMessageRef};
use gst_webrtc::{WebRTCDataChannel, WebRTCDataChannelState, WebRTCRTPTransceiver};
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};

use super::block::Block;
use super::channel::SharedChannel;
use super::closing::Closing;
use super::make::{Known, make};
use super::reply::{error_of, outcome, pair};
use super::ssrcs::SharedSsrcs;
use super::statistics::WebrtcNumbers;
use super::{abilities, states, transports, tuning};
use crate::protocol::{Abilities, SessionId};
use crate::vdoroomsrc::connection::alive::Heard;
use crate::vdoroomsrc::connection::link::{End, Link, Numbers, OTHER_MEDIA, Transport, start};
use crate::vdoroomsrc::connection::names::element_prefix;
use crate::vdoroomsrc::connection::sdp::{
    Numbered, Order, Promised, complete, complete_fingerprints, has_reduced_feedback, offered,
    take_named,
};
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::media::SharedTimeline;
use crate::vdoroomsrc::reports::{Command, Hold, Layer, Reports, Step};

/// How many bytes a publisher may leave unread on its channel before nothing more is sent there.
const MAX_UNREAD: u64 = 1 << 20;

pub(super) struct Webrtcbin {
    id: SessionId,
    webrtcbin: gst::Element,
    heard: Heard,
    ssrcs: SharedSsrcs,
    bundle: Order,
    channel: Arc<SharedChannel>,
    numbers: Arc<WebrtcNumbers>,
    audio_bitrate: u32,
    /// The newest offer, as webrtcbin was given it.
    offer: Option<SDPMessage>,
    /// How it numbers the header extensions that are of use.
    numbered: Vec<Numbered>,
    is_watched: bool,
    closing: Option<Closing>,
}

/// `ready` sees the webrtcbin before it is started.
pub(crate) fn open(
    bin: &gst::Bin,
    id: SessionId,
    transport: &Transport<'_>,
    timeline: &SharedTimeline,
    reports: &Reports,
    ready: impl FnOnce(&gst::Element),
) -> Result<Box<dyn Link>, glib::BoolError> {
    let (ssrcs, bundle) = <(SharedSsrcs, Order)>::default();
    let (channel, numbers) = <(Arc<SharedChannel>, Arc<WebrtcNumbers>)>::default();
    let known = Known {
        timeline,
        ssrcs: &ssrcs,
        bundle: &bundle,
        channel: &channel,
        numbers: &numbers,
    };
    let webrtcbin = make(&element_prefix(id), id, transport, known, reports)?;
    let heard = transports::listen(&webrtcbin);
    ready(&webrtcbin);
    start(&webrtcbin, bin)?;
    Ok(Box::new(Webrtcbin {
        id,
        webrtcbin,
        heard,
        ssrcs,
        bundle,
        channel,
        numbers,
        audio_bitrate: transport.audio_bitrate,
        offer: None,
        numbered: Vec::new(),
        is_watched: false,
        closing: None,
    }))
}

impl Webrtcbin {
    /// Asks for a step that webrtcbin's thread takes.
    fn ask(&self, signal: &str, what: &dyn ToValue, answer: &gst::Promise) {
        self.webrtcbin.emit_by_name::<()>(signal, &[what, answer]);
    }

    /// A promise whose reply is reported as a step.
    fn step(
        &self,
        reports: &Reports,
        step: impl FnOnce(Reply<'_>) -> Step + Send + 'static,
    ) -> gst::Promise {
        let (session, reports) = (self.id, reports.clone());
        gst::Promise::with_change_func(move |reply| {
            let step = step(reply);
            reports.command(Command::Negotiation { session, step });
        })
    }

    fn create_answer(&self, reports: &Reports) {
        let answer = self.step(reports, |reply| {
            Step::Description(match reply {
                Ok(Some(reply)) => reply
                    .get::<WebRTCSessionDescription>("answer")
                    .map_err(|_| error_of(reply)),
                _ => Err("webrtcbin gave no answer".into()),
            })
        });
        self.ask("create-answer", &None::<gst::Structure>, &answer);
    }

    /// Completes webrtcbin's answer, and hands it over. [`Step::Answered`] follows with the answer as
    /// the publisher is to have it.
    fn take_answer(&self, answer: &SDPMessageRef, reports: &Reports) -> Result<(), String> {
        let offer = self.offer.as_ref();
        let (mut own, sent) = complete(answer, offer, &self.numbered, self.audio_bitrate);
        let sent = sent.as_text();
        let sent = sent.map_err(|error| format!("the answer cannot be written: {error}"))?;
        let (webrtcbin, reduced) = (self.webrtcbin.downgrade(), has_reduced_feedback(&own));
        self.bundle.change_answer(&mut own);
        let own = WebRTCSessionDescription::new(WebRTCSDPType::Answer, own);
        let taken = self.step(reports, move |reply| {
            let outcome = outcome(reply);
            if let (Ok(()), Some(webrtcbin)) = (&outcome, webrtcbin.upgrade()) {
                tuning::reduce_feedback(&webrtcbin, reduced);
            }
            let refused = |reason| format!("webrtcbin does not take its own answer: {reason}");
            Step::Answered(outcome.map(|()| sent).map_err(refused))
        });
        self.ask("set-local-description", &own, &taken);
        Ok(())
    }

    fn transceiver(pad: &gst::Pad) -> Option<WebRTCRTPTransceiver> {
        pad.property("transceiver")
    }
}

type Reply<'a> = Result<Option<&'a gst::StructureRef>, gst::PromiseError>;

impl Link for Webrtcbin {
    fn element(&self) -> &gst::Element {
        &self.webrtcbin
    }

    fn abilities(&self) -> Abilities {
        abilities::abilities(&self.webrtcbin)
    }

    fn shares_thread(&self) -> bool {
        false
    }

    fn offer(
        &mut self,
        mut offer: SDPMessage,
        promised: &[Promised],
        reports: &Reports,
    ) -> Result<(), String> {
        let named = take_named(&mut offer);
        complete_fingerprints(&mut offer);
        if self.ssrcs.are_replaced_by(&named) {
            return Err(OTHER_MEDIA.into());
        }
        self.bundle.change_offer(&mut offer, promised, &named);
        self.numbered = offered(&offer);
        self.offer = Some(offer.clone());
        let offer = WebRTCSessionDescription::new(WebRTCSDPType::Offer, offer);
        let ssrcs = self.ssrcs.clone();
        let taken = self.step(reports, move |reply| {
            let outcome = outcome(reply);
            if outcome.is_ok() {
                ssrcs.offered(named);
            }
            Step::RemoteSet(outcome)
        });
        self.ask("set-remote-description", &offer, &taken);
        Ok(())
    }

    fn go_on(&mut self, step: Step, reports: &Reports) -> Result<(), String> {
        match step {
            Step::RemoteSet(outcome) => {
                outcome.map_err(|reason| format!("its offer is refused: {reason}"))?;
                self.create_answer(reports);
                Ok(())
            }
            Step::Description(answer) => {
                let answer =
                    answer.map_err(|reason| format!("no answer to its offer: {reason}"))?;
                self.take_answer(answer.sdp(), reports)
            }
            Step::Answered(_) => Ok(()),
        }
    }

    fn candidate(&mut self, sdp_mline_index: u32, candidate: &str) {
        let line = self.bundle.translate(sdp_mline_index);
        self.webrtcbin
            .emit_by_name::<()>("add-ice-candidate", &[&line, &candidate]);
    }

    /// The transport is there once the answer is. Its own threads may have been faster.
    fn watch(&mut self, reports: &Reports) -> Vec<(Layer, String)> {
        if self.is_watched {
            return Vec::new();
        }
        let Some(dtls) = transports::first(&self.webrtcbin) else {
            return Vec::new();
        };
        self.is_watched = true;
        states::watch(&dtls, self.id, reports)
    }

    fn certificate(&self, of: End<'_>) -> Option<Vec<u8>> {
        let transport = match of {
            End::Pad(pad) => Self::transceiver(pad)?.receiver()?.transport(),
            End::Channel => transports::of_channel(&self.webrtcbin),
            End::Handshake => transports::first(&self.webrtcbin),
        };
        transports::certificate(&transport?)
    }

    fn send(&self, text: &str) {
        let open =
            |channel: &WebRTCDataChannel| channel.ready_state() == WebRTCDataChannelState::Open;
        let Some(channel) = self.channel.get().filter(open) else {
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

    fn heard(&self) -> Instant {
        self.heard.newest()
    }

    /// The application may have set it, too.
    fn latency(&self) -> Duration {
        Duration::from_millis(self.webrtcbin.property::<u32>("latency").into())
    }

    /// It tells its jitterbuffers.
    fn set_latency(&mut self, latency: u32) {
        self.webrtcbin.set_property("latency", latency);
    }

    fn ask_for_numbers(&mut self, reports: &Reports) {
        let (session, reports) = (self.id, reports.clone());
        let numbers = self.numbers.clone();
        let promise = gst::Promise::with_change_func(move |reply| {
            let Ok(Some(reply)) = reply else { return };
            numbers.note(reply);
            if let Some((local, remote)) = pair(reply) {
                reports.command(Command::Pair {
                    session,
                    local,
                    remote,
                });
            }
        });
        self.ask("get-stats", &None::<gst::Pad>, &promise);
    }

    fn numbers(&self) -> Arc<dyn Numbers> {
        self.numbers.clone()
    }

    fn repair(&mut self, ssrcs: &[u32], pace: Option<Duration>) -> Option<u64> {
        // rtpjitterbuffer finds its own if there is none.
        let pace = pace.map_or(-1, |pace| pace.as_millis() as i32);
        let mut lost = 0;
        for jitterbuffer in self.numbers.jitterbuffers(ssrcs) {
            if !jitterbuffer.property::<bool>("do-retransmission") {
                return None;
            }
            jitterbuffer.set_property("rtx-retry-timeout", pace);
            let stats = jitterbuffer.property::<gst::Structure>("stats");
            lost += stats.get::<u64>("num-lost").unwrap_or(0);
        }
        Some(lost)
    }

    fn mid(&self, pad: &gst::Pad) -> Option<String> {
        Some(Self::transceiver(pad)?.mid()?.into())
    }

    fn msid(&self, pad: &gst::Pad) -> Option<String> {
        pad.property("msid")
    }

    fn hold(&self, pad: &gst::Pad) -> Option<Box<dyn Hold>> {
        Some(Box::new(Block::new(pad)?))
    }

    fn close(&mut self, now: Instant) -> bool {
        let begin = || Closing::begin(now, self.channel.get().as_ref(), &self.webrtcbin);
        let closing = self.closing.get_or_insert_with(begin);
        closing.is_over(now)
    }
}
