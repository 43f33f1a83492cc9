// SPDX-License-Identifier: MPL-2.0
//! The list of what was recorded: one JSON object per line, written as things happen.

use std::io;
use std::path::PathBuf;

use super::record::{Anchor, Field, PartRecord, json, utc_text};
use super::writer::{FileEvent, FileSpec, FileWriter, Op};

pub(super) struct Manifest {
    file: Option<FileWriter>,
}

impl Manifest {
    /// Opens the file with the line that ties running time to UTC. Without a path there is none.
    pub(super) fn open(
        path: Option<PathBuf>,
        create_folders: bool,
        anchor: Anchor,
        report: impl Fn(FileEvent) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let file = match path {
            Some(path) => {
                let spec = FileSpec {
                    path,
                    create_folders,
                    // The manifest says why recordings ended; it is small.
                    min_free: 0,
                };
                Some(FileWriter::start(spec, report)?)
            }
            None => None,
        };
        let manifest = Self { file };
        manifest.line(&json(&run_fields(anchor)));
        Ok(manifest)
    }

    /// `event` is `part-opened`, `part-closed` or `part-failed`.
    pub(super) fn part(&self, event: &str, part: &PartRecord, anchor: Anchor) {
        let mut fields = vec![("event", Field::Text(event.to_owned()))];
        fields.extend(part.fields(anchor));
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

fn run_fields(anchor: Anchor) -> Vec<(&'static str, Field)> {
    vec![
        ("event", Field::Text("run".into())),
        ("version", Field::Uint(1)),
        (
            "writer",
            Field::Text(concat!("roomfilesink ", env!("CARGO_PKG_VERSION")).into()),
        ),
        ("running-time", Field::Int(anchor.running_time)),
        ("utc", Field::Text(utc_text(anchor.utc_ns))),
        ("utc-ns", Field::Int(anchor.utc_ns)),
    ]
}
