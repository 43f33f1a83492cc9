// SPDX-License-Identifier: MPL-2.0

use super::line::Carries;
use super::offer::{Offer, Setup};
use super::{Ours, answer, extensions, transport};
use crate::event::{Kind, OfferError};

/// The m-lines of a browser, shortened.
pub(crate) const BROWSER: &str = "v=0\r\no=- 1 3 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    a=group:BUNDLE 0 1 2\r\na=msid-semantic: WMS\r\n\
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
    a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\n\
    a=fingerprint:sha-256 BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD\r\n\
    a=sctp-port:5000\r\na=max-message-size:262144\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96 97 108 109 118\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\n\
    a=candidate:1 1 udp 2113937151 192.0.2.1 50000 typ host generation 0\r\n\
    a=extmap:3 urn:3gpp:video-orientation\r\n\
    a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
    a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendrecv\r\na=rtcp-mux\r\na=rtcp-rsize\r\n\
    a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\n\
    a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
    a=rtpmap:108 H264/90000\r\na=fmtp:108 packetization-mode=1;profile-level-id=42e01f\r\n\
    a=rtpmap:109 rtx/90000\r\na=fmtp:109 apt=99\r\na=rtpmap:118 red/90000\r\n\
    a=ssrc-group:FID 1000 1001\r\na=ssrc:1000 cname:x\r\na=ssrc:1000 msid:a b\r\na=ssrc:1001 cname:x\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=msid:a c\r\n\
    a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
    a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendonly\r\na=rtcp-mux\r\n\
    a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=ssrc:2000 cname:x\r\n";

fn ours(retransmission: bool) -> Ours<'static> {
    Ours {
        session: 5,
        version: 2,
        user: "user",
        password: "password",
        fingerprint: "sha-256 AA",
        setup: Setup::Passive,
        max_message: 1000,
        retransmission,
    }
}

#[test]
fn an_offer_is_read_as_far_as_it_can_be_received() {
    let offer = Offer::read(BROWSER).unwrap();
    assert_eq!((offer.user.as_str(), offer.fingerprints.len()), ("abcd", 1));
    assert_eq!(offer.candidates.len(), 1);
    let [channels, video, audio] = &offer.lines[..] else {
        panic!("{offer:?}");
    };
    assert_eq!(channels.carries, Carries::Channels);
    assert_eq!(channels.max_message, Some(262_144));
    assert_eq!(video.carries, Carries::Media(Kind::Video));
    let payloads: Vec<u8> = video.formats.iter().map(|f| f.payload_type).collect();
    assert_eq!(
        payloads,
        [96, 97, 108],
        "what repeats nothing that is offered is of no use"
    );
    assert_eq!(video.formats[1].repairs, Some(96));
    assert_eq!(video.repairs, [(1000, 1001)]);
    assert_eq!(video.ssrcs, [1000, 1001]);
    assert_eq!(audio.formats[1].codec, "PCMU");
    assert!(video.sends && audio.sends);
}

#[test]
fn parameters_of_formats_and_names_of_tracks_are_read_as_they_are_offered() {
    let offer = Offer::read(BROWSER).unwrap();
    let (video, audio) = (&offer.lines[1], &offer.lines[2]);
    let opus = audio.format(111).unwrap();
    assert_eq!(opus.encoding_parameters.as_deref(), Some("2"));
    let parameters = opus.parameters.as_deref();
    assert_eq!(parameters, Some("minptime=10;useinbandfec=1"));
    assert_eq!(video.format(96).unwrap().encoding_parameters, None);
    assert_eq!((video.msid(1000), video.msid(1001)), (Some("a b"), None));
    assert_eq!(audio.msid(5), Some("a c"));
}

#[test]
fn the_level_of_audio_is_accepted_in_audio_only() {
    let everywhere = BROWSER.replace("urn:3gpp:video-orientation", extensions::AUDIO_LEVEL);
    let offer = Offer::read(&everywhere).unwrap();
    let numbers = |line: usize| {
        let accepted = offer.lines[line].accepted_extensions();
        accepted.map(|(id, _)| *id).collect::<Vec<u8>>()
    };
    assert_eq!(numbers(1), [4, 9]);
    assert_eq!(numbers(2), [1, 9]);
}

#[test]
fn libwebrtc_is_known_by_an_extension_of_its_own() {
    let mark = format!(
        "a=extmap:5/recvonly {}\r\na=sendonly",
        extensions::PLAYOUT_DELAY
    );
    assert!(!Offer::read(BROWSER).unwrap().is_libwebrtc);
    let marked = BROWSER.replace("a=sendonly", &mark);
    assert!(Offer::read(&marked).unwrap().is_libwebrtc);
}

