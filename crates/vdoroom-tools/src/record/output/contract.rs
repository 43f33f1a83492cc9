// SPDX-License-Identifier: MPL-2.0
//! What every output is told, and how it prints.

use std::io::Write;

use crate::record::end::End;
use crate::record::status::{Files, Status};

pub trait Output {
    /// The recording begins. `metrics` is the address at which they are served.
    fn started(&mut self, metrics: Option<&str>);
    /// Once a second.
    fn status(&mut self, status: &Status);
    /// A message of one of the elements, by its name without the prefix of the element.
    fn news(&mut self, event: &str, fields: &gst::Structure);
    fn warning(&mut self, text: &str);
    /// The recording has ended; files are being closed.
    fn closing(&mut self);
    /// All is over. `files` is the property of roomfilesink, `sums` is what it holds in all.
    fn ended(&mut self, files: &gst::Structure, sums: &Files, end: &End);
}

/// Prints a line. The reader may exit while the recording continues.
pub fn print(line: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}
