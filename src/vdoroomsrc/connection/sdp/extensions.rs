// SPDX-License-Identifier: MPL-2.0
//! Header extensions of RTP that answers accept; webrtcbin (1.22) leaves all of them out of its own.
//!
//! Feedback: a browser starts at 300 kbit/s. It probes for more only if it learns when each packet
//! arrived (transport-wide congestion control, draft-holmer-rmcat-transport-wide-cc-extensions-01);
//! without, it takes half a minute to reach full resolution, and stays low on a lossy network.
//! rtpsession sends that feedback once the extension that numbers the packets has been negotiated.
//!
//! Level: how loud a packet of audio is (RFC 6464). Depayloaders make a `GstAudioLevelMeta` of it.

use gst_sdp::{SDPMediaRef, SDPMessageRef};

const FEEDBACK: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
const LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// In which m-line of an offer an extension has which number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    mid: String,
    id: u8,
    extension: &'static str,
}

pub(crate) fn offered(offer: &SDPMessageRef) -> Vec<Numbered> {
    let numbered = |media: &SDPMediaRef, extension: &'static str| {
        Some(Numbered {
            mid: media.attribute_val("mid")?.to_owned(),
            id: number(media, extension)?,
            extension,
        })
    };
    let of = |media| [FEEDBACK, LEVEL].map(|extension| numbered(media, extension));
    offer.medias().flat_map(of).flatten().collect()
}

/// The number of an extension in an m-line (RFC 8285 section 5).
fn number(media: &SDPMediaRef, extension: &str) -> Option<u8> {
    let mapped = media.attributes().filter(|a| a.key() == "extmap");
    let mut ids = mapped.filter_map(|attribute| {
        let mut words = attribute.value()?.split_ascii_whitespace();
        let (id, uri) = (words.next()?, words.next()?);
        let id = id.split('/').next()?.parse().ok()?;
        // One byte holds no other.
        (uri == extension && (1..=14).contains(&id)).then_some(id)
    });
    ids.next()
}

/// Takes the extensions in each m-line of an answer that has a use for them.
pub(super) fn accept(answer: &mut SDPMessageRef, offered: &[Numbered]) {
    for media in answer.medias_mut() {
        let mid = media.attribute_val("mid").unwrap_or_default().to_owned();
        for Numbered { id, extension, .. } in offered.iter().filter(|o| o.mid == mid) {
            if is_used(media, extension) && number(media, extension).is_none() {
                media.add_attribute("extmap", Some(&format!("{id} {extension}")));
            }
        }
    }
}

/// Whether the feedback is promised, or there is audio whose level is of use.
fn is_used(media: &SDPMediaRef, extension: &str) -> bool {
    let promised = || {
        media.attributes().any(|attribute| {
            let value = attribute.value().unwrap_or_default();
            attribute.key() == "rtcp-fb" && value.ends_with(" transport-cc")
        })
    };
    match extension {
        LEVEL => media.media() == Some("audio"),
        _ => promised(),
    }
}

#[cfg(test)]
mod tests {
    use gst_sdp::SDPMessage;

    use super::super::tests;
    use super::*;

    fn message(lines: &str) -> SDPMessage {
        tests::message(
            "video 9 UDP/TLS/RTP/SAVPF 96",
            &format!("a=mid:v\r\n{lines}"),
        )
    }

    #[test]
    fn the_answer_numbers_the_extension_as_the_offer_did() {
        let offer = message(&format!(
            "a=extmap:2 urn:ietf:params:rtp-hdrext:toffset\r\na=extmap:4/sendonly {FEEDBACK}\r\n"
        ));
        let mut answer = message("a=rtcp-fb:96 transport-cc\r\n");
        accept(&mut answer, &offered(&offer));
        accept(&mut answer, &offered(&offer));
        let text = answer.as_text().unwrap();
        assert_eq!(text.matches("extmap").count(), 1, "{text}");
        assert!(
            text.contains(&format!("a=extmap:4 {FEEDBACK}\r\n")),
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
        let offer = format!("a=extmap:4 {FEEDBACK}\r\n");
        assert!(!with("a=rtcp-fb:96 nack\r\n", &offer));
        assert!(!with("a=rtcp-fb:96 transport-cc\r\n", ""));
        for bad in ["0", "15", "300", "x"] {
            let offer = format!("a=extmap:{bad} {FEEDBACK}\r\n");
            assert!(!with("a=rtcp-fb:96 transport-cc\r\n", &offer), "{bad}");
        }
    }

    #[test]
    fn levels_are_taken_of_audio() {
        let both = |lines: &str| {
            let text = message(lines).as_text().unwrap();
            let audio = text.replace("m=video", "m=audio");
            SDPMessage::parse_buffer(audio.as_bytes()).unwrap()
        };
        let offer = both(&format!("a=extmap:1 {LEVEL}\r\n"));
        let mut answer = both("");
        accept(&mut answer, &offered(&offer));
        let text = answer.as_text().unwrap();
        assert!(text.contains(&format!("a=extmap:1 {LEVEL}\r\n")), "{text}");
        let mut video = message("");
        let offer = message(&format!("a=extmap:1 {LEVEL}\r\n"));
        accept(&mut video, &offered(&offer));
        assert!(!video.as_text().unwrap().contains("extmap"));
    }
}
