// SPDX-License-Identifier: MPL-2.0
//! `vdoroom timeline`: how does a recording become a film? Turns its manifest into timelines for
//! editors: each person a layer, each part at its true time.

use std::path::PathBuf;
use std::process::ExitCode;

use vdoroom_recordings::manifest::Manifest;
use vdoroom_recordings::timeline::{self, VideoFormat};

use crate::page::Page;
use crate::size;

/// Turns the manifest of a recording into timelines for editors.
#[derive(clap::Args)]
pub struct Options {
    /// Manifest of the recording
    #[arg(value_name = "MANIFEST")]
    manifest: PathBuf,
    /// What the timelines are called: NAME.xges, NAME-mosaic.xges and NAME.otio
    #[arg(long, value_name = "NAME", default_value = "room")]
    output: PathBuf,
    /// Size of the video in pixels
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1280x720", value_parser = size::parse)]
    size: (u32, u32),
    /// Frames per second
    #[arg(long, value_name = "N", default_value = "30", value_parser = clap::value_parser!(u32).range(1..=240))]
    rate: u32,
    /// Replace timelines that are there already
    #[arg(long)]
    force: bool,
}

pub const PAGE: Page = Page {
    sections: &[(
        "FILES",
        "Marks of the recording are markers in each. NAME.otio is for editors that read OpenTimelineIO. NAME.xges and NAME-mosaic.xges are for \
         GStreamer Editing Services, and are written if the program was built with them.",
    )],
    status: &[
        ("0", "Everything is in the timelines."),
        ("1", "Something is missing, or nothing could be written."),
        ("2", "The options are wrong."),
    ],
    examples: &[
        "vdoroom timeline rec_1795230268.manifest.jsonl",
        "ges-launch-1.0 --load $PWD/room.xges",
    ],
};

pub fn run(options: &Options) -> ExitCode {
    let manifest = Manifest::read(&options.manifest);
    let format = VideoFormat {
        width: options.size.0,
        height: options.size.1,
        rate: options.rate,
    };
    match timeline::write(&manifest, &options.output, format, options.force) {
        Ok(written) => {
            written.print();
            match written.warnings.is_empty() {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            eprintln!("vdoroom timeline: {error}");
            ExitCode::FAILURE
        }
    }
}
