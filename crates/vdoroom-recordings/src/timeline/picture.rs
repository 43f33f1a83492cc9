// SPDX-License-Identifier: MPL-2.0
//! How large the pictures of a timeline are, and how many there are in a second.

/// The pictures of a timeline.
#[derive(Debug, Clone, Copy)]
pub struct Picture {
    /// Pixels.
    pub width: u32,
    pub height: u32,
    /// Pictures per second.
    pub rate: u32,
}

impl Default for Picture {
    fn default() -> Self {
        Self {
            width: 1280,
            height: 720,
            rate: 30,
        }
    }
}
