// SPDX-License-Identifier: MPL-2.0
//! A folder for the files of one test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::manifest;

/// A folder that goes with its test.
pub struct Folder(pub PathBuf);

impl Folder {
    #[allow(clippy::new_without_default)] // There is nothing default about a folder on disk.
    pub fn new() -> Self {
        Self::inside(&std::env::temp_dir())
    }

    pub fn inside(parent: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("vdoroom-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The files with one of these extensions, by name.
    pub fn files(&self, extensions: &[&str]) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut files: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
        files.retain(|f| {
            let extension = f.extension().and_then(|e| e.to_str());
            extension.is_some_and(|e| extensions.contains(&e))
        });
        files.sort();
        files
    }

    pub fn recordings(&self) -> Vec<PathBuf> {
        self.files(&["ts", "mkv", "mka", "webm", "mp4"])
    }

    /// The lines of the only manifest, each of which follows the published schema.
    pub fn manifest(&self) -> Vec<serde_json::Value> {
        let files = self.files(&["jsonl"]);
        let [file] = files.as_slice() else {
            panic!("not one manifest: {files:?}")
        };
        let text = std::fs::read_to_string(file).unwrap();
        let lines = text.lines().map(|l| serde_json::from_str(l).unwrap());
        lines.inspect(manifest::assert_follows_schema).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::env::var_os("KEEP").is_none() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
