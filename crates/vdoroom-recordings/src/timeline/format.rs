// SPDX-License-Identifier: MPL-2.0
//! The frame size and frame rate of a timeline.

/// Frame size and frame rate.
#[derive(Debug, Clone, Copy)]
pub struct VideoFormat {
    /// Pixels.
    pub width: u32,
    pub height: u32,
    /// Frames per second.
    pub rate: u32,
}

impl Default for VideoFormat {
    fn default() -> Self {
        Self {
            width: 1280,
            height: 720,
            rate: 30,
        }
    }
}
