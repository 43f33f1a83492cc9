// SPDX-License-Identifier: MPL-2.0
//! The work of one file, in turns that any thread may take: opening and writing, and syncing.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use vdoroom_platform::file::{write_all_at, write_all_vectored};

use super::checksum::Checksum;
use super::desk::{Desk, Outcome, Plan, Plans, Sync};
use super::disk::Open;
use super::schedule::Lane;
use super::spec::{FileEvent, FileSpec, Op};
use super::workers::{Work, Workers};

type Report = dyn Fn(FileEvent) + Send + std::marker::Sync;

/// More does not go out at once: what a slow disk has taken is only known, and its memory only free,
/// when a write is over.
const LARGE: usize = 1 << 20;

static WORKERS: LazyLock<Workers<Task>> = LazyLock::new(Workers::new);

/// None of its locks is held while another is taken.
pub(crate) struct Job {
    spec: FileSpec,
    desk: Mutex<Desk>,
    checksum: Checksum,
    /// While the file is open.
    open: Mutex<Option<Arc<Open>>>,
    /// Until the last event.
    report: Mutex<Option<Arc<Report>>>,
    pub handed_in: AtomicU64,
    pub written: AtomicU64,
}

struct Task(Arc<Job>);

impl PartialEq for Task {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Work for Task {
    fn run(self, lane: Lane) {
        match lane {
            Lane::Write => self.0.write_turn(),
            Lane::Sync => self.0.sync_turn(),
        }
        self.0.conclude();
    }
}

/// What goes out in one write. It stays where it is: to copy it together costs more than a list of places.
#[derive(Default)]
struct Batch {
    pieces: Vec<Vec<u8>>,
    size: usize,
}

impl Job {
    pub(crate) fn start(
        spec: FileSpec,
        report: impl Fn(FileEvent) + Send + std::marker::Sync + 'static,
    ) -> io::Result<Arc<Self>> {
        WORKERS.enter()?;
        let desk = Desk::new(spec.gather, spec.min_free > 0, Instant::now());
        let job = Arc::new(Self {
            checksum: Checksum::new(spec.checksum),
            spec,
            desk: Mutex::new(desk),
            open: Mutex::default(),
            report: Mutex::new(Some(Arc::new(report))),
            handed_in: AtomicU64::new(0),
            written: AtomicU64::new(0),
        });
        job.arrange(Lane::Write, Plan::Now);
        Ok(job)
    }

    pub(crate) fn hand_in(self: &Arc<Self>, ops: Vec<Op>) {
        let plan = self.desk().hand_in(ops);
        self.arrange(Lane::Write, plan);
    }

    pub(crate) fn give_up(self: &Arc<Self>) {
        // Nobody awaits the end of the file.
        self.hurry();
        let plan = self.desk().give_up();
        self.arrange(Lane::Write, plan);
    }

    /// Somebody waits for the end of the file.
    pub(crate) fn hurry(&self) {
        self.checksum.hurry();
    }

    fn arrange(self: &Arc<Self>, lane: Lane, plan: Plan) {
        let task = || Task(self.clone());
        match plan {
            Plan::Nothing | Plan::Again => {}
            Plan::Now => WORKERS.now(lane, task()),
            Plan::Hasten => WORKERS.hasten(lane, &task()),
            Plan::Within(delay) => {
                WORKERS.within(delay, lane, task());
                // Who found it urgent before it was arranged had nothing to hasten.
                if self.desk().is_late()[lane as usize] {
                    WORKERS.hasten(lane, &task());
                }
            }
        }
    }

    fn write_turn(self: &Arc<Self>) {
        loop {
            let open = match self.opened() {
                Ok(open) => open,
                Err(error) => return self.desk().fail_to_open(error),
            };
            let ops = self.desk().take();
            let has_ops = !ops.is_empty();
            let result = self.write(&open, ops);
            // Whoever has the last turn closes the file.
            drop(open);
            let plans = self.desk().wrote(has_ops, result, Instant::now());
            if !self.go_on(plans, Lane::Write) {
                return;
            }
        }
    }

