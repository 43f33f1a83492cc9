// SPDX-License-Identifier: MPL-2.0
//! Names of pads: what a track carries, and stream IDs as gst-launch can spell them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// gst-launch takes `[A-Za-z0-9_%:-]` in a pad's name; `-` is left to the suffix of further tracks.
const OUTSIDE_NAMES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_');

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Kind {
    Video,
    Audio,
    Screen,
    ScreenAudio,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Video, Self::Audio, Self::Screen, Self::ScreenAudio];

    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }

    pub(crate) fn template(self) -> &'static str {
        match self {
            Self::Video => "video_%s",
            Self::Audio => "audio_%s",
            Self::Screen => "screen_%s",
            Self::ScreenAudio => "screenaudio_%s",
        }
    }

    pub(crate) fn is_video(self) -> bool {
        matches!(self, Self::Video | Self::Screen)
    }
}

/// The pad's name for the `index`th track of a kind, counted from 0.
pub(crate) fn pad_name(kind: Kind, stream: &str, index: usize) -> String {
    let stream = utf8_percent_encode(stream, OUTSIDE_NAMES);
    match index {
        0 => format!("{}_{stream}", kind.as_str()),
        index => format!("{}_{stream}-{index}", kind.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_stream_ids_stay_readable() {
        assert_eq!(pad_name(Kind::Video, "alice_1", 0), "video_alice_1");
        assert_eq!(pad_name(Kind::ScreenAudio, "bob", 2), "screenaudio_bob-2");
    }

    #[test]
    fn other_bytes_are_percent_encoded() {
        assert_eq!(
            pad_name(Kind::Audio, "a-b.c é", 0),
            "audio_a%2Db%2Ec%20%C3%A9"
        );
    }
}
