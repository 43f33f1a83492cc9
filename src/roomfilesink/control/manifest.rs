// SPDX-License-Identifier: MPL-2.0
//! The list of what was recorded: one JSON object per line, written as things happen.
//!
//! `docs/manifest.schema.json` describes it. A line goes out whole in one write, so that only
//! losing power or a full disk can leave half of one, as the last.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gst::glib;
use vdoroom_platform::process;

use crate::roomfilesink::files::{FileEvent, FileSpec, FileWriter, Op};
use crate::roomfilesink::parts::{Anchor, Field, json, utc_text};
use crate::roomfilesink::sessions::{FIRST_RETRY, LAST_RETRY};

/// A line that was written this long ago is on the disk.
const SYNCED: Duration = Duration::from_secs(2);
/// What is not on the disk is kept for the next file, but not without end.
const MAX_KEPT: usize = 10_000;

struct Line {
    text: Vec<u8>,
    /// The bytes handed in up to its end, and when.
    end: u64,
    at: Instant,
}

pub(crate) struct Manifest {
    path: Option<PathBuf>,
    create_folders: bool,
    report: Arc<dyn Fn(FileEvent) + Send + Sync>,
    /// `None` while it cannot be written.
    file: Option<FileWriter>,
    /// Lines that may not be on the disk yet.
    kept: VecDeque<Line>,
    /// When the file began.
    began: Instant,
    retry: Option<Instant>,
    delay: Duration,
}

impl Manifest {
    /// Opens the file with the line that ties running time to UTC. Without a path there is none.
    pub(crate) fn open(
        path: Option<PathBuf>,
        create_folders: bool,
        run: &[(&'static str, Field)],
        report: impl Fn(FileEvent) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let mut manifest = Self {
            path,
            create_folders,
            report: Arc::new(report),
            file: None,
            kept: VecDeque::new(),
            began: Instant::now(),
            retry: None,
            delay: FIRST_RETRY,
        };
        manifest.begin(run)?;
        Ok(manifest)
    }

    /// Begins a file with the opening line, and what could not be written before.
    fn begin(&mut self, run: &[(&'static str, Field)]) -> io::Result<()> {
        let Some(path) = self.path.clone() else {
            return Ok(());
        };
        let spec = FileSpec {
            path,
            create_folders: self.create_folders,
            // The manifest says why recordings ended; it is small.
            min_free: 0,
            gather: Duration::ZERO,
            // It grows after each part.
            checksum: false,
        };
        let report = self.report.clone();
        let file = FileWriter::start(spec, move |event| report(event))?;
        file.send(vec![Op::Append(text(&json(run)))]);
        self.file = Some(file);
        self.began = Instant::now();
        self.retry = None;
        let kept = std::mem::take(&mut self.kept);
        kept.into_iter().for_each(|line| self.send(line.text));
        Ok(())
    }

    /// The file is given up, and a new one begins after a while. Whether it had worked until now.
    pub(crate) fn fail(&mut self, now: Instant) -> bool {
        self.forget_synced(now);
        let worked = self.retry.is_none() && now.duration_since(self.began) > LAST_RETRY;
        if worked {
            self.delay = FIRST_RETRY;
        }
        let is_first = self.delay == FIRST_RETRY;
        self.file = None;
        self.retry = Some(now + self.delay);
        self.delay = (self.delay * 2).min(LAST_RETRY);
        is_first
    }

    /// Whether a new file is due.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.retry.is_some_and(|at| now >= at)
    }

    /// Whether the file failed, and what should be in it is nowhere.
    pub(crate) fn lacks_file(&self) -> bool {
        self.retry.is_some() && !self.kept.is_empty()
    }

    /// Begins a new file in place of one that failed. `run` is its opening line.
    pub(crate) fn begin_again(&mut self, now: Instant, run: &[(&'static str, Field)]) {
        if self.begin(run).is_err() {
            // No thread could be had.
            self.fail(now);
        }
    }

    /// The folder that it lies in, if there is a manifest.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.path.as_deref().and_then(Path::parent)
    }

    /// Writes what has happened: `part-opened`, `part-closed`, `part-failed` or `mark`.
    pub(crate) fn event(&mut self, event: &str, what: &[(&'static str, Field)]) {
        let mut fields = vec![("event", Field::Text(event.to_owned()))];
        fields.extend(what.iter().cloned());
        self.line(&json(&fields));
    }

    /// Whether there is a file to close.
    pub(crate) fn close(&self) -> bool {
        if let Some(file) = &self.file {
            file.send(vec![Op::Finish]);
        }
        self.file.is_some()
    }

    fn line(&mut self, value: &serde_json::Value) {
        if self.path.is_some() {
            self.send(text(value));
        }
    }

    fn send(&mut self, text: Vec<u8>) {
        let at = Instant::now();
        self.forget_synced(at);
        let mut end = u64::MAX;
        if let Some(file) = &self.file {
            file.send(vec![Op::Append(text.clone())]);
            end = file.bytes();
        }
        self.kept.push_back(Line { text, end, at });
        if self.kept.len() > MAX_KEPT {
            self.kept.pop_front();
        }
    }

    fn forget_synced(&mut self, now: Instant) {
        if let Some(file) = &self.file {
            let written = file.written();
            let is_synced = |l: &Line| l.end <= written && now.duration_since(l.at) >= SYNCED;
            self.kept.retain(|line| !is_synced(line));
        }
    }
}

fn text(value: &serde_json::Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

/// The first line: who writes, and one moment in running time and in UTC.
pub(crate) fn run_fields(anchor: Anchor, location: &str) -> Vec<(&'static str, Field)> {
    let text = |text: &str| Field::Text(text.to_owned());
    let mut fields = vec![
        ("event", text("run")),
        ("version", Field::Uint(1)),
        (
            "writer",
            text(concat!("roomfilesink ", env!("CARGO_PKG_VERSION"))),
        ),
        ("gstreamer", text(&gst::version_string())),
        ("host", text(&glib::host_name())),
        ("pid", Field::Uint(std::process::id().into())),
        ("location", text(location)),
        ("running-time", Field::Int(anchor.running_time)),
        ("utc", Field::Text(utc_text(anchor.utc_ns))),
        ("utc-ns", Field::Int(anchor.utc_ns)),
    ];
    // Process IDs are used again, above all in containers.
    if let Some(start) = process::own_start() {
        fields.push(("process-start", Field::Uint(start)));
    }
    fields
}
