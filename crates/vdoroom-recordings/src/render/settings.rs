// SPDX-License-Identifier: MPL-2.0
//! How files are made, and who watches.

use std::path::PathBuf;

use crate::export::Quality;

#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub quality: Quality,
    /// Encodes H.264 in hardware.
    pub hardware: bool,
    /// An image that is shown instead of black.
    pub still: Option<PathBuf>,
}

/// Who sees how far a file is. Called on threads of the export.
pub trait Watch: Sync {
    /// Nanoseconds of the file that is being made.
    fn at(&self, _time: u64) {}

    /// Whether the file is not wanted any more.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Nobody watches.
impl Watch for () {}
