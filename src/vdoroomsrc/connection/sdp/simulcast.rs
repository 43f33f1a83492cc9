// SPDX-License-Identifier: MPL-2.0
//! Simulcast (RFC 8853): a publisher is asked for its largest layer only.
//!
//! webrtcbin (1.22 to 1.28) answers without `a=simulcast`. Then a browser sends the first of its
//! layers (W3C WebRTC 1.0, section 4.4.1.5), which usually is the smallest.

use gst_sdp::{SDPMediaRef, SDPMessageRef};

use super::attributes::{has_attribute, remove_attributes};

/// Names of the largest layer, where it is not the last: `h`, `m` and `l` are high, medium and low,
/// while `q`, `h` and `f` are quarter, half and full.
const LARGEST: [&str; 4] = ["f", "full", "high", "hi"];
const HIGH: &str = "h";
const LOW: &str = "l";

/// What a layer may be limited to (RFC 8851 section 5), plainest first.
const LIMITS: [&str; 3] = ["max-width", "max-height", "max-fs"];

/// RFC 8852 section 3.3.
const EXTENSION: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";

/// Accepts one layer of each simulcast that `offer` has.
pub(super) fn ask_for_largest(answer: &mut SDPMessageRef, offer: &SDPMessageRef) {
    for (answered, offered) in answer.medias_mut().zip(offer.medias()) {
        if answered.media() != Some("video") || has_attribute(answered, "inactive") {
            continue;
        }
        // A browser takes no simulcast without the header extension that tells layers apart
        // (RFC 8853 section 5.5).
        if let (Some(rid), Some(extension)) = (largest(offered), extension(offered)) {
            remove_attributes(answered, |key, value| {
                matches!(key, "rid" | "simulcast") || is_extension(key, value)
            });
            answered.add_attribute("extmap", Some(&format!("{extension} {EXTENSION}")));
            answered.add_attribute("rid", Some(&format!("{rid} recv")));
            answered.add_attribute("simulcast", Some(&format!("recv {rid}")));
        }
    }
}

fn is_extension(key: &str, value: &str) -> bool {
    key == "extmap" && value.split_ascii_whitespace().nth(1) == Some(EXTENSION)
}

/// How the offer numbers the extension.
fn extension(offered: &SDPMediaRef) -> Option<u8> {
    let mut attributes = offered.attributes();
    let own = attributes.find(|a| is_extension(a.key(), a.value().unwrap_or_default()))?;
    let number = own.value()?.split([' ', '/']).next()?;
    number.parse().ok()
}

/// The largest layer of an m-line that offers several.
fn largest(offered: &SDPMediaRef) -> Option<String> {
    let rids = sent(offered.attribute_val("simulcast")?)?;
    if rids.len() < 2 {
        return None;
    }
    let by_name = |name: &&str| rids.iter().find(|rid| rid.eq_ignore_ascii_case(name));
    let high = || by_name(&LOW).and_then(|_| by_name(&HIGH));
    by_limits(offered, &rids)
        .or_else(|| LARGEST.iter().find_map(by_name))
        .or_else(high)
        // As browsers scale layers by themselves (W3C WebRTC 1.0, section 5.1, addTransceiver).
        .or_else(|| rids.last())
        .cloned()
}

/// A layer that is not limited is larger than all that are.
fn by_limits<'a>(offered: &SDPMediaRef, rids: &'a [String]) -> Option<&'a String> {
    LIMITS.iter().find_map(|limit| {
        let limits = rids.iter().map(|rid| limit_of(offered, rid, limit));
        let limits: Vec<u32> = limits.map(|limit| limit.unwrap_or(u32::MAX)).collect();
        let most = limits.iter().max()?;
        let is_alone = limits.iter().filter(|limit| *limit == most).count() == 1;
        let position = limits.iter().position(|limit| limit == most)?;
        rids.get(position).filter(|_| is_alone)
    })
}

/// The first alternative of each layer that is sent: `send q;h,h2;~f recv x` has `q`, `h` and `f`.
fn sent(simulcast: &str) -> Option<Vec<String>> {
    let mut words = simulcast.split_ascii_whitespace();
    words.by_ref().find(|word| *word == "send")?;
    let layers = words.next()?.split(';');
    let rids = layers.filter_map(|layer| {
        let rid = layer.split(',').next()?.trim_start_matches('~');
        // RFC 8852 section 3.
        let is_rid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (!rid.is_empty() && rid.bytes().all(is_rid)).then(|| rid.to_owned())
    });
    Some(rids.collect())
}

fn limit_of(offered: &SDPMediaRef, rid: &str, limit: &str) -> Option<u32> {
    let (_, own) = offered
        .attributes()
        .filter(|attribute| attribute.key() == "rid")
        .filter_map(|attribute| attribute.value()?.split_once(' '))
        .find(|(name, _)| *name == rid)?;
    let (_, limits) = own.split_once(' ')?;
    let value = limits.split(';').find_map(|l| l.trim().strip_prefix(limit));
    value?.strip_prefix('=')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use gst_sdp::SDPMessage;

    use super::super::tests;
    use super::*;

    fn message(attributes: &str) -> SDPMessage {
        tests::message(
            "video 9 UDP/TLS/RTP/SAVPF 96",
            &format!("a=mid:0\r\n{attributes}"),
        )
    }

    /// What the answer to an offer with these attributes accepts.
    fn accepted(offered: &str) -> Option<String> {
        let mut answer = message("a=recvonly\r\n");
        let extension = format!("a=extmap:10 {EXTENSION}\r\n");
        ask_for_largest(&mut answer, &message(&(extension + offered)));
        let media = answer.media(0).unwrap();
        let number = media.attribute_val("extmap")?.split(' ').next();
        assert_eq!(number, Some("10"));
        let rid = media.attribute_val("rid")?.strip_suffix(" recv")?;
        let simulcast = media.attribute_val("simulcast")?;
        assert_eq!(simulcast, format!("recv {rid}"));
        Some(rid.to_owned())
    }

    #[test]
    fn the_largest_layer_is_accepted_whatever_it_is_called() {
        for (offered, largest) in [
            ("q;h;f", "f"),
            ("f;h;q", "f"),
            ("h;m;l", "h"),
            ("low;mid;high", "high"),
            ("r0;r1;r2", "r2"),
            ("~q;h,x;1", "1"),
        ] {
            let offer = format!("a=simulcast:send {offered}\r\n");
            assert_eq!(accepted(&offer).as_deref(), Some(largest), "{offered}");
        }
    }

    #[test]
    fn limits_tell_more_than_names() {
        let offer = "a=rid:1 send max-width=1280;max-height=720\r\n\
            a=rid:2 send max-width=320\r\na=rid:f send max-width=640\r\n\
            a=simulcast:send 1;2;f\r\n";
        assert_eq!(accepted(offer).as_deref(), Some("1"));
    }

    #[test]
    fn one_layer_is_no_simulcast_and_nonsense_is_none() {
        for of in ["", "send f", "recv a;b", "send ;;", "send"] {
            assert_eq!(accepted(&format!("a=simulcast:{of}\r\n")), None, "{of}");
        }
    }
}
