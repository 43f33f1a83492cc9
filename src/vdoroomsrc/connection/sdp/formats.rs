// SPDX-License-Identifier: MPL-2.0
//! Parameters of codecs that webrtcbin leaves out of its answers.
//!
//! GStreamer 1.22 leaves out `profile-level-id`, which means Constrained Baseline (RFC 6184
//! section 8.1): an encoder with Main or High would not use them.

use gst_sdp::{SDPMediaRef, SDPMessageRef};

use super::attributes::{fmtp, has_attribute, remove_attributes};

/// Repeats what an offer, after narrowing, says of the video codecs of an answer.
pub(super) fn repeat(answer: &mut SDPMessageRef, offer: &SDPMessageRef) {
    for (answered, offered) in answer.medias_mut().zip(offer.medias()) {
        if answered.media() == Some("video") && !has_attribute(answered, "inactive") {
            complete(answered, offered);
        }
    }
}

fn complete(answered: &mut SDPMediaRef, offered: &SDPMediaRef) {
    let payloads: Vec<u8> = answered.formats().filter_map(|f| f.parse().ok()).collect();
    for payload in payloads {
        let own = parameters(answered, payload);
        let name = |parameter: &str| parameter.split('=').next().map(str::to_owned);
        let is_known = |parameter: &String| own.iter().any(|p| name(p) == name(parameter));
        let mut missing = parameters(offered, payload);
        missing.retain(|parameter| !is_known(parameter));
        if missing.is_empty() {
            continue;
        }
        let line = format!("{payload} {}", [own, missing].concat().join(";"));
        let prefix = format!("{payload} ");
        remove_attributes(answered, |key, value| {
            key == "fmtp" && value.starts_with(&prefix)
        });
        answered.add_attribute("fmtp", Some(&line));
    }
}

fn parameters(media: &SDPMediaRef, payload: u8) -> Vec<String> {
    let all = fmtp(media, payload).unwrap_or_default().split(';');
    let all = all.map(str::trim).filter(|parameter| !parameter.is_empty());
    all.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use gst_sdp::SDPMessage;

    use super::super::tests;
    use super::*;

    fn message(lines: &str) -> SDPMessage {
        tests::message("video 9 UDP/TLS/RTP/SAVPF 116 117", lines)
    }

    fn repeated(answer: &str, offer: &str) -> String {
        let mut answer = message(answer);
        repeat(&mut answer, &message(offer));
        answer.as_text().unwrap()
    }

    const OFFER: &str = "a=fmtp:116 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f\r\n\
         a=fmtp:117 apt=116\r\n";

    #[test]
    fn the_profile_that_was_offered_is_answered() {
        let text = repeated(
            "a=fmtp:116 packetization-mode=1;level-asymmetry-allowed=1\r\na=fmtp:117 apt=116\r\n",
            OFFER,
        );
        let line = "a=fmtp:116 packetization-mode=1;level-asymmetry-allowed=1;\
                    profile-level-id=4d001f\r\n";
        assert!(text.contains(line), "{text}");
        assert_eq!(text.matches("a=fmtp:").count(), 2, "{text}");
    }

    #[test]
    fn what_was_answered_stays_and_what_is_refused_gets_nothing() {
        let other = repeated("a=fmtp:116 profile-level-id=42e01f\r\n", OFFER);
        assert!(!other.contains("4d001f"), "{other}");
        let refused = repeated("a=inactive\r\n", OFFER);
        assert!(!refused.contains("fmtp"), "{refused}");
    }
}
