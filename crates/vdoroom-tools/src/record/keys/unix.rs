// SPDX-License-Identifier: MPL-2.0
//! The keys of a terminal, as long as this program is in its foreground.

use std::io::IsTerminal;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::stdio::stdin;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// How soon it is noticed that the program is in the foreground again.
const BACKGROUND: Duration = Duration::from_millis(500);

/// Keys are read without Enter and not shown, until this is dropped.
pub struct Keys {
    before: Termios,
}

impl Keys {
    /// Calls `mark` at each `m` and `quit` at `q`. Nothing is read where there is no terminal.
    pub fn watch(
        mark: impl Fn() + Send + 'static,
        quit: impl Fn() + Send + 'static,
    ) -> Option<Self> {
        // Who is in the background and touches the terminal is stopped by it.
        if !std::io::stdin().is_terminal() || !is_foreground() {
            return None;
        }
        let before = tcgetattr(stdin()).ok()?;
        let mut modes = before.clone();
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(stdin(), OptionalActions::Now, &modes).ok()?;
        // Ends with the process, or with the terminal.
        thread::spawn(move || read(mark, quit));
        Some(Self { before })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if is_foreground() {
            // Fails only if the terminal has gone.
            let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
        }
    }
}

fn is_foreground() -> bool {
    tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
}

fn read(mark: impl Fn(), quit: impl Fn()) {
    loop {
        let mut input = [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)];
        match poll(&mut input, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        if !is_foreground() {
            thread::sleep(BACKGROUND);
            continue;
        }
        let mut keys = [0; 64];
        match rustix::io::read(stdin(), &mut keys) {
            Ok(0) => return,
            Ok(count) => {
                let keys = &keys[..count];
                let marks = keys.iter().filter(|key| matches!(key, b'm' | b'M'));
                marks.for_each(|_| mark());
                if keys.iter().any(|key| matches!(key, b'q' | b'Q')) {
                    quit();
                }
            }
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
