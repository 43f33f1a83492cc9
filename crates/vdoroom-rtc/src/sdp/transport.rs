// SPDX-License-Identifier: MPL-2.0
//! The offer that str0m gets: the transport and the data channels of the publisher's. Media is
//! negotiated and received beside it.

use super::offer::Offer;

/// Its m-line for a publisher without data channels: str0m takes no offer without one.
const NO_MEDIA: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:0 PCMU/8000\r\na=inactive\r\na=rtcp-mux\r\n";

/// `has_channels` stays true once it was: str0m takes no offer that has less than one before.
pub(crate) fn transport(offer: &Offer, has_channels: bool) -> String {
    let shared = format!(
        "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:{}\r\na=setup:{}\r\n",
        offer.user,
        offer.password,
        offer.fingerprint,
        offer.setup.as_str(),
    );
    let lite = if offer.is_lite { "a=ice-lite\r\n" } else { "" };
    let line = offer.channels();
    let (group, channels) = match has_channels {
        true => (
            "media channels",
            format!(
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n\
                 a=mid:channels\r\n{shared}a=sctp-port:{}\r\na=max-message-size:{}\r\n",
                line.and_then(|line| line.sctp_port).unwrap_or(5000),
                // RFC 8841 section 6.1: what is not said is 64 KiB.
                line.and_then(|line| line.max_message).unwrap_or(65_536),
            ),
        ),
        false => ("media", String::new()),
    };
    format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n{lite}a=group:BUNDLE {group}\r\n\
         {NO_MEDIA}a=mid:media\r\n{shared}{channels}"
    )
}
