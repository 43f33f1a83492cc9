// SPDX-License-Identifier: MPL-2.0
//! One file that is written on a thread of its own, so that a disk which stalls or fails costs
//! this file only.
//!
//! What is handed in is written in the next moment ([`FileSpec::gather`]; everything that waits goes
//! out in one write), and a second thread calls `fdatasync` once a second: killing the process loses
//! what waits, losing power at most a second more. Callers never block: they look at
//! [`FileWriter::waiting`].

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::bell::Bell;
use super::naming;

/// With what is gathered, a second.
const SYNC_INTERVAL: Duration = Duration::from_millis(850);
/// Of a file that is younger everything is written at once: whoever waits for its beginning sees it.
const YOUNG: Duration = Duration::from_secs(1);
/// Names tried before a folder full of namesakes counts as an error.
const MAX_ALTERNATIVES: u32 = 10_000;

/// A step of writing a file.
#[derive(Debug, PartialEq)]
pub(super) enum Op {
    Append(Vec<u8>),
    /// Overwrites bytes that were appended before.
    At(u64, Vec<u8>),
    Finish,
}

/// What became of the file.
#[derive(Debug)]
pub(super) enum FileEvent {
    Opened(PathBuf),
    /// Less is left on the disk than should be; the file goes on until it is finished.
    SpaceLow,
    Closed,
    Failed {
        path: PathBuf,
        error: io::Error,
    },
}

/// Where to write.
#[derive(Debug, Clone)]
pub(super) struct FileSpec {
    pub path: PathBuf,
    pub create_folders: bool,
    /// Bytes that others may need: with less left on the disk no file begins.
    pub min_free: u64,
    /// What is handed in within so long goes out in one write.
    pub gather: Duration,
}

type Report = Arc<dyn Fn(FileEvent) + Send + Sync>;

/// Handle of the writing thread. Dropping it finishes the file as far as it got.
pub(super) struct FileWriter {
    ops: mpsc::Sender<Op>,
    bell: Arc<Bell>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    handed_in: AtomicU64,
    written: AtomicU64,
}

impl FileWriter {
    /// Starts the thread; `report` is called from it, `Opened` first, and `Closed` or `Failed`
    /// exactly once as the last.
    pub(super) fn start(
        spec: FileSpec,
        report: impl Fn(FileEvent) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let report: Report = Arc::new(report);
        let (ops, inbox) = mpsc::channel();
        let (bell, counters) = (Arc::<Bell>::default(), Arc::new(Counters::default()));
        let job = Job {
            spec,
            inbox,
            bell: bell.clone(),
            counters: counters.clone(),
        };
        thread::Builder::new()
            .name("roomfile:write".into())
            .spawn(move || job.run(&report))?;
        Ok(Self {
            ops,
            bell,
            counters,
        })
    }

    pub(super) fn send(&self, op: Op) {
        if let Op::Append(data) = &op {
            let len = data.len() as u64;
            self.counters.handed_in.fetch_add(len, Ordering::Relaxed);
        }
        let is_last = op == Op::Finish;
        // The thread is gone only after it has reported why.
        let _ = self.ops.send(op);
        if is_last {
            self.bell.ring();
        }
    }

    /// Bytes appended so far, on disk or not.
    pub(super) fn bytes(&self) -> u64 {
        self.counters.handed_in.load(Ordering::Relaxed)
    }

    /// Bytes that the operating system has taken.
    pub(super) fn written(&self) -> u64 {
        self.counters.written.load(Ordering::Relaxed)
    }

    /// The writing thread, to be watched after this handle is gone.
    pub(super) fn thread(&self) -> WritingThread {
        WritingThread(Arc::downgrade(&self.counters))
    }

    /// Bytes that wait for the disk.
    pub(super) fn waiting(&self) -> u64 {
        self.bytes().saturating_sub(self.written())
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        // The part is given up: the thread, which sees that, may rest.
        self.bell.ring();
    }
}

/// The thread of a file that was given up.
pub(super) struct WritingThread(Weak<Counters>);

impl WritingThread {
    /// Whether it still waits for the disk. Nothing can end a write that the system is in.
    pub(super) fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }
}

