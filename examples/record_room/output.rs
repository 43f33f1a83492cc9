// SPDX-License-Identifier: MPL-2.0
//! Output: on a terminal, as plain lines, or as JSON.

use std::io::{IsTerminal, Write};

use crate::json::JsonLines;
use crate::options::Options;
use crate::plain::PlainLines;
use crate::recording::End;
use crate::status::{Files, Status};
use crate::terminal::Terminal;

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

pub fn new(options: &Options) -> Box<dyn Output> {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match () {
        () if options.run.json => Box::new(JsonLines::new(options)),
        () if std::io::stdout().is_terminal() && !is_dumb => Box::new(Terminal::new(options)),
        () => Box::new(PlainLines::default()),
    }
}

/// Prints a line. The reader may exit while the recording continues.
pub fn print(line: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}
