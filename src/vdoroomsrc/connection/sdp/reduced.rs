// SPDX-License-Identifier: MPL-2.0
//! RTCP feedback without a report before it (RFC 5506).
//!
//! webrtcbin (1.22 to 1.28) does not accept it in its answers. Then rtpsession sends a receiver report
//! and a source description for each packet of feedback: twice as many packets.

use gst_sdp::{SDPMediaRef, SDPMessageRef};

use super::attributes::has_attribute;

const REDUCED: &str = "rtcp-rsize";

/// Accepts it in each m-line of an answer whose offer has it.
pub(super) fn accept(answer: &mut SDPMessageRef, offer: &SDPMessageRef) {
    for (answered, offered) in answer.medias_mut().zip(offer.medias()) {
        if has_rtcp(answered)
            && has_attribute(offered, REDUCED)
            && !has_attribute(answered, REDUCED)
        {
            // Without a value, gst_sdp_media_attributes_to_caps reads through a null pointer (1.22).
            answered.add_attribute(REDUCED, Some(""));
        }
    }
}

/// Whether all media of an answer has it.
pub(crate) fn is_accepted(answer: &SDPMessageRef) -> bool {
    let mut media = answer.medias().filter(|media| has_rtcp(media));
    media.all(|media| has_attribute(media, REDUCED))
}

fn has_rtcp(media: &SDPMediaRef) -> bool {
    matches!(media.media(), Some("audio" | "video"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::message;
    use super::*;

    fn answered(line: &str, answer: &str, offer: &str) -> usize {
        let mut answer = message(line, answer);
        accept(&mut answer, &message(line, offer));
        answer
            .as_text()
            .unwrap()
            .matches("a=rtcp-rsize\r\n")
            .count()
    }

    #[test]
    fn what_the_offer_has_is_accepted_once() {
        let line = "video 9 UDP/TLS/RTP/SAVPF 96";
        let offer = "a=rtcp-mux\r\na=rtcp-rsize\r\n";
        assert_eq!(answered(line, "a=rtcp-mux\r\n", offer), 1);
        assert_eq!(answered(line, offer, offer), 1);
        assert_eq!(answered(line, "", "a=rtcp-mux\r\n"), 0);
    }

    #[test]
    fn all_media_must_have_it() {
        let lines = |second: &str| {
            let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
            let both = format!("a=rtcp-rsize\r\n{video}{second}");
            is_accepted(&message("audio 9 UDP/TLS/RTP/SAVPF 111", &both))
        };
        assert!(lines("a=rtcp-rsize\r\n"));
        assert!(!lines("a=rtcp-mux\r\n"));
    }

    #[test]
    fn a_data_channel_has_no_rtcp() {
        let line = "application 9 UDP/DTLS/SCTP webrtc-datachannel";
        assert_eq!(answered(line, "", "a=rtcp-rsize\r\n"), 0);
    }
}
