// SPDX-License-Identifier: MPL-2.0
//! What a recording shows: a table on a terminal, plain lines, or JSON. The recording tells an
//! [`Output`] what happens, all on the main thread.

// From bottom to top: imports run downwards only.
mod columns;
mod contract;
mod words;

mod files;

mod json;
mod plain;
mod terminal;

use std::io::IsTerminal;

use crate::record::options::Options;

pub use contract::Output;

use json::JsonLines;
use plain::PlainLines;
use terminal::Terminal;

pub fn new(options: &Options) -> Box<dyn Output> {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match () {
        () if options.run.json => Box::new(JsonLines::new(options)),
        () if std::io::stdout().is_terminal() && !is_dumb => Box::new(Terminal::new(options)),
        () => Box::new(PlainLines::default()),
    }
}
