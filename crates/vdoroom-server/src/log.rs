// SPDX-License-Identifier: MPL-2.0
//! A conversation as one side of it saw it, for tests that fail.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::printable::printable;

/// Only the newest entries are kept: so many, and so many bytes of text.
const KEPT: usize = 10_000;
const KEPT_BYTES: usize = 32 * 1024 * 1024;

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
        let end = self.text.char_indices().nth(SHOWN);
        let (text, more) = match end {
            Some((end, _)) => (&self.text[..end], " …"),
            None => (self.text.as_str(), ""),
        };
        let (who, text) = (printable(&self.who), printable(text));
        write!(f, "{at:9.3} {who:<24} {arrow} {text}{more}")
    }
}

pub struct Log {
    start: Instant,
    kept: Mutex<Kept>,
    grown: Condvar,
}

#[derive(Default)]
struct Kept {
    entries: VecDeque<LogEntry>,
    bytes: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            grown: Condvar::new(),
            start: Instant::now(),
            kept: Mutex::default(),
        }
    }
}

impl Kept {
    fn add(&mut self, entry: LogEntry) {
        self.bytes += entry.text.len();
        self.entries.push_back(entry);
        while self.entries.len() > KEPT || self.bytes > KEPT_BYTES {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= oldest.text.len();
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
        self.lock().add(entry);
        self.grown.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn entries(&self) -> Vec<LogEntry> {
        self.lock().entries.iter().cloned().collect()
    }

    /// The first entry that satisfies the condition, waiting for it if it is not there yet.
    pub fn wait_for(
        &self,
        timeout: Duration,
        condition: impl Fn(&LogEntry) -> bool,
    ) -> Option<LogEntry> {
        let (kept, _) = self
            .grown
            .wait_timeout_while(self.lock(), timeout, |kept| {
                !kept.entries.iter().any(&condition)
            })
            .unwrap_or_else(PoisonError::into_inner);
        let found = kept.entries.iter().find(|entry| condition(entry));
        found.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_so_many_entries_and_so_many_bytes() {
        let log = Log::default();
        for _ in 0..2 * KEPT {
            log.add("#1".into(), Direction::Received, "short");
        }
        assert_eq!(log.entries().len(), KEPT);
        let long = "x".repeat(256 * 1024);
        for _ in 0..200 {
            log.add("#1".into(), Direction::Received, &long);
        }
        let kept: usize = log.entries().iter().map(|entry| entry.text.len()).sum();
        assert!(
            (KEPT_BYTES - long.len()..=KEPT_BYTES).contains(&kept),
            "{kept}"
        );
    }
}
