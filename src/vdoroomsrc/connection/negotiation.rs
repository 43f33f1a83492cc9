// SPDX-License-Identifier: MPL-2.0
//! Offers and answers between a publisher and the connection of its session.

use gst::prelude::*;
use gst_sdp::SDPMessage;

use super::link::OTHER_MEDIA;
use super::sdp::{Promised, Refusal, narrow};
use super::session::Session;
use crate::vdoroomsrc::media::{Codec, reasons};
use crate::vdoroomsrc::reports::Reports;
use crate::vdoroomsrc::settings::Wish;

impl Session {
    /// Narrows an offer and hands it to the connection, which reports the steps of the negotiation.
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
        if promised.iter().any(|track| track.replaces(agreed)) {
            return Err(OTHER_MEDIA.into());
        }
        self.link.offer(sdp, &promised, reports)?;
        self.need_keyframes_of(&promised);
        self.promised = promised;
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

    pub(crate) fn add_candidate(&mut self, sdp_mline_index: u32, candidate: &str) {
        self.connectivity.add_remote(candidate);
        self.link.candidate(sdp_mline_index, candidate);
    }
}
