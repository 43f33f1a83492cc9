// SPDX-License-Identifier: MPL-2.0
//! How does an application record a room? It links each pad that `vdoroomsrc` adds to
//! `roomfilesink` (`recording`), and reads what there is to show from the `stats` properties
//! (`status`).
//!
//! ```sh
//! cargo run --release --example record_room -- --room studio --location recordings/
//! ```

mod columns;
mod disk;
mod editing;
mod elements;
mod families;
mod files;
mod json;
mod keys;
mod manual;
mod metrics;
mod options;
mod output;
mod parts;
mod plain;
mod recording;
mod status;
mod terminal;
mod words;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use editing::Timelines;
use elements::Elements;
use keys::Keys;
use metrics::Metrics;
use options::Options;
use recording::{End, Recording, quit};

/// Exit status where not all files are whole. Wrong options are 2, by clap.
const INCOMPLETE: u8 = 3;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(End::Whole) => ExitCode::SUCCESS,
        Ok(End::Incomplete) => ExitCode::from(INCOMPLETE),
        Ok(End::Error(error)) => failure(&error),
        Err(error) => failure(&error.to_string()),
    }
}

fn failure(error: &str) -> ExitCode {
    // The terminal may have been closed.
    let _ = writeln!(std::io::stderr(), "vdoroom-record: {}", words::clean(error));
    ExitCode::FAILURE
}

fn run(options: &Options) -> Result<End, Box<dyn Error>> {
    match options.completion {
        _ if options.man => manual::man_page()?,
        Some(shell) => manual::completion(shell),
        None => return record(options),
    }
    Ok(End::Whole)
}

fn record(options: &Options) -> Result<End, Box<dyn Error>> {
    gst::init()?;
    gstvdoroom::plugin_register_static()?;
    let elements = Elements::new(options)?;
    let timelines = options.files.timeline.as_deref();
    let timelines = timelines.map(|name| Timelines::new(name, &elements.sink));
    let timelines = timelines.transpose()?;
    let mut recording = Recording::new(options, elements)?;
    ctrlc::set_handler(quit(&recording.bus))?;
    let metrics = options.run.metrics.map(Metrics::serve).transpose()?;
    let mut output = output::new(options);
    output.started(metrics.as_ref().map(Metrics::address));
    let _keys = Keys::watch(quit(&recording.bus));
    let limit = options.run.seconds.map(Duration::from_secs);
    let end = recording.run(limit, output.as_mut(), metrics.as_ref());
    if let Some(timelines) = timelines {
        timelines.write(options.run.json)?;
    }
    Ok(end)
}
