// SPDX-License-Identifier: MPL-2.0
//! What webrtcbin's answers lack (GStreamer 1.22).
//!
//! It accepts `transport-cc` without the header extension that numbers the packets. Then nothing can
//! be reported, and a browser raises its bitrate slowly and lowers it only when packets are lost.
//! And it leaves out `profile-level-id`, which means Constrained Baseline (RFC 6184 section 8.1):
//! an encoder of Main or High would have to do without.

use gst_sdp::{SDPMediaRef, SDPMessage, SDPMessageRef};

use super::offer::{fmtp, has_attribute, remove_attributes};

const TRANSPORT_WIDE_CC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// Completes an answer by what the offer, as webrtcbin was given it, says of the same m-lines.
/// webrtcbin has to be given it in this form: it sends reports only of what its own description
/// numbers, while a browser that gets none throttles itself to 30 kbit/s.
pub(super) fn complete(answer: &mut SDPMessage, offer: &SDPMessageRef) {
    for (answered, offered) in answer.medias_mut().zip(offer.medias()) {
        if answered.port() == 0 || has_attribute(answered, "inactive") {
            continue;
        }
        accept_transport_wide_cc(answered, offered);
        if answered.media() == Some("video") {
            repeat_format(answered, offered);
        }
    }
}

fn accept_transport_wide_cc(answered: &mut SDPMediaRef, offered: &SDPMediaRef) {
    let extensions = offered.attributes().filter(|a| a.key() == "extmap");
    let line = extensions
        .filter_map(|extension| extension.value())
        .find(|value| value.contains(TRANSPORT_WIDE_CC));
    let is_there = answered
        .attributes()
        .any(|a| a.key() == "extmap" && a.value().is_some_and(|v| v.contains(TRANSPORT_WIDE_CC)));
    // RFC 8285 section 6: the direction is the sender's, and what was offered without stays so.
    let id = line.and_then(|line| line.split([' ', '/']).next());
    if let Some(id) = id.filter(|_| !is_there) {
        answered.add_attribute("extmap", Some(&format!("{id} {TRANSPORT_WIDE_CC}")));
    }
}

/// Adds the parameters of the chosen codecs that are in the offer alone.
fn repeat_format(answered: &mut SDPMediaRef, offered: &SDPMediaRef) {
    let payloads: Vec<u8> = answered.formats().filter_map(|f| f.parse().ok()).collect();
    for payload in payloads {
        let own = fmtp(answered, payload).unwrap_or_default();
        let name = |parameter: &str| {
            parameter
                .split('=')
                .next()
                .map(str::trim)
                .map(str::to_owned)
        };
        let known: Vec<_> = own.split(';').map(name).collect();
        let asked = fmtp(offered, payload).unwrap_or_default();
        let missing = asked.split(';').filter(|p| !known.contains(&name(p)));
        let all: Vec<&str> = own
            .split(';')
            .chain(missing)
            .map(str::trim)
            .filter(|parameter| !parameter.is_empty())
            .collect();
        if all.is_empty() {
            continue;
        }
        let value = format!("{payload} {}", all.join(";"));
        let line = format!("{payload} ");
        remove_attributes(answered, |key, value| {
            key == "fmtp" && value.starts_with(&line)
        });
        answered.add_attribute("fmtp", Some(&value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "v=0\r\no=- 1 3 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 116 117\r\na=rtpmap:116 H264/90000\r\n\
        a=rtpmap:117 rtx/90000\r\na=fmtp:117 apt=116\r\n";

    fn completed(answer: &str, offer: &str) -> String {
        gst::init().unwrap();
        let parse =
            |lines: &str| SDPMessage::parse_buffer(format!("{HEAD}{lines}").as_bytes()).unwrap();
        let mut answer = parse(answer);
        for _ in 0..2 {
            complete(&mut answer, &parse(offer));
        }
        answer.as_text().unwrap()
    }

    const OFFER: &str = "a=extmap:2 urn:ietf:params:rtp-hdrext:toffset\r\n\
        a=extmap:4/sendrecv http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
        a=fmtp:116 packetization-mode=1;profile-level-id=4d001f\r\n";

    #[test]
    fn an_answer_gets_the_extension_and_the_profile() {
        let text = completed("a=fmtp:116 packetization-mode=1\r\na=recvonly\r\n", OFFER);
        for line in [
            format!("a=extmap:4 {TRANSPORT_WIDE_CC}\r\n").as_str(),
            "a=fmtp:116 packetization-mode=1;profile-level-id=4d001f\r\n",
            "a=fmtp:117 apt=116\r\n",
        ] {
            assert!(text.contains(line), "no {line} in {text}");
        }
        assert!(!text.contains("toffset"), "{text}");
        assert_eq!(text.matches("extmap").count(), 1, "{text}");
    }

    #[test]
    fn what_is_refused_or_not_offered_gets_nothing() {
        let refused = completed("a=inactive\r\n", OFFER);
        assert!(!refused.contains("extmap"), "{refused}");
        let plain = completed("a=recvonly\r\n", "");
        assert!(
            !plain.contains("extmap") && !plain.contains("fmtp:116"),
            "{plain}"
        );
    }
}
