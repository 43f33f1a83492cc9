// SPDX-License-Identifier: MPL-2.0
//! The handle of a file that other threads write.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::job::Job;
use super::spec::{FileEvent, FileSpec, Op};

/// Handle of a file that is written. Dropping it finishes the file as far as it got.
pub(crate) struct FileWriter(Arc<Job>);

impl FileWriter {
    /// Has the file made; `report` is called from other threads, one at a time, `Opened` first, and
    /// `Closed` or `Failed` exactly once as the last.
    pub(crate) fn start(
        spec: FileSpec,
        report: impl Fn(FileEvent) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Job::start(spec, report).map(Self)
    }

    /// What is sent together is written together, as far as one write takes it.
    pub(crate) fn send(&self, ops: Vec<Op>) {
        if ops.is_empty() {
            return;
        }
        let lengths = ops.iter().map(|op| match op {
            Op::Append(data) => data.len() as u64,
            Op::At(..) | Op::Sync | Op::Finish => 0,
        });
        self.0.handed_in.fetch_add(lengths.sum(), Ordering::Relaxed);
        self.0.hand_in(ops);
    }

    /// Bytes appended so far, on disk or not.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.handed_in.load(Ordering::Relaxed)
    }

    /// Bytes that the operating system has taken.
    pub(crate) fn written(&self) -> u64 {
        self.0.written.load(Ordering::Relaxed)
    }

    /// It is closed without a checksum that is not there yet.
    pub(crate) fn hurry(&self) {
        self.0.hurry();
    }

    /// The work on the file, to be watched after this handle is gone.
    pub(crate) fn work(&self) -> FileWork {
        FileWork(Arc::downgrade(&self.0))
    }

    /// Bytes that wait for the disk.
    pub(crate) fn waiting(&self) -> u64 {
        self.bytes().saturating_sub(self.written())
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// The work on a file that was given up.
pub(crate) struct FileWork(Weak<Job>);

impl FileWork {
    /// Whether it still waits for the disk. Nothing can end a write that the system is in.
    pub(crate) fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn write(spec: FileSpec, ops: Vec<Op>) -> Vec<FileEvent> {
        let (tx, rx) = mpsc::channel();
        let writer = FileWriter::start(spec, move |event| tx.send(event).unwrap()).unwrap();
        for op in ops {
            writer.send(vec![op]);
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
            checksum: false,
        };
        let ops = vec![
            Op::Append(b"hello ".to_vec()),
            Op::Append(b"world".to_vec()),
            Op::Sync,
            Op::At(0, b"H".to_vec()),
            Op::Append(b"!".to_vec()),
            Op::Finish,
        ];
        let events = write(spec.clone(), ops);
        assert!(matches!(
            events.as_slice(),
            [FileEvent::Opened(_), FileEvent::Closed { .. }]
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
            checksum: false,
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
            checksum: false,
        };
        let events = write(spec.clone(), vec![]);
        assert!(
            matches!(events.as_slice(), [FileEvent::Failed { path, error }]
                if *path == spec.path && error.kind() == io::ErrorKind::NotFound),
            "{events:?}"
        );
    }

    /// What hangs here in the report would hang in a write in the same way.
    #[test]
    fn more_files_than_there_are_threads_may_hang_and_another_goes_on() {
        const STUCK: usize = 40;
        let folder = folder("stuck");
        let spec = |name: String| FileSpec {
            path: folder.join(name),
            create_folders: true,
            min_free: 0,
            gather: Duration::from_millis(100),
            checksum: false,
        };
        let (hangs, hung) = mpsc::channel();
        let (tx, rx) = mpsc::channel();
        let mut releases = Vec::new();
        let start = |n| {
            let (release, released) = mpsc::channel::<()>();
            let (hangs, tx) = (hangs.clone(), tx.clone());
            let released = std::sync::Mutex::new(released);
            releases.push(release);
            let report = move |event| match event {
                FileEvent::Opened(_) => {
                    hangs.send(()).unwrap();
                    let _ = released.lock().unwrap().recv();
                }
                event => tx.send(event).unwrap(),
            };
            FileWriter::start(spec(format!("stuck-{n}.ts")), report).unwrap()
        };
        let stuck: Vec<_> = (0..STUCK).map(start).collect();
        for _ in &stuck {
            hung.recv_timeout(Duration::from_secs(10)).unwrap();
        }
        let ops = vec![Op::Append(b"moves".to_vec()), Op::Finish];
        let events = write(spec("moves.ts".into()), ops);
        assert!(
            matches!(
                events.as_slice(),
                [FileEvent::Opened(_), FileEvent::Closed { .. }]
            ),
            "{events:?}"
        );
        assert!(rx.try_recv().is_err(), "the others hang");
        stuck.iter().for_each(|file| file.send(vec![Op::Finish]));
        drop(releases);
        for _ in &stuck {
            let event = rx.recv_timeout(Duration::from_secs(10)).unwrap();
            assert!(matches!(event, FileEvent::Closed { .. }), "{event:?}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
