// SPDX-License-Identifier: MPL-2.0
//! `--timeline`: what was recorded, for editors.

use std::error::Error;
use std::path::{Path, PathBuf};

use gst::prelude::*;
use vdoroom_recordings::manifest::Manifest;
use vdoroom_recordings::timeline::{self, VideoFormat};

/// The timelines that are written when all is recorded.
pub struct Timelines {
    name: PathBuf,
    manifest: PathBuf,
}

impl Timelines {
    /// Sets the recorder to what they want, if none of their files is there.
    pub fn new(name: &Path, sink: &gst::Element) -> Result<Self, Box<dyn Error>> {
        let manifest = timeline::with_ending(name, ".manifest.jsonl");
        let mut files = timeline::files(name).into_iter().chain([manifest.clone()]);
        if let Some(file) = files.find(|file| file.exists()) {
            return Err(format!("{} is there already", file.display()).into());
        }
        // The container in which GStreamer's editing services find every frame at its time.
        sink.set_property_from_str("container", "matroska");
        let path = manifest.to_str().ok_or("--timeline is not UTF-8")?;
        sink.set_property("manifest", path);
        Ok(Self {
            name: name.to_owned(),
            manifest,
        })
    }

    pub fn write(&self, is_quiet: bool) -> Result<(), Box<dyn Error>> {
        if self.manifest.exists() {
            let manifest = Manifest::read(&self.manifest);
            let written = timeline::write(&manifest, &self.name, VideoFormat::default(), false)?;
            if !is_quiet {
                written.print();
            }
        }
        Ok(())
    }
}
