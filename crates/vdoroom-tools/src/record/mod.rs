// SPDX-License-Identifier: MPL-2.0
//! `vdoroom record`: records a room and shows what happens. Links each pad that `vdoroomsrc` adds
//! to `roomfilesink` (`recording`), and reads what there is to show from the `stats` properties
//! (`status`).
//!
//! Its door is [`run`], which works on the main thread until all files are closed. Threads of its
//! own have the keyboard (`keys`), the look at the disk (`status`) and the requests for metrics.

// From bottom to top: imports run downwards only.
mod end;
mod keys;
mod manual;
mod options;

mod editing;
mod elements;
mod status;

mod metrics;
mod output;

mod recording;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use vdoroom_server::{open_files, printable};

pub use manual::PAGE;
pub use options::Options;

use editing::Timelines;
use elements::Elements;
use end::End;
use keys::Keys;
use metrics::Metrics;
use recording::{Recording, mark, quit};

/// Each stream takes 8 descriptors and each open file one, and there may be 256 streams.
const OPEN_FILES: u64 = 16384;
/// Exit status of wrong options, as clap has it, and of values that an element does not take: it
/// makes no sense to try again.
const WRONG: u8 = 2;
/// Exit status where not all files are whole.
const INCOMPLETE: u8 = 3;

pub fn run(options: &Options) -> ExitCode {
    match record(options) {
        Ok(End::Whole) => ExitCode::SUCCESS,
        Ok(End::Incomplete) => ExitCode::from(INCOMPLETE),
        Ok(End::Error(error)) => failure(&error, 1),
        Ok(End::Refused(error)) => failure(&error, WRONG),
        Err(error) => failure(&error.to_string(), 1),
    }
}

fn failure(error: &str, status: u8) -> ExitCode {
    // The terminal may have been closed.
    let _ = writeln!(std::io::stderr(), "vdoroom record: {}", printable(error));
    ExitCode::from(status)
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
    let _keys = Keys::watch(mark(&recording.bus), quit(&recording.bus));
    let limit = options.run.seconds.map(Duration::from_secs);
    let end = recording.run(limit, output.as_mut(), metrics.as_ref());
    if let Some(timelines) = timelines {
        timelines.write(options.run.json)?;
    }
    Ok(end)
}
