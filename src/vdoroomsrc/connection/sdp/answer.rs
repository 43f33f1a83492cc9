// SPDX-License-Identifier: MPL-2.0
//! What webrtcbin leaves out of its answers, and what is asked for in them.

use gst_sdp::{SDPMessage, SDPMessageRef};

use super::extensions::Numbered;
use super::{extensions, formats, offer, reduced, simulcast};

/// The answer as webrtcbin is to take it for its own, and as the publisher is to have it.
pub(crate) fn complete(
    answer: &SDPMessageRef,
    offer: Option<&SDPMessage>,
    numbered: &[Numbered],
    audio_bitrate: u32,
) -> (SDPMessage, SDPMessage) {
    let mut sent = answer.to_owned();
    extensions::accept(&mut sent, numbered);
    if let Some(offer) = offer {
        reduced::accept(&mut sent, offer);
    }
    // rtpsession and depayloaders look for these in what webrtcbin takes for its own.
    let own = sent.clone();
    if let Some(offer) = offer {
        formats::repeat(&mut sent, offer);
        simulcast::ask_for_largest(&mut sent, offer);
    }
    offer::ask_for_stereo(&mut sent, audio_bitrate);
    (own, sent)
}

/// A complete answer, with stereo audio asked for.
#[cfg(feature = "native")]
pub(crate) fn with_stereo(answer: &str, audio_bitrate: u32) -> Result<String, String> {
    let told = |error: gst::glib::BoolError| format!("the answer cannot be written: {error}");
    let mut answer = SDPMessage::parse_buffer(answer.as_bytes()).map_err(told)?;
    offer::ask_for_stereo(&mut answer, audio_bitrate);
    answer.as_text().map_err(told)
}
