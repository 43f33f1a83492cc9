// SPDX-License-Identifier: MPL-2.0
//! The data that waits for one file, and which thread may take it. A value: time comes from the
//! caller, and requests to the threads are returned to it.
//!
//! At any moment at most one thread writes the file, and at most one syncs it. The last of them
//! reports the result.

use std::io;
use std::time::{Duration, Instant};

use super::spec::Op;

/// From the start of a sync to that of the next. With what is gathered, a second.
const SYNC_INTERVAL: Duration = Duration::from_millis(900);
/// A younger file is written at once, so that its beginning can be seen.
const YOUNG: Duration = Duration::from_secs(1);

/// Where the writing of a file stands, and its syncing.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Turn {
    Rests,
    /// For its time.
    Waits,
    /// A thread has it, or was called for it.
    Works,
}

/// What the caller has to arrange.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Plan {
    Nothing,
    Now,
    Within(Duration),
    /// What was arranged for later is wanted now.
    Hasten,
    /// The calling thread continues.
    Again,
}

/// Plans for both turns.
#[derive(Debug, PartialEq)]
pub(crate) struct Plans {
    pub write: Plan,
    pub sync: Plan,
}

/// What a sync consists of.
#[derive(Debug, PartialEq)]
pub(crate) enum Sync {
    /// The names of the file and of its folders, once.
    Folders,
    /// A look at the file and its disk, after a sync if anything was written.
    Look {
        written: bool,
    },
    Last,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Finished,
    GivenUp,
}

/// How a file ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub result: io::Result<()>,
    /// An empty file is of no use.
    pub remove_if_empty: bool,
}

pub(crate) struct Desk {
    gather: Duration,
    /// Whether the disk is looked at even while nothing is written.
    watches_disk: bool,
    ops: Vec<Op>,
    end: Option<End>,
    write: Turn,
    sync: Turn,
    opened: Option<Instant>,
    /// As of the last write: who hands in needs no clock.
    is_young: bool,
    are_folders_synced: bool,
    synced: Instant,
    /// Something was written since the last sync began.
    is_dirty: bool,
    /// Everything is written.
    is_written: bool,
    is_over: bool,
    /// The outcome, once it is known.
    result: Option<io::Result<()>>,
}

impl Desk {
    /// Of a file that a thread was called to open.
    pub(crate) fn new(gather: Duration, watches_disk: bool, now: Instant) -> Self {
        Self {
            gather,
            watches_disk,
            ops: Vec::new(),
            end: None,
            write: Turn::Works,
            sync: Turn::Rests,
            opened: None,
            is_young: true,
            are_folders_synced: false,
            synced: now,
            is_dirty: false,
            is_written: false,
            is_over: false,
            result: None,
        }
    }

    /// The file is there. The plan is that of the sync.
    pub(crate) fn opened(&mut self, now: Instant) -> Plan {
        self.opened = Some(now);
        self.synced = now;
        self.sync = Turn::Works;
        Plan::Now
    }

    /// One step or more. A thread takes all of them together. Data after the end, or after a failure, is
    /// dropped. The plan is that of the write.
    pub(crate) fn hand_in(&mut self, ops: Vec<Op>) -> Plan {
        if self.end.is_some() || self.result.is_some() {
            return Plan::Nothing;
        }
        for op in ops {
            match op {
                Op::Finish => {
                    self.end = Some(End::Finished);
                    break;
                }
                op => self.ops.push(op),
            }
        }
        self.plan_write()
    }

    /// Nobody hands in any more: the file ends as far as it got.
    pub(crate) fn give_up(&mut self) -> Plan {
        if self.end.is_some() || self.result.is_some() {
            return Plan::Nothing;
        }
        self.end = Some(End::GivenUp);
        self.plan_write()
    }

    fn plan_write(&mut self) -> Plan {
        match self.write {
            Turn::Works => Plan::Nothing,
            Turn::Waits if self.is_urgent() => Plan::Hasten,
            Turn::Waits => Plan::Nothing,
            Turn::Rests if self.is_urgent() => {
                self.write = Turn::Works;
                Plan::Now
            }
            Turn::Rests => {
                self.write = Turn::Waits;
                Plan::Within(self.gather)
            }
        }
    }

    fn is_urgent(&self) -> bool {
        self.end.is_some() || self.is_young || self.gather.is_zero()
    }

    /// What a thread that writes takes along.
    pub(crate) fn take(&mut self) -> Vec<Op> {
        self.write = Turn::Works;
        if self.result.is_some() {
            self.ops.clear();
        }
        std::mem::take(&mut self.ops)
    }