struct Job {
    spec: FileSpec,
    inbox: mpsc::Receiver<Op>,
    bell: Arc<Bell>,
    counters: Arc<Counters>,
}

impl Job {
    fn run(self, report: &Report) {
        let folders = folders_to_sync(&self.spec);
        let (path, file) = match open_new(&self.spec) {
            Ok(opened) => opened,
            Err(error) => {
                let path = self.spec.path.clone();
                return report(FileEvent::Failed { path, error });
            }
        };
        report(FileEvent::Opened(path.clone()));
        match self.write(&path, file, folders, report) {
            Ok(()) => report(FileEvent::Closed),
            Err(error) => {
                self.remove_if_empty(&path);
                report(FileEvent::Failed { path, error });
            }
        }
    }

    /// A file that failed before it held anything tells nobody anything.
    fn remove_if_empty(&self, path: &Path) {
        if self.counters.written.load(Ordering::Relaxed) == 0 {
            let _ = std::fs::remove_file(path);
        }
    }

    fn write(
        &self,
        path: &Path,
        mut file: File,
        folders: Vec<PathBuf>,
        report: &Report,
    ) -> io::Result<()> {
        let min_free = self.spec.min_free;
        let syncer = Syncer::start(min_free, folders, file.try_clone()?, report.clone())?;
        let mut batch = Vec::new();
        let opened = Instant::now();
        while let Ok(first) = self.inbox.recv() {
            let mut next = Some(first);
            while let Some(op) = next {
                match op {
                    Op::Append(data) => batch.extend_from_slice(&data),
                    Op::At(position, data) => {
                        self.flush(&mut file, &mut batch)?;
                        file.write_all_at(&data, position)?;
                    }
                    Op::Finish => {
                        self.flush(&mut file, &mut batch)?;
                        return syncer.finish();
                    }
                }
                next = self.inbox.try_recv().ok();
            }
            self.flush(&mut file, &mut batch)?;
            if syncer.thread.is_finished() {
                // It ends early only by an error, which may be the first to tell of a bad disk.
                return syncer.finish();
            }
            if opened.elapsed() >= YOUNG {
                self.bell.rest(self.spec.gather);
            }
        }
        // The part was given up.
        self.remove_if_empty(path);
        syncer.finish()
    }

    fn flush(&self, file: &mut File, batch: &mut Vec<u8>) -> io::Result<()> {
        file.write_all(batch)?;
        let len = batch.len() as u64;
        self.counters.written.fetch_add(len, Ordering::Relaxed);
        batch.clear();
        Ok(())
    }
}

/// Creates the file under the first free name; never follows a link, never overwrites.
fn open_new(spec: &FileSpec) -> io::Result<(PathBuf, File)> {
    let folder = folder_of(&spec.path);
    if spec.create_folders {
        std::fs::create_dir_all(&folder)?;
    }
    if spec.min_free > 0 && free(rustix::fs::statvfs(&folder))? < spec.min_free {
        let text = format!(
            "less than {} bytes are free (min-free-space)",
            spec.min_free
        );
        return Err(io::Error::new(io::ErrorKind::StorageFull, text));
    }
    for n in 1..MAX_ALTERNATIVES {
        let path = naming::alternative(&spec.path, n);
        if !naming::is_free(&path) {
            continue;
        }
        // `create_new` is O_EXCL: it fails on a link as well, also on a dangling one.
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().map_or_else(|| PathBuf::from("."), or_current)
}

fn or_current(folder: &Path) -> PathBuf {
    match folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => folder.to_owned(),
    }
}

/// The folders that get an entry with this file: its own, and where folders are made for it, those
/// that hold them.
fn folders_to_sync(spec: &FileSpec) -> Vec<PathBuf> {
    let folder = folder_of(&spec.path);
    let missing = folder.ancestors().take_while(|f| !or_current(f).exists());
    let count = missing.count() + 1;
    folder.ancestors().take(count).map(or_current).collect()
}