#[test]
fn the_answer_takes_what_is_of_use() {
    let offer = Offer::read(BROWSER).unwrap();
    let text = answer(&offer, &ours(true));
    for part in [
        "o=- 5 2 IN",
        "a=group:BUNDLE 0 1 2",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
        "a=max-message-size:1000",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 108\r\n",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 nack\r\n",
        "a=rtcp-fb:96 transport-cc",
        "a=fmtp:97 apt=96",
        "a=extmap:9 urn",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n",
        "a=recvonly",
        "a=rtcp-rsize",
        "a=setup:passive",
    ] {
        assert!(text.contains(part), "\"{part}\" is not in {text}");
    }
    for part in ["orientation", "goog-remb", " red/", "sendonly"] {
        assert!(!text.contains(part), "\"{part}\" is in {text}");
    }
    let without = answer(&offer, &ours(false));
    assert!(without.contains("m=video 9 UDP/TLS/RTP/SAVPF 96 108\r\n"));
    assert!(!without.contains("nack\r\n") && without.contains("nack pli\r\n"));
}

#[test]
fn what_is_stopped_or_outside_of_the_group_is_refused() {
    let stopped = BROWSER
        .replace("m=video 9", "m=video 0")
        .replace("BUNDLE 0 1 2", "BUNDLE 0 1");
    let offer = Offer::read(&stopped).unwrap();
    let text = answer(&offer, &ours(true));
    assert!(text.contains("a=group:BUNDLE 0\r\n"), "{text}");
    assert!(text.contains("m=video 0 UDP/TLS/RTP/SAVPF 96 97 108 109 118\r\n"));
    assert!(text.contains("m=audio 0 "));
    let paused = BROWSER.replace("a=sendrecv", "a=inactive");
    let text = answer(&Offer::read(&paused).unwrap(), &ours(true));
    assert!(text.contains("m=video 9") && text.contains("a=inactive"));
}

#[test]
fn an_offer_that_lacks_something_is_none() {
    for (key, lacks) in [
        ("a=ice-ufrag", "ice-ufrag"),
        ("a=ice-pwd", "ice-pwd"),
        ("a=fingerprint", "fingerprint that is of use"),
    ] {
        let offer = Offer::read(&BROWSER.replace(key, "a=x"));
        assert_eq!(offer, Err(OfferError::Lacks(lacks)));
    }
    for text in [
        "",
        "v=0",
        "\0",
        "v=0\r\no=- 1 3 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
    ] {
        assert!(Offer::read(text).is_err(), "{text:?}");
    }
    let injected = BROWSER.replace("abcd", "ab cd");
    assert_eq!(Offer::read(&injected), Err(OfferError::Lacks("ice-ufrag")));
}

#[test]
fn str0m_is_offered_transport_and_channels() {
    let offer = Offer::read(BROWSER).unwrap();
    let text = transport(&offer, true);
    assert!(text.contains("m=application 9 UDP/DTLS/SCTP webrtc-datachannel"));
    assert!(text.contains("a=ice-ufrag:abcd") && !text.contains("VP8"));
    str0m::change::SdpOffer::from_sdp_string(&text).unwrap();
    let media_only = BROWSER.replace("m=application 9", "m=application 0");
    let text = transport(&Offer::read(&media_only).unwrap(), false);
    assert!(!text.contains("m=application"), "{text}");
    str0m::change::SdpOffer::from_sdp_string(&text).unwrap();
}

/// Its video has three layers.
fn simulcast() -> String {
    let layers = format!(
        "a=extmap:10 {}\r\na=rid:q send\r\na=rid:h send\r\na=rid:f send\r\n\
         a=simulcast:send q;h;f\r\na=rtcp-rsize",
        extensions::RID
    );
    BROWSER.replace("a=rtcp-rsize", &layers)
}

#[test]
fn only_the_largest_layer_of_simulcast_is_asked_for() {
    let offer = Offer::read(&simulcast()).unwrap();
    let text = answer(&offer, &ours(true));
    for part in [
        "a=rid:f recv\r\n",
        "a=simulcast:recv f\r\n",
        "a=extmap:10 urn",
    ] {
        assert!(text.contains(part), "\"{part}\" is not in {text}");
    }
    assert_eq!(text.matches("a=rid:").count(), 1);
}

#[test]
fn there_is_no_simulcast_where_layers_cannot_be_told_apart_or_nothing_is_sent() {
    for (what, instead) in [(extensions::RID, "x"), ("a=sendrecv", "a=inactive")] {
        let offer = Offer::read(&simulcast().replace(what, instead)).unwrap();
        let text = answer(&offer, &ours(true));
        assert!(!text.contains("a=rid") && !text.contains("a=simulcast"));
    }
}
