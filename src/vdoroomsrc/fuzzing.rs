// SPDX-License-Identifier: MPL-2.0
//! What is done to an offer before webrtcbin sees it. Only fuzzers and tests come in here.

use gst_sdp::SDPMessage;

use super::offer::{Wish, narrow};

/// An offer, as far as a room lets it pass.
pub fn narrowing(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    if !text.starts_with("v=0") || text.contains('\0') {
        return Ok(());
    }
    let Ok(mut sdp) = SDPMessage::parse_buffer(text.as_bytes()) else {
        return Ok(());
    };
    let wish = Wish {
        audio: true,
        video: true,
        screen: true,
        video_codecs: Vec::new(),
        audio_codecs: Vec::new(),
        retransmission: true,
    };
    let tracks = narrow(&mut sdp, &["1".to_owned()], &wish, |_| true);
    if sdp.as_text().is_err() {
        return Err("a narrowed offer cannot be written".to_owned());
    }
    match tracks.len() <= sdp.medias().count() {
        true => Ok(()),
        false => Err("there are more tracks than m-lines".to_owned()),
    }
}
