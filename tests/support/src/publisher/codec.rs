// SPDX-License-Identifier: MPL-2.0
//! Encoders and payloaders.

use super::Flavour;

/// The video codec of a publisher; audio is always Opus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// Constrained baseline.
    #[default]
    H264,
    Vp8,
    Vp9,
}

impl Codec {
    /// Launch description of a real-time encoder.
    pub(super) fn encoder(self, keyframe_interval: i32) -> String {
        match self {
            Self::H264 => format!(
                "x264enc tune=zerolatency speed-preset=ultrafast bitrate=600 threads=1 \
                 key-int-max={keyframe_interval} \
                 ! video/x-h264,profile=constrained-baseline,stream-format=byte-stream"
            ),
            Self::Vp8 => format!(
                "vp8enc deadline=1 cpu-used=8 threads=1 end-usage=cbr target-bitrate=600000 \
                 lag-in-frames=0 max-quantizer=36 keyframe-max-dist={keyframe_interval}"
            ),
            // Not cbr: the encoder then leaves blocks as they were now and then, and a frame
            // shows bits of the one before.
            Self::Vp9 => format!(
                "vp9enc deadline=1 cpu-used=8 threads=1 end-usage=vbr target-bitrate=600000 \
                 lag-in-frames=0 keyframe-max-dist={keyframe_interval}"
            ),
        }
    }

    /// Launch description of the payloader, and the caps that go into the offer.
    pub(super) fn payloader(self, flavour: Flavour) -> (String, String) {
        // What browsers use, and the OBS plugin; any dynamic number would do.
        let (name, number, options) = match self {
            Self::H264 => (
                "H264",
                102,
                "rtph264pay config-interval=-1 aggregate-mode=zero-latency",
            ),
            Self::Vp8 => ("VP8", 96, "rtpvp8pay picture-id-mode=15-bit"),
            Self::Vp9 => ("VP9", 98, "rtpvp9pay picture-id-mode=15-bit"),
        };
        let number = if flavour == Flavour::Obs { 96 } else { number };
        let extra = match self {
            Self::H264 => ",packetization-mode=(string)1",
            _ => "",
        };
        (
            format!("{options} pt={number} mtu=1200"),
            format!(
                "application/x-rtp,media=video,clock-rate=90000,encoding-name={name},\
                 payload={number}{extra}"
            ),
        )
    }

    pub(super) fn opus_payloader(flavour: Flavour) -> (String, String) {
        let number = if flavour == Flavour::Raspberry {
            100
        } else {
            111
        };
        (
            format!("rtpopuspay pt={number}"),
            format!(
                "application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS,\
                 encoding-params=(string)2,payload={number}"
            ),
        )
    }
}
