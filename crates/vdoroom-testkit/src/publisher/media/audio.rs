// SPDX-License-Identifier: MPL-2.0
//! Audio encoders and payloaders.

use crate::publisher::flavour::Flavour;

/// The audio codec of a publisher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AudioCodec {
    /// Stereo.
    #[default]
    Opus,
    OpusMono,
    /// Mono that leaves out packets while it is silent.
    OpusDtx,
    Pcmu,
    Pcma,
    G722,
}

impl AudioCodec {
    pub(crate) fn rate(self) -> u32 {
        match self {
            Self::Opus | Self::OpusMono | Self::OpusDtx => 48_000,
            Self::Pcmu | Self::Pcma => 8_000,
            Self::G722 => 16_000,
        }
    }

    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Opus => 2,
            _ => 1,
        }
    }

    /// Launch description of a silent microphone, in pieces of 20 ms, and its encoder.
    pub(crate) fn microphone(self) -> String {
        let encoder = match self {
            Self::Opus | Self::OpusMono => "opusenc bitrate=64000",
            Self::OpusDtx => "opusenc bitrate=32000 dtx=true audio-type=voice",
            Self::Pcmu => "mulawenc",
            Self::Pcma => "alawenc",
            Self::G722 => "avenc_g722",
        };
        let (rate, channels) = (self.rate(), self.channels());
        format!(
            "audiotestsrc name=microphone is-live=true wave=silence samplesperbuffer={} \
             ! audio/x-raw,format=S16LE,rate={rate},channels={channels},layout=interleaved \
             ! {encoder}",
            rate / 50
        )
    }

    /// Launch description of the payloader, and the caps that go into the offer.
    pub(crate) fn payloader(self, flavour: Flavour) -> (String, String) {
        let opus = if flavour == Flavour::Raspberry {
            100
        } else {
            111
        };
        // The clock rate of G.722 is half its sampling rate (RFC 3551 section 4.5.2). Opus always
        // stands for two channels (RFC 7587 section 7).
        let (payloader, name, number, rate, extra) = match self {
            Self::Opus => (
                "rtpopuspay",
                "OPUS",
                opus,
                48_000,
                ",encoding-params=(string)2",
            ),
            Self::OpusMono => (
                "rtpopuspay",
                "OPUS",
                opus,
                48_000,
                ",encoding-params=(string)2",
            ),
            Self::OpusDtx => (
                "rtpopuspay dtx=true",
                "OPUS",
                opus,
                48_000,
                ",encoding-params=(string)2",
            ),
            Self::Pcmu => ("rtppcmupay", "PCMU", 0, 8_000, ""),
            Self::Pcma => ("rtppcmapay", "PCMA", 8, 8_000, ""),
            Self::G722 => ("rtpg722pay", "G722", 9, 8_000, ""),
        };
        (
            format!("{payloader} pt={number}"),
            format!(
                "application/x-rtp,media=audio,clock-rate={rate},encoding-name={name},\
                 payload={number}{extra}"
            ),
        )
    }
}
