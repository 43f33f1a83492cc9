// SPDX-License-Identifier: MPL-2.0
//! The codecs that can be received: names in SDP, depayloaders, parsers, caps of the pads.

use crate::bitstream::Standard;

pub(crate) struct Codec {
    /// `a=rtpmap` encoding name, upper case (RFC 8866 section 6.6).
    pub encoding_name: &'static str,
    pub video: bool,
    pub depayloader: &'static str,
    /// Caps that are asked of the depayloader.
    pub depayloader_caps: Option<&'static str>,
    pub parser: Option<&'static str>,
    /// What the pads carry.
    pub caps: &'static str,
    /// The Debian package with the elements above.
    pub package: &'static str,
}

const GOOD: &str = "gstreamer1.0-plugins-good";
const BAD: &str = "gstreamer1.0-plugins-bad";

pub(crate) static CODECS: &[Codec] = &[
    Codec {
        encoding_name: "H264",
        video: true,
        depayloader: "rtph264depay",
        // As byte-stream the depayloader cuts keyframes in two, the second half without a
        // timestamp of its own (GStreamer 1.22).
        depayloader_caps: Some("video/x-h264,stream-format=avc,alignment=au"),
        parser: Some("h264parse"),
        caps: "video/x-h264,stream-format=byte-stream,alignment=au;\
               video/x-h264,stream-format=avc,alignment=au",
        package: BAD,
    },
    Codec {
        encoding_name: "H265",
        video: true,
        depayloader: "rtph265depay",
        depayloader_caps: Some("video/x-h265,stream-format=hvc1,alignment=au"),
        parser: Some("h265parse"),
        caps: "video/x-h265,stream-format=byte-stream,alignment=au;\
               video/x-h265,stream-format=(string){hvc1,hev1},alignment=au",
        package: BAD,
    },
    Codec {
        encoding_name: "VP8",
        video: true,
        depayloader: "rtpvp8depay",
        depayloader_caps: None,
        parser: None,
        caps: "video/x-vp8",
        package: GOOD,
    },
    Codec {
        encoding_name: "VP9",
        video: true,
        depayloader: "rtpvp9depay",
        depayloader_caps: None,
        // The depayloader takes the frame size from the payload descriptor, where it may be
        // missing or wrong.
        parser: Some("vp9parse"),
        caps: "video/x-vp9,alignment=super-frame",
        package: BAD,
    },
    Codec {
        encoding_name: "AV1",
        video: true,
        depayloader: "rtpav1depay",
        depayloader_caps: None,
        parser: Some("av1parse"),
        caps: "video/x-av1,stream-format=obu-stream,alignment=tu",
        package: if cfg!(feature = "av1") {
            BAD
        } else {
            "gst-plugins-rs, which Debian 12 does not have; or build this plugin with the feature av1"
        },
    },
    Codec {
        encoding_name: "OPUS",
        video: false,
        depayloader: "rtpopusdepay",
        depayloader_caps: None,
        // Completes the caps, which lack the rate (rtpopusdepay before 1.22.2).
        parser: Some("opusparse"),
        caps: "audio/x-opus",
        package: BAD,
    },
    Codec {
        encoding_name: "G722",
        video: false,
        depayloader: "rtpg722depay",
        depayloader_caps: None,
        parser: None,
        // RTP says 8000 all the same (RFC 3551 section 4.5.2).
        caps: "audio/G722,rate=(int)16000,channels=(int)[1,2]",
        package: GOOD,
    },
    Codec {
        encoding_name: "PCMU",
        video: false,
        depayloader: "rtppcmudepay",
        depayloader_caps: None,
        parser: None,
        caps: "audio/x-mulaw,rate=(int)[8000,192000],channels=(int)1",
        package: GOOD,
    },
    Codec {
        encoding_name: "PCMA",
        video: false,
        depayloader: "rtppcmadepay",
        depayloader_caps: None,
        parser: None,
        caps: "audio/x-alaw,rate=(int)[8000,192000],channels=(int)1",
        package: GOOD,
    },
];

impl Codec {
    pub(crate) fn by_name(encoding_name: &str) -> Option<&'static Self> {
        CODECS
            .iter()
            .find(|codec| codec.encoding_name.eq_ignore_ascii_case(encoding_name))
    }

    /// The encoding name of a static payload type (RFC 3551 section 6), if it can be received.
    pub(crate) fn static_name(payload: u8) -> Option<&'static str> {
        match payload {
            0 => Some("PCMU"),
            8 => Some("PCMA"),
            9 => Some("G722"),
            _ => None,
        }
    }

    /// Of a codec whose frames may be shown in another order than they are decoded in.
    pub(crate) fn standard(&self) -> Option<Standard> {
        match self.encoding_name {
            "H264" => Some(Standard::H264),
            "H265" => Some(Standard::H265),
            _ => None,
        }
    }

    /// The caps of the pads, the preferred form first.
    pub(crate) fn forms(&self) -> gst::Caps {
        // A test parses all of them.
        self.caps.parse().unwrap_or_else(|_| gst::Caps::new_any())
    }

    /// Whether this GStreamer has what it takes.
    pub(crate) fn is_available(&self) -> bool {
        self.missing_elements().next().is_none()
    }

    /// What is missing for it, in words.
    pub(crate) fn lack(&self) -> String {
        let elements: Vec<_> = self.missing_elements().collect();
        let (name, package) = (self.encoding_name, self.package);
        format!(
            "{name} lacks {} (package {package})",
            elements.join(" and ")
        )
    }

    pub(crate) fn missing_elements(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.depayloader)
            .chain(self.parser)
            .filter(|factory| gst::ElementFactory::find(factory).is_none())
    }
}

/// What comes beside codecs in an offer (RFC 4588, 2198 and 5109).
const HELPERS: [&str; 4] = ["RTX", "RED", "ULPFEC", "FLEXFEC-03"];

/// For each of these encoding names why it cannot be received, in words.
pub(crate) fn reasons(offered: &[String]) -> String {
    let mut names: Vec<&str> = offered.iter().map(String::as_str).collect();
    names.retain(|name| !HELPERS.contains(name));
    names.dedup();
    let reasons = names.iter().map(|name| match Codec::by_name(name) {
        None => format!("{name} is unknown"),
        Some(codec) if codec.is_available() => format!("{name} is not asked for"),
        Some(codec) => codec.lack(),
    });
    reasons.collect::<Vec<_>>().join(", ")
}

/// The caps of all video or all audio codecs, for the pad templates.
pub(crate) fn template_caps(video: bool) -> gst::Caps {
    CODECS
        .iter()
        .filter(|codec| codec.video == video)
        .map(Codec::forms)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_caps_can_be_parsed() {
        gst::init().unwrap();
        for codec in CODECS {
            assert!(codec.caps.parse::<gst::Caps>().is_ok(), "{}", codec.caps);
            if let Some(caps) = codec.depayloader_caps {
                assert!(caps.parse::<gst::Caps>().is_ok(), "{caps}");
            }
        }
        assert!(!template_caps(true).is_empty() && !template_caps(false).is_empty());
    }

    #[test]
    fn a_codec_is_refused_with_its_reason() {
        gst::init().unwrap();
        let offered = ["JPEG", "RED", "VP8", "RTX"].map(str::to_owned);
        assert_eq!(reasons(&offered), "JPEG is unknown, VP8 is not asked for");
    }
}
