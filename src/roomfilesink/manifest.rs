// SPDX-License-Identifier: MPL-2.0
//! The list of what was recorded: one JSON object per line, written as things happen.
//!
//! `docs/manifest.schema.json` describes it. A line goes out whole in one write, so that only
//! losing power or a full disk can leave half of one, as the last.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gst::glib;

use super::record::{Anchor, Field, json, utc_text};
use super::writer::{FileEvent, FileSpec, FileWriter, Op};

pub(super) struct Manifest {
    file: Option<FileWriter>,
    folder: Option<PathBuf>,
}

impl Manifest {
    /// Opens the file with the line that ties running time to UTC. Without a path there is none.
    pub(super) fn open(
        path: Option<PathBuf>,
        create_folders: bool,
        run: &[(&'static str, Field)],
        report: impl Fn(FileEvent) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let folder = path.as_deref().and_then(Path::parent).map(Path::to_owned);
        let file = match path {
            Some(path) => {
                let spec = FileSpec {
                    path,
                    create_folders,
                    // The manifest says why recordings ended; it is small.
                    min_free: 0,
                    gather: Duration::ZERO,
                };
                Some(FileWriter::start(spec, report)?)
            }
            None => None,
        };
        let manifest = Self { file, folder };
        manifest.line(&json(run));
        Ok(manifest)
    }

    /// The folder that it lies in, if there is a manifest.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// `event` is `part-opened`, `part-closed` or `part-failed`.
    pub(super) fn part(&self, event: &str, part: &[(&'static str, Field)]) {
        let mut fields = vec![("event", Field::Text(event.to_owned()))];
        fields.extend(part.iter().cloned());
        self.line(&json(&fields));
    }

    pub(super) fn close(&self) {
        if let Some(file) = &self.file {
            file.send(Op::Finish);
        }
    }

    fn line(&self, value: &serde_json::Value) {
        if let Some(file) = &self.file {
            file.send(Op::Append(format!("{value}\n").into_bytes()));
        }
    }
}

/// The first line: who writes, and one moment in running time and in UTC.
pub(super) fn run_fields(anchor: Anchor, location: &str) -> Vec<(&'static str, Field)> {
    let text = |text: &str| Field::Text(text.to_owned());
    vec![
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
    ]
}
