// SPDX-License-Identifier: MPL-2.0
//! Video encoders and payloaders.

use crate::publisher::flavour::Flavour;

/// The video codec of a publisher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// Constrained baseline.
    #[default]
    H264,
    H264Main,
    H264High,
    H265,
    /// High profile with so many B-frames in a row, as the encoders of graphics cards have.
    H264Reordered {
        b_frames: u8,
        /// B-frames refer to one another.
        pyramid: bool,
    },
    /// The same in H.265.
    H265Reordered {
        b_frames: u8,
        pyramid: bool,
    },
    Vp8,
    Vp9,
    /// Profile 2: ten bits.
    Vp9Profile2,
    Av1,
}

impl Codec {
    /// Launch description of a real-time encoder.
    pub(crate) fn encoder(self, keyframe_interval: i32) -> String {
        self.encoder_at(600_000, keyframe_interval)
    }

    /// As [`Codec::encoder`], at so many bits per second where the codec is told.
    pub(crate) fn encoder_at(self, bitrate: u32, keyframe_interval: i32) -> String {
        match self {
            Self::H264 | Self::H264Main | Self::H264High => format!(
                "x264enc tune=zerolatency speed-preset={} bitrate={} threads=1 \
                 key-int-max={keyframe_interval} \
                 ! video/x-h264,profile={},stream-format=byte-stream",
                // What is ultrafast needs no profile above baseline.
                if self == Self::H264 {
                    "ultrafast"
                } else {
                    "superfast"
                },
                bitrate / 1000,
                self.h264_profile(),
            ),
            Self::H265 => format!(
                "x265enc tune=zerolatency speed-preset=ultrafast bitrate=600 log-level=error \
                 key-int-max={keyframe_interval} \
                 option-string=pools=1:frame-threads=1:open-gop=0:repeat-headers=1:info=0 \
                 ! video/x-h265,stream-format=byte-stream,alignment=au"
            ),
            Self::H264Reordered { b_frames, pyramid } => format!(
                "x264enc tune=zerolatency speed-preset=superfast bitrate={} threads=1 \
                 key-int-max={keyframe_interval} bframes={b_frames} b-adapt=false \
                 b-pyramid={pyramid} ! video/x-h264,profile=high,stream-format=byte-stream",
                bitrate / 1000,
            ),
            Self::H265Reordered { b_frames, pyramid } => format!(
                "x265enc tune=zerolatency speed-preset=ultrafast bitrate=600 log-level=error \
                 key-int-max={keyframe_interval} \
                 option-string=pools=1:frame-threads=1:open-gop=0:repeat-headers=1:info=0:\
                 bframes={b_frames}:b-adapt=0:b-pyramid={}:rc-lookahead={} \
                 ! video/x-h265,stream-format=byte-stream,alignment=au",
                u8::from(pyramid),
                // x265 wants more than there are B-frames.
                b_frames + 1,
            ),
            Self::Vp8 => format!(
                "vp8enc deadline=1 cpu-used=8 threads=1 end-usage=cbr target-bitrate={bitrate} \
                 lag-in-frames=0 max-quantizer=36 keyframe-max-dist={keyframe_interval}"
            ),
            // Not cbr: the encoder then leaves blocks as they were now and then, and a frame
            // shows bits of the one before.
            Self::Vp9 | Self::Vp9Profile2 => format!(
                "{} vp9enc deadline=1 cpu-used=8 threads=1 end-usage=vbr target-bitrate=600000 \
                 lag-in-frames=0 keyframe-max-dist={keyframe_interval}",
                if self == Self::Vp9 {
                    ""
                } else {
                    "videoconvert ! video/x-raw,format=I420_10LE !"
                }
            ),
            // av1enc (GStreamer 1.22) obeys no request for a keyframe: several a second.
            Self::Av1 => format!(
                "av1enc usage-profile=realtime cpu-used=10 threads=1 end-usage=vbr \
                 target-bitrate=2000 max-quantizer=30 lag-in-frames=0 keyframe-max-dist={} \
                 ! av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu",
                keyframe_interval.min(5)
            ),
        }
    }

    fn h264_profile(self) -> &'static str {
        match self {
            Self::H264Main => "main",
            Self::H264High => "high",
            _ => "constrained-baseline",
        }
    }

    /// Launch description of the payloader, and the caps that go into the offer.
    pub(crate) fn payloader(self, flavour: Flavour) -> (String, String) {
        // What browsers use, and the OBS plugin; any dynamic number would do.
        let (name, number, payloader, extra) = match self {
            Self::H264 | Self::H264Main | Self::H264High | Self::H264Reordered { .. } => (
                "H264",
                102,
                "rtph264pay config-interval=-1 aggregate-mode=zero-latency",
                ",packetization-mode=(string)1",
            ),
            // Browsers choose from 35 to 63 as well, which rtph265pay does not take.
            Self::H265 => (
                "H265",
                103,
                "rtph265pay config-interval=-1 aggregate-mode=zero-latency",
                "",
            ),
            Self::H265Reordered { .. } => (
                "H265",
                103,
                "rtph265pay config-interval=-1 aggregate-mode=none",
                "",
            ),
            Self::Vp8 => ("VP8", 96, "rtpvp8pay picture-id-mode=15-bit", ""),
            Self::Vp9 => (
                "VP9",
                98,
                "rtpvp9pay picture-id-mode=15-bit",
                ",profile-id=(string)0",
            ),
            Self::Vp9Profile2 => (
                "VP9",
                100,
                "rtpvp9pay picture-id-mode=15-bit",
                ",profile-id=(string)2",
            ),
            Self::Av1 => {
                provide_av1_payloader();
                (
                    "AV1",
                    45,
                    "rtpav1pay",
                    ",level-idx=(string)5,profile=(string)0",
                )
            }
        };
        let number = if flavour == Flavour::Obs { 96 } else { number };
        (
            format!("{payloader} pt={number} mtu=1200"),
            format!(
                "application/x-rtp,media=video,clock-rate=90000,encoding-name={name},\
                 payload={number}{extra}"
            ),
        )
    }
}

/// GStreamer keeps the payloader in gst-plugins-rs, which is not on every system.
fn provide_av1_payloader() {
    #[cfg(feature = "av1")]
    if gst::ElementFactory::find("rtpav1pay").is_none() {
        // What fails here is seen when the payloader is made.
        let _ = gstrsrtp::plugin_register_static();
    }
}