    /// Opens the file in its first turn.
    fn opened(self: &Arc<Self>) -> io::Result<Arc<Open>> {
        let open = self.open().clone();
        if let Some(open) = open {
            return Ok(open);
        }
        let open = Arc::new(Open::create(&self.spec)?);
        *self.open() = Some(open.clone());
        self.tell(FileEvent::Opened(open.path.clone()));
        let plan = self.desk().opened(Instant::now());
        self.arrange(Lane::Sync, plan);
        Ok(open)
    }

    /// All that waits, in as few writes as there can be.
    fn write(&self, open: &Open, ops: Vec<Op>) -> io::Result<()> {
        let mut batch = Batch::default();
        for op in ops {
            match op {
                Op::Append(data) => {
                    batch.size += data.len();
                    batch.pieces.push(data);
                }
                Op::At(position, data) => {
                    self.flush(open, &mut batch)?;
                    self.checksum.overwrite();
                    write_all_at(&open.file, &data, position)?;
                }
                Op::Sync => {
                    self.flush(open, &mut batch)?;
                    open.sync()?;
                }
                Op::Finish => {}
            }
            if batch.size >= LARGE {
                self.flush(open, &mut batch)?;
            }
        }
        self.flush(open, &mut batch)
    }

    fn flush(&self, open: &Open, batch: &mut Batch) -> io::Result<()> {
        let Batch { pieces, size } = std::mem::take(batch);
        write_all_vectored(&open.file, &pieces)?;
        pieces.iter().for_each(|data| self.checksum.append(data));
        self.written.fetch_add(size as u64, Ordering::Relaxed);
        Ok(())
    }

    fn sync_turn(self: &Arc<Self>) {
        loop {
            let sync = self.desk().begin_sync(Instant::now());
            let Some(sync) = sync else {
                return;
            };
            let open = self.open().clone();
            let result = open.map_or(Ok(()), |open| self.sync(&open, &sync));
            let plans = self.desk().synced(&sync, result, Instant::now());
            if !self.go_on(plans, Lane::Sync) {
                return;
            }
        }
    }

    fn sync(&self, open: &Open, sync: &Sync) -> io::Result<()> {
        match sync {
            Sync::Folders => open.sync_folders(),
            Sync::Last => open.sync()?,
            Sync::Look { written } => {
                if *written {
                    open.sync()?;
                }
                open.check_name()?;
                if open.has_less_than(self.spec.min_free)? {
                    self.tell(FileEvent::SpaceLow);
                }
            }
        }
        Ok(())
    }

    /// Whether the thread of this turn goes on with it.
    fn go_on(self: &Arc<Self>, plans: Plans, lane: Lane) -> bool {
        let own = match lane {
            Lane::Write => plans.write,
            Lane::Sync => plans.sync,
        };
        self.arrange(Lane::Write, plans.write);
        self.arrange(Lane::Sync, plans.sync);
        own == Plan::Again
    }

    /// Closes the file and tells what became of it, if this was the last turn.
    fn conclude(&self) {
        let outcome = self.desk().outcome();
        let Some(Outcome {
            result,
            remove_if_empty,
        }) = outcome
        else {
            return;
        };
        let open = self.open().take();
        let path = open.as_ref().map(|o| o.path.clone());
        // Takes long of a large file. Nobody waits for it: what else this thread would do, another
        // one does from the next tick on.
        let result = result.and_then(|()| match &open {
            Some(open) => self.checksum.finish(&open.file, self.bytes_written()),
            None => Ok(None),
        });
        // Before anybody hears that it is closed.
        drop(open);
        if remove_if_empty && self.bytes_written() == 0 {
            let _ = path.as_ref().map(std::fs::remove_file);
        }
        self.tell(match result {
            Ok(sha256) => FileEvent::Closed { sha256 },
            Err(error) => FileEvent::Failed {
                path: path.unwrap_or_else(|| self.spec.path.clone()),
                error,
            },
        });
        let report = lock(&self.report).take();
        drop(report);
        WORKERS.leave();
    }

    fn bytes_written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    fn tell(&self, event: FileEvent) {
        let report = lock(&self.report).clone();
        if let Some(report) = report {
            report(event);
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }

    fn open(&self) -> MutexGuard<'_, Option<Arc<Open>>> {
        lock(&self.open)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
