// SPDX-License-Identifier: MPL-2.0
//! Which codec goes into which container. Plain rules, no pipeline.

use gst::glib;

/// What the `container` property asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstRoomFileSinkContainer")]
pub enum ContainerChoice {
    #[default]
    #[enum_value(
        name = "Auto: MPEG-TS for H.264 and H.265, Matroska for everything else",
        nick = "auto"
    )]
    Auto,
    #[enum_value(name = "MPEG transport stream", nick = "mpegts")]
    MpegTs,
    #[enum_value(name = "Matroska", nick = "matroska")]
    Matroska,
    #[enum_value(
        name = "WebM for VP8, VP9 and AV1 with Opus, as auto for everything else",
        nick = "webm"
    )]
    WebM,
    #[enum_value(
        name = "MP4 for H.264, H.265, VP9 and AV1 with Opus or AAC, Matroska for everything else",
        nick = "mp4"
    )]
    Mp4,
}

/// The container of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Container {
    MpegTs,
    Matroska,
    WebM,
    Mp4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Kind {
    Audio,
    Video,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    H264,
    H265,
    Vp8,
    Vp9,
    Av1,
    Opus,
    Pcmu,
    Pcma,
    G722,
    Aac,
}

/// What can be recorded, in words.
pub(crate) const RECORDED: &str = "H.264 and H.265 in whole access units, VP8, VP9, AV1 in whole temporal units, Opus, AAC, PCMU, \
     PCMA and G.722";

impl Codec {
    /// The codec of a caps structure with this name.
    pub(crate) fn from_caps_name(name: &str) -> Option<Self> {
        Some(match name {
            "video/x-h264" => Self::H264,
            "video/x-h265" => Self::H265,
            "video/x-vp8" => Self::Vp8,
            "video/x-vp9" => Self::Vp9,
            "video/x-av1" => Self::Av1,
            "audio/x-opus" => Self::Opus,
            "audio/x-mulaw" => Self::Pcmu,
            "audio/x-alaw" => Self::Pcma,
            "audio/G722" => Self::G722,
            // The pads take MPEG-2 and MPEG-4 only.
            "audio/mpeg" => Self::Aac,
            _ => return None,
        })
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::H264 | Self::H265 | Self::Vp8 | Self::Vp9 | Self::Av1 => Kind::Video,
            Self::Opus | Self::Pcmu | Self::Pcma | Self::G722 | Self::Aac => Kind::Audio,
        }
    }

    /// The encoding name of the codec's RTP payload format; AAC, which has two, is called AAC.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::H264 => "H264",
            Self::H265 => "H265",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
            Self::Opus => "opus",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
            Self::Aac => "AAC",
        }
    }
}

impl Container {
    /// The container for tracks of these codecs.
    ///
    /// `Auto` takes MPEG-TS only where there is video that it holds natively: players know neither
    /// VP8 in MPEG-TS nor audio-only transport streams well. What MP4 does not hold goes to Matroska.
    pub(crate) fn choose(choice: ContainerChoice, codecs: &[Codec]) -> Self {
        match choice {
            ContainerChoice::MpegTs => Self::MpegTs,
            ContainerChoice::Matroska => Self::Matroska,
            ContainerChoice::WebM if codecs.iter().all(|c| Self::WebM.holds(*c)) => Self::WebM,
            ContainerChoice::Mp4 => match codecs.iter().all(|c| Self::Mp4.holds(*c)) {
                true => Self::Mp4,
                false => Self::Matroska,
            },
            ContainerChoice::Auto | ContainerChoice::WebM => {
                let has_video = codecs.iter().any(|c| c.kind() == Kind::Video);
                if has_video && codecs.iter().all(|c| Self::MpegTs.holds(*c)) {
                    Self::MpegTs
                } else {
                    Self::Matroska
                }
            }
        }
    }

    pub(crate) fn holds(self, codec: Codec) -> bool {
        match self {
            Self::MpegTs => matches!(codec, Codec::H264 | Codec::H265 | Codec::Opus | Codec::Aac),
            Self::Matroska => true,
            Self::WebM => matches!(codec, Codec::Vp8 | Codec::Vp9 | Codec::Av1 | Codec::Opus),
            // It has entries for the others, which browsers do not play.
            Self::Mp4 => !matches!(codec, Codec::Vp8 | Codec::Pcmu | Codec::Pcma | Codec::G722),
        }
    }

