// SPDX-License-Identifier: MPL-2.0
//! Which media of an offer is accepted, and what the answer requests.
//!
//! webrtcbin answers with the first codec up to 1.26, and with every one from 1.28 on; a publisher may
//! then switch between them at any time (RFC 8829 section 5.3.1). So the offer is narrowed before webrtcbin
//! sees it: one codec and its RTX for each m-line, and no video orientation extension, so that
//! the sender turns the pixels itself (RFC 7742 section 4).

use std::collections::BTreeSet;

use gst_sdp::{SDPMediaRef, SDPMessage, SDPMessageRef};

use super::attributes::{encoding_name, fmtp, has_attribute, remove_attributes};
use crate::vdoroomsrc::media::{Codec, Kind};
use crate::vdoroomsrc::settings::Wish;

const ORIENTATION: &str = "urn:3gpp:video-orientation";
const DIRECTIONS: [&str; 4] = ["sendrecv", "sendonly", "recvonly", "inactive"];

/// One m-line for media of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Promised {
    pub mid: String,
    pub kind: Kind,
    /// The codec that was chosen, or why there is none.
    pub codec: Result<&'static str, Refusal>,
    /// Codec and payload type that are agreed on, also while the publisher sends nothing.
    pub agreed: Option<(&'static str, u8)>,
}

