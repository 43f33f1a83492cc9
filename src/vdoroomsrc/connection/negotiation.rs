// SPDX-License-Identifier: MPL-2.0
//! Offers and answers between a publisher and the webrtcbin of its session.

use gst::prelude::*;
use gst_sdp::{SDPMessage, SDPMessageRef};
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};

use super::session::Session;
use crate::vdoroomsrc::connection::sdp::{
    Promised, Refusal, complete, complete_fingerprints, narrow, offered, take_named,
};
use crate::vdoroomsrc::connection::webrtcbin::{error_of, outcome};
use crate::vdoroomsrc::media::{Codec, reasons};
use crate::vdoroomsrc::reports::{Command, Reports};
use crate::vdoroomsrc::settings::Wish;

impl Session {
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
        let promised = narrow(&mut sdp, screen_mids, wish, agreed, Codec::is_available);
        let named = take_named(&mut sdp);
        complete_fingerprints(&mut sdp);
        let another_codec = promised.iter().any(|track| track.replaces(agreed));
        if another_codec || self.ssrcs.are_replaced_by(&named) {
            return Err("it sends other media in the place of a track".into());
        }
        self.bundle.change_offer(&mut sdp, &promised, &named);
        self.need_keyframes_of(&promised);
        self.promised = promised;
        self.numbered = offered(&sdp);
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

    /// What begins again in an m-line where it had stopped may begin between two keyframes.
    fn need_keyframes_of(&mut self, promised: &[Promised]) {
        let is_sent = |tracks: &[Promised], mid: &str| {
            let track = tracks.iter().find(|track| track.mid == mid);
            track.map(|track| track.codec.is_ok())
        };
        for track in &mut self.tracks {
            let mid = track.pad.property::<Option<String>>("mid");
            let mid = mid.unwrap_or_default();
            if is_sent(&self.promised, &mid) == Some(false) && is_sent(promised, &mid) == Some(true)
            {
                track.keyframes.need();
            }
        }
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

    /// Completes webrtcbin's answer, and hands it over.
    pub(crate) fn take_answer(
        &self,
        answer: &SDPMessageRef,
        audio_bitrate: u32,
        reports: &Reports,
    ) -> Result<(), String> {
        let offer = self.offer.as_ref();
        let (own, sent) = complete(answer, offer, &self.numbered, audio_bitrate);
        let sent = sent.as_text();
        let sent = sent.map_err(|error| format!("the answer cannot be written: {error}"))?;
        self.set_local_answer(&own, sent, reports);
        Ok(())
    }

    pub(crate) fn add_candidate(&mut self, sdp_mline_index: u32, candidate: &str) {
        self.connectivity.add_remote(candidate);
        let line = self.bundle.translate(sdp_mline_index);
        self.webrtcbin
            .emit_by_name::<()>("add-ice-candidate", &[&line, &candidate]);
    }
}