    /// In words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MpegTs => "MPEG-TS",
            Self::Matroska => "Matroska",
            Self::WebM => "WebM",
            Self::Mp4 => "MP4",
        }
    }

    pub(crate) fn extension(self, has_video: bool) -> &'static str {
        match (self, has_video) {
            (Self::MpegTs, _) => "ts",
            (Self::WebM, _) => "webm",
            (Self::Mp4, _) => "mp4",
            (Self::Matroska, true) => "mkv",
            (Self::Matroska, false) => "mka",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(codecs: &[Codec]) -> (&'static str, &'static str) {
        let container = Container::choose(ContainerChoice::Auto, codecs);
        let video = codecs.iter().any(|c| c.kind() == Kind::Video);
        (container.into(), container.extension(video))
    }

    #[test]
    fn h264_and_h265_go_to_mpegts_with_opus_or_alone() {
        assert_eq!(auto(&[Codec::H264, Codec::Opus]), ("mpegts", "ts"));
        assert_eq!(auto(&[Codec::H265]), ("mpegts", "ts"));
        assert_eq!(auto(&[Codec::H264, Codec::Aac]), ("mpegts", "ts"));
    }

    #[test]
    fn one_track_that_mpegts_cannot_hold_takes_all_to_matroska() {
        assert_eq!(auto(&[Codec::H264, Codec::Pcmu]), ("matroska", "mkv"));
        assert_eq!(auto(&[Codec::H264, Codec::Vp8]), ("matroska", "mkv"));
        assert_eq!(auto(&[Codec::Vp9, Codec::Opus]), ("matroska", "mkv"));
        assert_eq!(auto(&[Codec::Av1]), ("matroska", "mkv"));
    }

    #[test]
    fn audio_alone_goes_to_mka() {
        for codec in [Codec::Opus, Codec::Pcmu, Codec::Pcma, Codec::G722] {
            assert_eq!(auto(&[codec]), ("matroska", "mka"), "{codec:?}");
        }
    }

    #[test]
    fn webm_is_taken_where_it_holds_every_track_and_the_rest_goes_where_it_goes_by_itself() {
        let webm = |codecs: &[Codec]| {
            let container = Container::choose(ContainerChoice::WebM, codecs);
            container.extension(codecs.iter().any(|c| c.kind() == Kind::Video))
        };
        for video in [Codec::Vp8, Codec::Vp9, Codec::Av1] {
            assert_eq!(webm(&[video, Codec::Opus]), "webm", "{video:?}");
        }
        assert_eq!(webm(&[Codec::Opus]), "webm");
        assert_eq!(webm(&[Codec::H264, Codec::Opus]), "ts");
        assert_eq!(webm(&[Codec::Vp8, Codec::Pcmu]), "mkv");
        assert_eq!(webm(&[Codec::Vp8, Codec::H264]), "mkv");
        assert_eq!(webm(&[Codec::G722]), "mka");
    }

    #[test]
    fn a_forced_container_is_taken_and_says_what_it_cannot_hold() {
        let ts = Container::choose(ContainerChoice::MpegTs, &[Codec::Vp8]);
        assert_eq!(ts, Container::MpegTs);
        assert!(!ts.holds(Codec::Vp8));
        let mkv = Container::choose(ContainerChoice::Matroska, &[Codec::H264]);
        assert!(mkv.holds(Codec::H264));
    }

    #[test]
    fn what_mp4_does_not_hold_goes_to_matroska() {
        let mp4 = |codecs: &[Codec]| Container::choose(ContainerChoice::Mp4, codecs);
        for video in [Codec::H264, Codec::H265, Codec::Vp9, Codec::Av1] {
            assert_eq!(mp4(&[video, Codec::Opus]), Container::Mp4, "{video:?}");
        }
        assert_eq!(mp4(&[Codec::Opus]), Container::Mp4);
        assert_eq!(mp4(&[Codec::Vp8, Codec::Opus]), Container::Matroska);
        assert_eq!(mp4(&[Codec::H264, Codec::Pcmu]), Container::Matroska);
    }
}
