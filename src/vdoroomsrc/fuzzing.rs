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
    let before = sdp.medias_len();
    let tracks = narrow(&mut sdp, &["1".to_owned()], &wish, |_| true);
    let Ok(narrowed) = sdp.as_text() else {
        return Err("a narrowed offer cannot be written".to_owned());
    };
    let again = SDPMessage::parse_buffer(narrowed.as_bytes());
    if !again.is_ok_and(|again| again.medias_len() == before) {
        return Err("a narrowed offer has other m-lines".to_owned());
    }
    let formats = sdp.medias().map(|media| media.formats_len());
    match tracks.len() <= formats.count() {
        true => Ok(()),
        false => Err("there are more tracks than m-lines".to_owned()),
    }
}
