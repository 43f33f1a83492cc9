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
use vdoroom_test_support::open_files;

use editing::Timelines;
use elements::Elements;
use keys::Keys;
use metrics::Metrics;
use options::Options;
use recording::{End, Recording, quit};

/// Each stream takes 8 descriptors and each open file one, and there may be 256 streams.
const OPEN_FILES: u64 = 16384;
/// Exit status of wrong options, as clap has it, and of values that an element does not take: it
/// makes no sense to try again.
const WRONG: u8 = 2;
/// Exit status where not all files are whole.
const INCOMPLETE: u8 = 3;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(End::Whole) => ExitCode::SUCCESS,
        Ok(End::Incomplete) => ExitCode::from(INCOMPLETE),
        Ok(End::Error(error)) => failure(&error, 1),
        Ok(End::Refused(error)) => failure(&error, WRONG),
        Err(error) => failure(&error.to_string(), 1),
    }
}

fn failure(error: &str, status: u8) -> ExitCode {
    // The terminal may have been closed.
    let _ = writeln!(std::io::stderr(), "vdoroom-record: {}", words::clean(error));
    ExitCode::from(status)
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
    // With fewer the room is recorded as far as they go.
    open_files::allow(OPEN_FILES);
    gst::init()?;
    gstvdoroom::plugin_register_static()?;
    let elements = match Elements::new(options)? {
        Ok(elements) => elements,
        Err(refused) => return Ok(End::Refused(refused)),
    };
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
