// SPDX-License-Identifier: MPL-2.0
//! What a track shows or carries.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Video,
    Audio,
    /// A shared screen beside the camera. It shows the same frames.
    Screen,
}

impl Kind {
    /// Camera and microphone are one MediaStream, a screen is another (protocol 5.6).
    pub(crate) fn msid(self) -> &'static str {
        match self {
            Self::Video | Self::Audio => "camera",
            Self::Screen => "screen",
        }
    }
}