    /// A thread has written what it took (`wrote` if that was anything), or failed to.
    pub(crate) fn wrote(&mut self, wrote: bool, result: io::Result<()>, now: Instant) -> Plans {
        self.is_dirty |= wrote;
        let age = self.opened.map(|at| now.saturating_duration_since(at));
        self.is_young = age.is_none_or(|age| age < YOUNG);
        if let Err(error) = result {
            self.fail(error);
        }
        if self.result.is_some() {
            self.write = Turn::Rests;
        } else if !self.ops.is_empty() {
            self.write = Turn::Rests;
            let write = match self.plan_write() {
                Plan::Now => Plan::Again,
                plan => plan,
            };
            let sync = self.plan_sync(now);
            return Plans { write, sync };
        } else {
            self.write = Turn::Rests;
            self.is_written = self.end.is_some();
        }
        Plans {
            write: Plan::Nothing,
            sync: self.plan_sync(now),
        }
    }

    fn plan_sync(&mut self, now: Instant) -> Plan {
        let has_failed = self.result.is_some();
        match self.sync {
            Turn::Works => Plan::Nothing,
            Turn::Waits if has_failed || self.is_written => Plan::Hasten,
            Turn::Waits => Plan::Nothing,
            Turn::Rests if has_failed => Plan::Nothing,
            Turn::Rests if self.is_written => {
                self.sync = Turn::Works;
                Plan::Now
            }
            Turn::Rests if self.is_dirty || self.watches_disk => {
                self.sync = Turn::Waits;
                let since = now.saturating_duration_since(self.synced);
                Plan::Within(SYNC_INTERVAL.saturating_sub(since))
            }
            Turn::Rests => Plan::Nothing,
        }
    }

    /// What a thread that syncs has to do.
    pub(crate) fn begin_sync(&mut self, now: Instant) -> Option<Sync> {
        if self.result.is_some() {
            self.sync = Turn::Rests;
            return None;
        }
        self.sync = Turn::Works;
        if !self.are_folders_synced {
            return Some(Sync::Folders);
        }
        // From start to start: what is written while a sync lasts waits for the next one.
        self.synced = now;
        let written = std::mem::take(&mut self.is_dirty);
        Some(match self.is_written {
            true => Sync::Last,
            false => Sync::Look { written },
        })
    }

    pub(crate) fn synced(&mut self, sync: &Sync, result: io::Result<()>, now: Instant) -> Plans {
        let is_last = *sync == Sync::Last;
        self.are_folders_synced |= *sync == Sync::Folders;
        self.sync = Turn::Rests;
        match result {
            Err(error) => self.fail(error),
            Ok(()) if is_last && self.result.is_none() => self.result = Some(Ok(())),
            Ok(()) => {}
        }
        let sync = match self.plan_sync(now) {
            Plan::Now => Plan::Again,
            plan => plan,
        };
        // A sync may be the first to tell of a bad disk.
        let hears = self.result.is_some() && self.write == Turn::Waits;
        let write = if hears { Plan::Hasten } else { Plan::Nothing };
        Plans { write, sync }
    }

    /// Only the first failure counts.
    pub(crate) fn fail(&mut self, error: io::Error) {
        if self.result.is_none() {
            self.result = Some(Err(error));
        }
        self.ops.clear();
    }

    /// The file could not be opened.
    pub(crate) fn fail_to_open(&mut self, error: io::Error) {
        self.fail(error);
        self.write = Turn::Rests;
    }

    /// Whether what was arranged for later has become urgent meanwhile.
    pub(crate) fn is_late(&self) -> [bool; 2] {
        let has_failed = self.result.is_some();
        let write = self.write == Turn::Waits && (has_failed || self.is_urgent());
        let sync = self.sync == Turn::Waits && (has_failed || self.is_written);
        [write, sync]
    }

    /// What became of the file: once, when no thread has anything to do with it any more.
    pub(crate) fn outcome(&mut self) -> Option<Outcome> {
        if self.write != Turn::Rests || self.sync != Turn::Rests || self.is_over {
            return None;
        }
        let result = self.result.take()?;
        self.is_over = true;
        // Keeps what may still be handed in from piling up.
        self.result = Some(Ok(()));
        Some(Outcome {
            remove_if_empty: result.is_err() || self.end == Some(End::GivenUp),
            result,
        })
    }
}

#[cfg(test)]
mod tests;
