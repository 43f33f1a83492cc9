// SPDX-License-Identifier: MPL-2.0
//! Makes the files of an export, by GStreamer.
//!
//! A file is made by a pipeline that encodes and multiplexes. Each of its tracks is pushed by a
//! thread, which reads the recorded files by pipelines of its own and decides when what is seen and
//! heard. The caller's thread waits. The recorded files are only read.

// From bottom to top: imports run downwards only.
mod place;
mod problems;
mod reader;
mod retime;
mod settings;
mod wav;

mod canvas;
mod chapters;
mod codecs;
mod decoded_audio;
mod decoded_video;
mod timecode;

mod feed;

mod file;

use std::path::{Path, PathBuf};

use crate::export::Output;

pub use problems::Failed;
pub use settings::{Settings, Watch};

/// Makes a file in a folder that is there, and gives what of it is not as it should be. Until it is
/// complete its name ends in `.partial`. A file of that name is replaced.
pub fn render(
    output: &Output,
    path: &Path,
    settings: &Settings,
    watch: &dyn Watch,
) -> Result<Vec<String>, Failed> {
    gst::init().map_err(|error| error.to_string())?;
    let partial = partial(path);
    // What is left of an earlier export, or a link that leads elsewhere.
    let _ = std::fs::remove_file(&partial);
    let written = file::write(output, &partial, settings, watch);
    let written = written.and_then(|problems| {
        std::fs::rename(&partial, path).map_err(|error| Failed::from(error.to_string()))?;
        Ok(problems)
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&partial);
    }
    written
}

fn partial(path: &Path) -> PathBuf {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    partial.into()
}
