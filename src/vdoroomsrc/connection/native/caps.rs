// SPDX-License-Identifier: MPL-2.0
//! What is sent in a track, in the words of GStreamer (`gst_sdp_media_get_caps_from_media`).

use vdoroom_rtc::{Kind, Track};

/// How loud audio is (RFC 6464). Depayloaders make a `GstAudioLevelMeta` of it; other header extensions are
/// of no use to them.
const LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// Parameters of a format that are taken over.
const MAX_PARAMETERS: usize = 32;

/// Fields that no parameter of a format replaces.
const OWN: [&str; 6] = [
    "media",
    "payload",
    "clock-rate",
    "encoding-name",
    "encoding-params",
    "ssrc",
];

/// Begins the fields that name header extensions.
const EXTENSIONS: &str = "extmap-";

pub(super) fn of(track: &Track) -> gst::Caps {
    let media = match track.kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
    };
    let mut caps = gst::Caps::builder("application/x-rtp")
        .field("media", media)
        .field("payload", i32::from(track.payload_type))
        .field(
            "clock-rate",
            i32::try_from(track.clock_rate).unwrap_or(i32::MAX),
        )
        .field("encoding-name", text(&track.codec.to_ascii_uppercase()))
        .field("ssrc", track.ssrc)
        .field_if_some(
            "encoding-params",
            track.encoding_parameters.as_deref().map(text),
        );
    let parameters = track.parameters.as_deref().unwrap_or_default();
    for (name, value) in parameters
        .split(';')
        .filter_map(parameter)
        .take(MAX_PARAMETERS)
    {
        caps = caps.field(name, value);
    }
    let mut extensions = track.extensions.iter();
    if let Some((id, uri)) = extensions.find(|(_, uri)| uri == LEVEL) {
        caps = caps.field(format!("{EXTENSIONS}{id}"), uri.as_str());
    }
    caps.build()
}

/// A flag has the value 1.
fn parameter(text_of: &str) -> Option<(String, String)> {
    let (name, value) = text_of.split_once('=').unwrap_or((text_of, "1"));
    let name = name.trim().to_ascii_lowercase();
    let is_in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(is_in_name)
        && !OWN.contains(&name.as_str())
        && !name.starts_with(EXTENSIONS);
    is_name.then(|| (name, text(value.trim())))
}

/// GLib's texts end at the first NUL.
fn text(of: &str) -> String {
    of.replace('\0', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track() -> Track {
        Track {
            mid: "0".into(),
            rid: None,
            kind: Kind::Video,
            codec: "h264".into(),
            payload_type: 108,
            clock_rate: 90_000,
            ssrc: u32::MAX,
            encoding_parameters: None,
            parameters: Some("Packetization-Mode=1; x;payload=3;1st=2;ö=1;extmap-4=y".into()),
            extensions: vec![(3, LEVEL.into()), (4, "urn:other".into())],
            msid: None,
        }
    }

    #[test]
    fn parameters_and_the_level_are_taken_over_and_nothing_else() {
        gst::init().unwrap();
        let caps = of(&track());
        let expected = gst::Caps::builder("application/x-rtp")
            .field("media", "video")
            .field("payload", 108)
            .field("clock-rate", 90_000)
            .field("encoding-name", "H264")
            .field("ssrc", u32::MAX)
            .field("packetization-mode", "1")
            .field("x", "1")
            .field("extmap-3", LEVEL)
            .build();
        assert_eq!(caps, expected);
    }
}
