// SPDX-License-Identifier: MPL-2.0
//! Which SSRCs an offer names.

use gst_sdp::SDPMessage;

use super::attributes::remove_attributes;

/// SSRCs that an offer names, and the index of the m-line that does.
pub(crate) type Named = Vec<(u32, u32)>;

/// The SSRCs of an offer, as webrtcbin reads them. What it could read otherwise is removed.
pub(crate) fn take_named(offer: &mut SDPMessage) -> Named {
    let ssrc = |value: &str| {
        let (ssrc, rest) = value.split_once(' ')?;
        let digits = ssrc.bytes().all(|byte| byte.is_ascii_digit());
        let ssrc = ssrc.parse::<u32>().ok().filter(|_| digits)?;
        Some((ssrc, rest.starts_with("cname:")))
    };
    let mut named = Named::new();
    for (line, media) in (0_u32..).zip(offer.medias_mut()) {
        remove_attributes(media, |key, value| key == "ssrc" && ssrc(value).is_none());
        let values = media
            .attributes()
            .filter(|attribute| attribute.key() == "ssrc");
        let values = values.filter_map(|attribute| ssrc(attribute.value()?));
        named.extend(
            values
                .filter(|(_, counts)| *counts)
                .map(|(ssrc, _)| (ssrc, line)),
        );
    }
    named
}

/// Whether an m-line of `newest`, which named SSRCs before, names none of them any more: an engine would
/// give out another pad beside the one that is there.
pub(crate) fn replaces(newest: &Named, before: &Named) -> bool {
    let of = |named: &Named, line: u32| -> Vec<u32> {
        let own = named.iter().filter(|(_, of)| *of == line);
        own.map(|(ssrc, _)| *ssrc).collect()
    };
    before.iter().any(|(_, line)| {
        let (old, new) = (of(before, *line), of(newest, *line));
        !new.is_empty() && !new.iter().any(|ssrc| old.contains(ssrc))
    })
}

/// What is known of SSRCs after `newest`: by the newest offer; of an m-line that names none, by the last
/// one that did. A medium that is not sent may begin again.
pub(crate) fn follow(before: Named, newest: Named) -> Named {
    let is_silent = |line: u32| newest.iter().all(|(_, of)| *of != line);
    let mut known = before;
    known.retain(|(_, line)| is_silent(*line));
    known.extend(newest);
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_names_ssrcs_for_webrtcbin_and_for_us_alike() {
        gst::init().unwrap();
        let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=ssrc:1 cname:x\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ssrc:2 msid:x y\r\na=ssrc:2 cname:x\r\n\
            a=ssrc:+3 cname:x\r\na=ssrc:4x cname:x\r\na=ssrc:5\r\na=ssrc:99999999999 cname:x\r\n";
        let mut offer = SDPMessage::parse_buffer(sdp.as_bytes()).unwrap();
        assert_eq!(take_named(&mut offer), vec![(1, 0), (2, 1)]);
        let left = offer.as_text().unwrap();
        assert_eq!(left.matches("a=ssrc:").count(), 3, "{left}");
    }
}
