// SPDX-License-Identifier: MPL-2.0
//! A conversation as one side of it saw it, for tests that fail.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A server that runs for weeks keeps only the newest entries.
const KEPT: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Whoever keeps the log received it.
    Received,
    /// … sent it.
    Sent,
    /// … swallowed it (a fault is switched on).
    Dropped,
}

/// One message.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Since the log began.
    pub at: Duration,
    /// The other side.
    pub who: String,
    pub direction: Direction,
    pub text: String,
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 240;
        let arrow = match self.direction {
            Direction::Received => "->",
            Direction::Sent => "<-",
            Direction::Dropped => "x-",
        };
        let at = self.at.as_secs_f64();
        let text: String = self.text.chars().take(SHOWN).collect();
        let more = if text.len() < self.text.len() {
            " …"
        } else {
            ""
        };
        write!(f, "{at:9.3} {:<24} {arrow} {text}{more}", self.who)
    }
}

pub struct Log {
    start: Instant,
    entries: Mutex<VecDeque<LogEntry>>,
    grown: Condvar,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            grown: Condvar::new(),
            start: Instant::now(),
            entries: Mutex::default(),
        }
    }
}

impl Log {
    pub fn add(&self, who: String, direction: Direction, text: &str) {
        let entry = LogEntry {
            at: self.start.elapsed(),
            who,
            direction,
            text: text.into(),
        };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == KEPT {
            entries.pop_front();
        }
        entries.push_back(entry);
        drop(entries);
        self.grown.notify_all();
    }

    pub fn entries(&self) -> Vec<LogEntry> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().cloned().collect()
    }

    /// The first entry that satisfies the condition, waiting for it if it is not there yet.
    pub fn wait_for(
        &self,
        timeout: Duration,
        condition: impl Fn(&LogEntry) -> bool,
    ) -> Option<LogEntry> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (entries, _) = self
            .grown
            .wait_timeout_while(entries, timeout, |entries| !entries.iter().any(&condition))
            .unwrap_or_else(PoisonError::into_inner);
        entries.iter().find(|entry| condition(entry)).cloned()
    }
}
