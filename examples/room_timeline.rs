// SPDX-License-Identifier: MPL-2.0
//! How does a recording become a film? Turns its manifest into timelines for editors: each person
//! a layer, each part at its true time.
//!
//! ```sh
//! cargo run --features ges --example room_timeline -- rec_1795230268.manifest.jsonl
//! ges-launch-1.0 --load $PWD/room.xges
//! ```
//!
//! Exits with 0 if all is in the timelines, 1 if something is missing, 2 if it was called wrongly.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use vdoroom_test_support::manifest::Manifest;
use vdoroom_test_support::timeline::{self, Picture};

/// Turns the manifest of a recording into timelines for editors.
#[derive(Parser)]
#[command(name = "room_timeline")]
struct Options {
    /// Manifest of the recording
    #[arg(value_name = "MANIFEST")]
    manifest: PathBuf,
    /// What the timelines are called: NAME.xges, NAME-mosaic.xges and NAME.otio
    #[arg(long, value_name = "NAME", default_value = "room")]
    output: PathBuf,
    /// Size of the video in pixels
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1280x720", value_parser = size)]
    size: (u32, u32),
    /// Pictures per second
    #[arg(long, value_name = "N", default_value = "30", value_parser = clap::value_parser!(u32).range(1..=240))]
    rate: u32,
    /// Replace timelines that are there already
    #[arg(long)]
    force: bool,
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x').and_then(|(width, height)| {
        let sides: (u32, u32) = (width.parse().ok()?, height.parse().ok()?);
        let possible = 16..=16_384;
        (possible.contains(&sides.0) && possible.contains(&sides.1)).then_some(sides)
    });
    sides.ok_or_else(|| "it is not like 1280x720, from 16 to 16384 pixels".into())
}

fn main() -> ExitCode {
    let options = Options::parse();
    let manifest = Manifest::read(&options.manifest);
    let picture = Picture {
        width: options.size.0,
        height: options.size.1,
        rate: options.rate,
    };
    match timeline::write(&manifest, &options.output, picture, options.force) {
        Ok(written) => {
            written.print();
            match written.warnings.is_empty() {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            eprintln!("room_timeline: {error}");
            ExitCode::FAILURE
        }
    }
}
