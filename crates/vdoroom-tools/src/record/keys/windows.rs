// SPDX-License-Identifier: MPL-2.0
//! Keys on a Windows console. Reading them shows nothing, and no program is in the background there.

use std::io::IsTerminal;
use std::thread;

use console::Term;

/// Keys are read without Enter, until the process ends.
pub struct Keys;

impl Keys {
    /// Calls `mark` at each `m` and `quit` at `q`. Nothing is read where there is no console.
    pub fn watch(
        mark: impl Fn() + Send + 'static,
        quit: impl Fn() + Send + 'static,
    ) -> Option<Self> {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        // Ends with the process, or with the console.
        thread::spawn(move || read(mark, quit));
        Some(Self)
    }
}

fn read(mark: impl Fn(), quit: impl Fn()) {
    // Standard output may be a file.
    let console = Term::stderr();
    while let Ok(key) = console.read_char() {
        match key {
            'm' | 'M' => mark(),
            'q' | 'Q' => quit(),
            _ => {}
        }
    }
}
