// SPDX-License-Identifier: MPL-2.0
//! The properties, read once at the start of a run.

use crate::roomfilesink::media::{Codec, Container, ContainerChoice};

/// When the next part begins. Can be changed while a run goes on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    /// Nanoseconds, 0 = no limit (`max-size-time`).
    pub time: u64,
    /// Bytes, 0 = no limit (`max-size-bytes`).
    pub bytes: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub location: String,
    pub create_folders: bool,
    pub container: ContainerChoice,
    pub limits: Limits,
    /// Bytes that are left free on the disk, 0 = no limit.
    pub min_free_space: u64,
    /// Whether the manifest has the SHA-256 of each closed part.
    pub checksum: bool,
    /// `None`: beside the files; empty: no manifest.
    pub manifest: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            location: "recording".into(),
            create_folders: true,
            container: ContainerChoice::default(),
            limits: Limits::default(),
            min_free_space: 256 << 20,
            checksum: false,
            manifest: None,
        }
    }
}

impl Settings {
    /// Whether there is a container for this codec.
    pub(crate) fn can_hold(&self, codec: Codec) -> bool {
        Container::choose(self.container, &[codec]).holds(codec)
    }
}