impl Promised {
    /// Whether an offer after `before` changes what its m-lines carry. webrtcbin would give out
    /// another pad beside the one that is there, or refuse the m-line, whose codec it has answered.
    pub(crate) fn replaces(&self, before: &[Self]) -> bool {
        let same = before.iter().find(|track| track.mid == self.mid);
        same.is_some_and(|track| self.codec.is_ok() && track.agreed != self.agreed)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The publisher does not send on this m-line.
    NotSent,
    /// The user does not want this kind.
    NotWanted,
    /// None of the offered codecs, which are listed, can be taken.
    NoCodec(Vec<String>),
}

/// Narrows `sdp` to the accepted media and returns that. What was `agreed` on before stays, as
/// long as it is offered, in whatever order.
pub(crate) fn narrow(
    sdp: &mut SDPMessageRef,
    screen_mids: &[String],
    wish: &Wish,
    agreed: &[Promised],
    available: impl Fn(&Codec) -> bool,
) -> Vec<Promised> {
    let mut tracks = Vec::new();
    for media in sdp.medias_mut() {
        let video = match media.media() {
            Some("video") => true,
            Some("audio") => false,
            _ => continue,
        };
        let mid = media.attribute_val("mid").unwrap_or_default().to_owned();
        let before = agreed.iter().find(|track| track.mid == mid);
        let is_open = media.port() != 0 || has_attribute(media, "bundle-only");
        let sends =
            is_open && !has_attribute(media, "recvonly") && !has_attribute(media, "inactive");
        let kind = match (before, screen_mids.contains(&mid), video) {
            // A screen that is not shared any more is not named as one.
            (Some(before), ..) if !sends => before.kind,
            (_, false, true) => Kind::Video,
            (_, false, false) => Kind::Audio,
            (_, true, true) => Kind::Screen,
            (_, true, false) => Kind::ScreenAudio,
        };
        // Also of what is not sent: it may begin later, with the codec that is answered now.
        let chosen = match is_open {
            true => choose(media, kind, wish, before, &available),
            false => Err(Refusal::NotSent),
        };
        if let Ok((_, payload)) = &chosen {
            keep_only(media, *payload, wish.retransmission);
        }
        match &chosen {
            _ if !sends => {}
            // GStreamer from 1.25.1 would answer "sendrecv" with the same.
            Ok(_) => set_direction(media, "sendonly"),
            // The ones beside it stay as they are.
            Err(_) => set_direction(media, "inactive"),
        }
        let chosen = chosen.map(|(codec, payload)| (codec.encoding_name, payload));
        let stays = before.and_then(|before| before.agreed).filter(|_| !sends);
        tracks.push(Promised {
            mid,
            kind,
            agreed: chosen.as_ref().ok().copied().or(stays),
            codec: match sends {
                true => chosen.map(|(codec, _)| codec),
                false => Err(Refusal::NotSent),
            },
        });
    }
    tracks
}

fn choose(
    media: &SDPMediaRef,
    kind: Kind,
    wish: &Wish,
    agreed: Option<&Promised>,
    available: impl Fn(&Codec) -> bool,
) -> Result<(&'static Codec, u8), Refusal> {
    let (wanted, preferences) = match kind {
        Kind::Video => (wish.video, &wish.video_codecs),
        Kind::Audio => (wish.audio, &wish.audio_codecs),
        Kind::Screen => (wish.screen, &wish.video_codecs),
        Kind::ScreenAudio => (wish.screen && wish.audio, &wish.audio_codecs),
    };
    if !wanted {
        return Err(Refusal::NotWanted);
    }
    // Each is looked for in all attributes: none is twice.
    let mut seen = BTreeSet::new();
    let offered: Vec<(u8, String)> = media
        .formats()
        .filter_map(|format| format.parse().ok())
        .filter(|payload| seen.insert(*payload))
        .filter_map(|payload| Some((payload, encoding_name(media, payload)?)))
        .collect();
    let usable: Vec<(&'static Codec, u8)> = offered
        .iter()
        .filter_map(|(payload, name)| Some((Codec::by_name(name)?, *payload)))
        .filter(|(codec, _)| codec.video == kind.is_video() && available(codec))
        .filter(|(codec, _)| {
            preferences.is_empty()
                || preferences
                    .iter()
                    .any(|name| codec.encoding_name.eq_ignore_ascii_case(name))
        })
        .collect();
    usable
        .into_iter()
        .min_by_key(|(codec, payload)| {
            let preference = preferences
                .iter()
                .position(|name| codec.encoding_name.eq_ignore_ascii_case(name));
            let is_agreed =
                agreed.is_some_and(|track| track.agreed == Some((codec.encoding_name, *payload)));
            // RFC 6184 section 6.2: mode 0 has one packet for each slice, browsers mean mode 1.
            let is_single = is_single_nal_h264(media, codec, *payload);
            (!is_agreed, preference, is_single)
        })
        .ok_or_else(|| Refusal::NoCodec(offered.into_iter().map(|(_, name)| name).collect()))
}

fn is_single_nal_h264(media: &SDPMediaRef, codec: &Codec, payload: u8) -> bool {
    codec.encoding_name == "H264"
        && fmtp(media, payload).is_none_or(|fmtp| !fmtp.contains("packetization-mode=1"))
}

fn keep_only(media: &mut SDPMediaRef, payload: u8, retransmission: bool) {
    let apt = format!("apt={payload}");
    let kept: Vec<u8> = media
        .formats()
        .filter_map(|format| format.parse().ok())
        .filter(|&other: &u8| {
            let is_rtx = encoding_name(media, other).as_deref() == Some("RTX")
                && fmtp(media, other).is_some_and(|fmtp| fmtp.split(';').any(|p| p.trim() == apt));
            other == payload || (retransmission && is_rtx)
        })
        .collect();
    let is_kept = |value: &str| {
        let of = value.split(' ').next().unwrap_or_default();
        of == "*" || of.parse().is_ok_and(|payload| kept.contains(&payload))
    };
    for index in (0..media.formats_len()).rev() {
        if !media.format(index).is_some_and(is_kept) {
            // The index was counted just now; there is nothing to be done if it does not exist.
            let _ = media.remove_format(index);
        }
    }
    remove_attributes(media, |key, value| match key {
        "rtpmap" | "fmtp" | "rtcp-fb" => !is_kept(value),
        "extmap" => value.contains(ORIENTATION),
        _ => false,
    });
}

/// webrtcbin copies m-lines that it rejects into its answer and reads them there
/// (`gst_sdp_media_attributes_to_caps`). Up to 1.24.11 that ends the process if an attribute has no value;
/// the parser gives an empty one to those without.
fn set_direction(media: &mut SDPMediaRef, direction: &str) {
    remove_attributes(media, |key, _| DIRECTIONS.contains(&key));
    media.add_attribute(direction, Some(""));
}

/// Asks for stereo Opus: a browser encodes one channel unless the answer says so (RFC 7587
/// section 7.1). The bitrate is for those that do not hear of it on the data channel.
pub(super) fn ask_for_stereo(answer: &mut SDPMessage, audio_bitrate: u32) {
    let bitrate = format!("maxaveragebitrate={}", u64::from(audio_bitrate) * 1000);
    let asked: &[&str] = match audio_bitrate {
        0 => &["stereo=1"],
        _ => &["stereo=1", &bitrate],
    };
    let is_replaced = |parameter: &str| {
        let name = parameter.split('=').next();
        asked.iter().any(|asked| asked.split('=').next() == name)
    };
    for media in answer.medias_mut() {
        let opus: Vec<u8> = media
            .formats()
            .filter_map(|format| format.parse().ok())
            .filter(|&payload| encoding_name(media, payload).as_deref() == Some("OPUS"))
            .collect();
        for payload in opus {
            let parameters: Vec<&str> = fmtp(media, payload)
                .unwrap_or_default()
                .split(';')
                .map(str::trim)
                .filter(|p| !p.is_empty() && !is_replaced(p))
                .chain(asked.iter().copied())
                .collect();
            let value = format!("{payload} {}", parameters.join(";"));
            let own = format!("{payload} ");
            remove_attributes(media, |key, value| key == "fmtp" && value.starts_with(&own));
            media.add_attribute("fmtp", Some(&value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The m-lines of a browser, shortened.
    const BROWSER: &str = "v=0\r\no=- 1 3 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97 104 107 108 109 98 99 118\r\na=mid:1\r\n\
        a=extmap:3 urn:3gpp:video-orientation\r\n\
        a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendrecv\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\n\
        a=fmtp:97 apt=96\r\na=rtpmap:104 H264/90000\r\n\
        a=fmtp:104 packetization-mode=0;profile-level-id=42001f\r\na=rtpmap:107 rtx/90000\r\n\
        a=fmtp:107 apt=104\r\na=rtpmap:108 H264/90000\r\n\
        a=fmtp:108 packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:109 rtx/90000\r\n\
        a=fmtp:109 apt=108\r\na=rtpmap:98 VP9/90000\r\na=rtpmap:99 rtx/90000\r\n\
        a=fmtp:99 apt=98\r\na=rtpmap:118 red/90000\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0\r\na=mid:2\r\na=sendrecv\r\n\
        a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
        a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n";

    fn wish() -> Wish {
        Wish {
            audio: true,
            video: true,
            screen: true,
            video_codecs: Vec::new(),
            audio_codecs: Vec::new(),
            audio_bitrate: 0,
            retransmission: true,
        }
    }

    fn narrowed(wish: &Wish, screen_mids: &[&str]) -> (SDPMessage, Vec<Promised>) {
        gst::init().unwrap();
        let mut sdp = SDPMessage::parse_buffer(BROWSER.as_bytes()).unwrap();
        let screen_mids: Vec<String> = screen_mids.iter().map(|mid| mid.to_string()).collect();
        let tracks = narrow(&mut sdp, &screen_mids, wish, &[], |_| true);
        (sdp, tracks)
    }

    #[test]
    fn a_codec_that_was_agreed_on_stays_while_it_is_offered_in_any_order() {
        let (_, agreed) = narrowed(&wish(), &[]);
        let again = |from: &str, to: &str| {
            let text = BROWSER.replace(from, to);
            let mut sdp = SDPMessage::parse_buffer(text.as_bytes()).unwrap();
            let tracks = narrow(&mut sdp, &[], &wish(), &agreed, |_| true);
            (formats(&sdp, 1), tracks)
        };
        let (kept, tracks) = again(" 96 97 104 107 108 109 98 99", " 98 99 108 109 96 97");
        assert_eq!(kept, ["96", "97"]);
        assert!(!tracks.iter().any(|track| track.replaces(&agreed)));
        let (changed, tracks) = again(" 96 97 104 107 108 109 98 99", " 98 99");
        assert_eq!(changed, ["98", "99"]);
        assert!(tracks.iter().any(|track| track.replaces(&agreed)));
    }

    #[test]
    fn what_is_not_sent_may_begin_with_what_was_agreed_on() {
        const SENDS: &str = "sdes:mid\r\na=sendrecv";
        let stopped = BROWSER.replace(SENDS, "sdes:mid\r\na=inactive");
        let offered = |text: &str, agreed: &[Promised]| {
            let mut sdp = SDPMessage::parse_buffer(text.as_bytes()).unwrap();
            let tracks = narrow(&mut sdp, &[], &wish(), agreed, |_| true);
            (sdp, tracks)
        };
        let (_, sent) = narrowed(&wish(), &["1"]);
        for agreed in [&sent[..], &[]] {
            let (sdp, silent) = offered(&stopped, agreed);
            assert_eq!(formats(&sdp, 1), ["96", "97"], "as it would be answered");
            assert!(has_attribute(sdp.media(1).unwrap(), "inactive"));
            assert_eq!(silent[0].codec, Err(Refusal::NotSent));
            assert_eq!(silent[0].agreed, Some(("VP8", 96)));
            // Who names a screen does so as long as it is shared.
            let kind = agreed.first().map_or(Kind::Video, |screen| screen.kind);
            assert_eq!(silent[0].kind, kind);
            let others = |text: &str| text.replace(" 96 97 104 107 108 109 98 99", " 98 99 96 97");
            let (sdp, again) = offered(&others(BROWSER), &silent);
            assert_eq!(formats(&sdp, 1), ["96", "97"]);
            assert!(!again[0].replaces(&silent));
            let gone = others(BROWSER).replace(" 96 97 118", " 118");
            let (_, another) = offered(&gone, &silent);
            assert!(another[0].replaces(&silent), "{another:?}");
        }
        let refused = BROWSER.replace("video 9", "video 0");
        let (sdp, tracks) = offered(&refused, &[]);
        assert_eq!(tracks[0].agreed, None);
        assert!(formats(&sdp, 1).len() > 2, "it is left as it is");
    }

    fn formats(sdp: &SDPMessage, mline: u32) -> Vec<String> {
        let media = sdp.media(mline).unwrap();
        media.formats().map(str::to_owned).collect()
    }

    #[test]
    fn one_codec_and_its_retransmissions_are_left() {
        let (sdp, tracks) = narrowed(&wish(), &[]);
        assert_eq!(formats(&sdp, 1), ["96", "97"], "the publisher's first");
        assert_eq!(formats(&sdp, 2), ["111"], "and no RED");
        let text = sdp.as_text().unwrap();
        for gone in ["orientation", "H264", "red/", "a=fmtp:63"] {
            assert!(!text.contains(gone), "{gone} stands in {text}");
        }
        assert!(text.contains("sdes:mid") && text.contains("a=rtcp-fb:96 nack pli"));
        let chosen: Vec<_> = tracks.iter().map(|t| (t.kind, t.codec.clone())).collect();
        assert_eq!(
            chosen,
            [(Kind::Video, Ok("VP8")), (Kind::Audio, Ok("OPUS"))]
        );
    }

    #[test]
    fn the_users_preference_comes_before_the_publishers() {
        let mut wish = wish();
        wish.video_codecs = vec!["h264".into(), "VP9".into()];
        wish.audio_codecs = vec!["PCMU".into()];
        wish.retransmission = false;
        let (sdp, _) = narrowed(&wish, &[]);
        assert_eq!(formats(&sdp, 1), ["108"], "H.264 in packetization mode 1");
        assert_eq!(formats(&sdp, 2), ["0"], "a static payload type");
    }

    #[test]
    fn what_cannot_be_taken_is_refused_and_said() {
        let mut wish = wish();
        wish.video_codecs = vec!["AV1".into()];
        let (sdp, tracks) = narrowed(&wish, &[]);
        assert!(has_attribute(sdp.media(1).unwrap(), "inactive"));
        let Err(Refusal::NoCodec(offered)) = &tracks[0].codec else {
            panic!("{tracks:?}");
        };
        assert!(offered.contains(&"VP9".to_owned()), "{offered:?}");
    }

    #[test]
    fn each_attribute_has_a_value_and_flags_are_written_without() {
        let (sdp, _) = narrowed(&wish(), &[]);
        let refused = Wish {
            video: false,
            ..wish()
        };
        for sdp in [sdp, narrowed(&refused, &[]).0] {
            let mut attributes = sdp.medias().flat_map(|media| media.attributes());
            assert!(attributes.all(|a| a.value().is_some()));
            let text = sdp.as_text().unwrap();
            let flags = ["a=sendonly\r\n", "a=inactive\r\n"];
            assert!(flags.iter().any(|flag| text.contains(flag)), "{text}");
            assert!(
                !text.contains("only:") && !text.contains("inactive:"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_wanted_is_refused_whoever_sends_it() {
        let mut wish = wish();
        wish.screen = false;
        let (sdp, tracks) = narrowed(&wish, &["1"]);
        assert_eq!(tracks[0].kind, Kind::Screen);
        assert_eq!(tracks[0].codec, Err(Refusal::NotWanted));
        assert!(has_attribute(sdp.media(1).unwrap(), "inactive"));
        assert!(tracks[1].codec.is_ok());
    }

    #[test]
    fn the_answer_asks_for_stereo() {
        gst::init().unwrap();
        let mut answer = SDPMessage::parse_buffer(BROWSER.as_bytes()).unwrap();
        for (bitrate, asked) in [(0, "stereo=1"), (128, "stereo=1;maxaveragebitrate=128000")] {
            ask_for_stereo(&mut answer, bitrate);
            let text = answer.as_text().unwrap();
            let line = format!("a=fmtp:111 minptime=10;useinbandfec=1;{asked}\r\n");
            assert!(text.contains(&line), "{text}");
        }
    }
}
