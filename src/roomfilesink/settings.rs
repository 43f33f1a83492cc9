// SPDX-License-Identifier: MPL-2.0
//! The properties, read once at the start of a run.

use super::container::{Codec, Container, ContainerChoice};

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub location: String,
    pub create_folders: bool,
    pub container: ContainerChoice,
    /// Nanoseconds, 0 = no limit.
    pub max_size_time: u64,
    /// Bytes, 0 = no limit.
    pub max_size_bytes: u64,
    /// Bytes that are left free on the disk, 0 = no limit.
    pub min_free_space: u64,
    /// `None`: beside the files; empty: no manifest.
    pub manifest: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            location: "recording".into(),
            create_folders: true,
            container: ContainerChoice::default(),
            max_size_time: 0,
            max_size_bytes: 0,
            min_free_space: 256 << 20,
            manifest: None,
        }
    }
}

impl Settings {
    /// Whether there is a container for this codec.
    pub(super) fn can_hold(&self, codec: Codec) -> bool {
        Container::choose(self.container, &[codec]).holds(codec)
    }
}