/// Bytes that a user without privileges can still write.
fn free(stat: rustix::io::Result<rustix::fs::StatVfs>) -> io::Result<u64> {
    let stat = stat?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Syncs off the writing thread: on a busy disk `fdatasync` takes longer than a second.
struct Syncer {
    stop: mpsc::Sender<()>,
    thread: thread::JoinHandle<io::Result<()>>,
}

impl Syncer {
    fn start(min_free: u64, folders: Vec<PathBuf>, file: File, report: Report) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        // Some file systems count none. Asked at once, before anybody can know of the file.
        let counts_links = links(&file)? > 0;
        let thread = thread::Builder::new()
            .name("roomfile:sync".into())
            .spawn(move || {
                // Without this a loss of power can take the file's name. A folder that can be
                // written but not read cannot be opened for it.
                for folder in folders.iter().filter_map(|f| File::open(f).ok()) {
                    let _ = folder.sync_all();
                }
                // From start to start: what is written while a sync lasts waits for the next one.
                let mut next = Instant::now() + SYNC_INTERVAL;
                let until = |at: Instant| at.saturating_duration_since(Instant::now());
                while stopped.recv_timeout(until(next)) == Err(mpsc::RecvTimeoutError::Timeout) {
                    next = Instant::now() + SYNC_INTERVAL;
                    sync(&file)?;
                    if counts_links && links(&file)? == 0 {
                        let text = "the file was removed while it was written";
                        return Err(io::Error::new(io::ErrorKind::NotFound, text));
                    }
                    if min_free > 0 && free(rustix::fs::fstatvfs(&file))? < min_free {
                        report(FileEvent::SpaceLow);
                    }
                }
                sync(&file)
            })?;
        Ok(Self { stop, thread })
    }

    fn finish(self) -> io::Result<()> {
        drop(self.stop);
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the syncing thread died")))
    }
}

/// Names that the file has: what is written to a file without one is lost.
fn links(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.nlink())
}

fn sync(file: &File) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, Unsupported};
    match file.sync_data() {
        // Pipes, devices such as /dev/full and some file systems cannot sync.
        Err(e) if matches!(e.kind(), InvalidInput | Unsupported) => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(spec: FileSpec, ops: Vec<Op>) -> Vec<FileEvent> {
        let (tx, rx) = mpsc::channel();
        let writer = FileWriter::start(spec, move |event| tx.send(event).unwrap()).unwrap();
        for op in ops {
            writer.send(op);
        }
        let mut events = Vec::new();
        while let Ok(event) = rx.recv_timeout(Duration::from_secs(10)) {
            events.push(event);
        }
        events
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("roomfile-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn appends_overwrites_and_closes() {
        let folder = folder("append");
        let spec = FileSpec {
            path: folder.join("a.ts"),
            create_folders: true,
            min_free: 0,
            gather: Duration::ZERO,
        };
        let ops = vec![
            Op::Append(b"hello ".to_vec()),
            Op::Append(b"world".to_vec()),
            Op::At(0, b"H".to_vec()),
            Op::Append(b"!".to_vec()),
            Op::Finish,
        ];
        let events = write(spec.clone(), ops);
        assert!(matches!(
            events.as_slice(),
            [FileEvent::Opened(_), FileEvent::Closed]
        ));
        assert_eq!(std::fs::read(&spec.path).unwrap(), b"Hello world!");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_taken_name_is_left_alone_even_if_it_is_a_dangling_link() {
        let folder = folder("taken");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.ts");
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        let spec = FileSpec {
            path,
            create_folders: false,
            min_free: 0,
            gather: Duration::ZERO,
        };
        let events = write(spec, vec![Op::Append(b"x".to_vec()), Op::Finish]);
        let Some(FileEvent::Opened(opened)) = events.first() else {
            panic!("{events:?}")
        };
        assert_eq!(*opened, folder.join("a_2.ts"));
        assert!(!folder.join("nowhere").exists());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_missing_folder_is_reported_with_the_name() {
        let spec = FileSpec {
            path: folder("missing").join("a.ts"),
            create_folders: false,
            min_free: 0,
            gather: Duration::ZERO,
        };
        let events = write(spec.clone(), vec![]);
        assert!(
            matches!(events.as_slice(), [FileEvent::Failed { path, error }]
                if *path == spec.path && error.kind() == io::ErrorKind::NotFound),
            "{events:?}"
        );
    }
}
