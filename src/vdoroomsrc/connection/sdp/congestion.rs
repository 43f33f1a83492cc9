// SPDX-License-Identifier: MPL-2.0
//! Feedback from which a publisher learns its available bandwidth.
//!
//! A browser starts at 300 kbit/s. It probes for more only if it learns when each packet arrived
//! (transport-wide congestion control, draft-holmer-rmcat-transport-wide-cc-extensions-01);
//! without, it takes half a minute to reach full resolution, and stays low on a lossy network.
//! rtpsession sends that feedback once the header extension that numbers the packets has been
//! negotiated; webrtcbin (1.22) leaves all extensions out of its answers.

use gst_sdp::{SDPMediaRef, SDPMessageRef};

const EXTENSION: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// In which m-line of an offer the extension has which number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    mid: String,
    id: u8,
}

pub(crate) fn offered(offer: &SDPMessageRef) -> Vec<Numbered> {
    let numbered = |media: &SDPMediaRef| {
        Some(Numbered {
            mid: media.attribute_val("mid")?.to_owned(),
            id: extension(media)?,
        })
    };
    offer.medias().filter_map(numbered).collect()
}

/// The number of the extension in an m-line (RFC 8285 section 5).
fn extension(media: &SDPMediaRef) -> Option<u8> {
    let mapped = media.attributes().filter(|a| a.key() == "extmap");
    let mut ids = mapped.filter_map(|attribute| {
        let mut words = attribute.value()?.split_ascii_whitespace();
        let (id, uri) = (words.next()?, words.next()?);
        let id = id.split('/').next()?.parse().ok()?;
        // One byte holds no other.
        (uri == EXTENSION && (1..=14).contains(&id)).then_some(id)
    });
    ids.next()
}

/// Takes the extension in each m-line of an answer that promises the feedback.
pub(super) fn accept(answer: &mut SDPMessageRef, offered: &[Numbered]) {
    for media in answer.medias_mut() {
        let promised = media.attributes().any(|attribute| {
            let value = attribute.value().unwrap_or_default();
            attribute.key() == "rtcp-fb" && value.ends_with(" transport-cc")
        });
        let mid = media.attribute_val("mid").unwrap_or_default();
        let id = offered.iter().find(|numbered| numbered.mid == mid);
        if promised
            && extension(media).is_none()
            && let Some(Numbered { id, .. }) = id
        {
            media.add_attribute("extmap", Some(&format!("{id} {EXTENSION}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use gst_sdp::SDPMessage;

    use super::*;

    fn message(lines: &str) -> SDPMessage {
        gst::init().unwrap();
        let sdp = format!(
            "v=0\r\no=- 1 3 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\n{lines}"
        );
        SDPMessage::parse_buffer(sdp.as_bytes()).unwrap()
    }

    #[test]
    fn the_answer_numbers_the_extension_as_the_offer_did() {
        let offer = message(&format!(
            "a=extmap:2 urn:ietf:params:rtp-hdrext:toffset\r\na=extmap:4/sendonly {EXTENSION}\r\n"
        ));
        let mut answer = message("a=rtcp-fb:96 transport-cc\r\n");
        accept(&mut answer, &offered(&offer));
        accept(&mut answer, &offered(&offer));
        let text = answer.as_text().unwrap();
        assert_eq!(text.matches("extmap").count(), 1, "{text}");
        assert!(
            text.contains(&format!("a=extmap:4 {EXTENSION}\r\n")),
            "{text}"
        );
    }

    #[test]
    fn what_was_not_offered_or_is_not_promised_is_left_out() {
        let with = |lines: &str, offer: &str| {
            let mut answer = message(lines);
            accept(&mut answer, &offered(&message(offer)));
            answer.as_text().unwrap().contains("extmap")
        };
        let offer = format!("a=extmap:4 {EXTENSION}\r\n");
        assert!(!with("a=rtcp-fb:96 nack\r\n", &offer));
        assert!(!with("a=rtcp-fb:96 transport-cc\r\n", ""));
        for bad in ["0", "15", "300", "x"] {
            let offer = format!("a=extmap:{bad} {EXTENSION}\r\n");
            assert!(!with("a=rtcp-fb:96 transport-cc\r\n", &offer), "{bad}");
        }
    }
}
