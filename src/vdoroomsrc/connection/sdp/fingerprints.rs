// SPDX-License-Identifier: MPL-2.0
//! Fingerprints of certificates in offers, as webrtcbin wants them.
//!
//! From 1.28.5 on it compares the first of an m-line, or else of the session, with the certificate that
//! a publisher shows. It knows the hash function in lower case and the digits in upper case only, and no
//! SHA-384; media of an m-line without one does not come. Bundled m-lines may leave theirs to the first
//! (RFC 8843 section 7.1.3).

use gst_sdp::{SDPMediaRef, SDPMessageRef};

use super::attributes::remove_attributes;

const FINGERPRINT: &str = "fingerprint";

pub(crate) fn complete(offer: &mut SDPMessageRef) {
    let of_all = of_session(offer);
    if !of_all.is_empty() {
        while let Some(index) = (0..offer.attributes_len()).find(|i| is_fingerprint(offer, *i)) {
            // The index was found just now.
            let _ = offer.remove_attribute(index);
        }
        for value in &of_all {
            offer.add_attribute(FINGERPRINT, Some(value));
        }
    }
    let mut lines = offer.medias().filter(|media| media.port() != 0);
    let first = lines.find_map(of_line).unwrap_or_default();
    for media in offer.medias_mut() {
        let own = of_line(media).or_else(|| of_all.is_empty().then(|| first.clone()));
        let Some(own) = own else { continue };
        remove_attributes(media, |key, _| key == FINGERPRINT);
        for value in own {
            media.add_attribute(FINGERPRINT, Some(&value));
        }
    }
}

fn is_fingerprint(offer: &SDPMessageRef, index: u32) -> bool {
    let attribute = offer.attribute(index);
    attribute.is_some_and(|attribute| attribute.key() == FINGERPRINT)
}

fn of_session(offer: &SDPMessageRef) -> Vec<String> {
    let own = offer.attributes().filter(|a| a.key() == FINGERPRINT);
    in_order(own.filter_map(|a| a.value()))
}

/// `None` if the m-line has none of its own.
fn of_line(media: &SDPMediaRef) -> Option<Vec<String>> {
    let own = media.attributes().filter(|a| a.key() == FINGERPRINT);
    let own = in_order(own.filter_map(|a| a.value()));
    (!own.is_empty()).then_some(own)
}

/// In the form that webrtcbin knows, and the one first that it can compare.
fn in_order<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut values: Vec<_> = values.map(in_form).collect();
    values.sort_by_key(|value| !value.starts_with("sha-256 "));
    values
}

fn in_form(value: &str) -> String {
    match value.split_once(' ') {
        Some((function, digits)) => {
            let (function, digits) = (function.to_ascii_lowercase(), digits.to_ascii_uppercase());
            format!("{function} {digits}")
        }
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use gst_sdp::SDPMessage;

    use super::*;

    fn completed(session: &str, [first, second]: [&str; 2]) -> String {
        gst::init().unwrap();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{session}\
             m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n{first}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{second}"
        );
        let mut sdp = SDPMessage::parse_buffer(sdp.as_bytes()).unwrap();
        complete(&mut sdp);
        sdp.as_text().unwrap()
    }

    const LOWER: &str = "a=fingerprint:sha-256 ab:01\r\n";
    const UPPER: &str = "a=fingerprint:sha-256 AB:01\r\n";

    #[test]
    fn each_m_line_has_one_in_upper_case() {
        for lines in [[LOWER, ""], ["", LOWER], [LOWER, LOWER]] {
            let text = completed("", lines);
            assert_eq!(text.matches(UPPER).count(), 2, "{text}");
            assert_eq!(text.matches("fingerprint").count(), 2, "{text}");
        }
    }

    #[test]
    fn one_of_the_session_is_for_all() {
        for given in [UPPER, LOWER] {
            let text = completed(given, ["", ""]);
            assert_eq!(text.matches("fingerprint").count(), 1, "{text}");
            assert_eq!(text.matches(UPPER).count(), 1, "{text}");
        }
    }

    #[test]
    fn the_one_that_can_be_compared_comes_first() {
        let both = "a=fingerprint:sha-384 cd:02\r\na=fingerprint:SHA-256 ab:01\r\n";
        let text = completed("", [both, ""]);
        let ordered = format!("{UPPER}a=fingerprint:sha-384 CD:02\r\n");
        assert_eq!(text.matches(&ordered).count(), 2, "{text}");
    }

    #[test]
    fn what_is_no_fingerprint_stays() {
        let text = completed("", ["a=fingerprint:x\r\n", ""]);
        assert_eq!(text.matches("a=fingerprint:x\r\n").count(), 2, "{text}");
    }
}
