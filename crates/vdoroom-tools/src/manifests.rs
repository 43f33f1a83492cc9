// SPDX-License-Identifier: MPL-2.0
//! The manifests that somebody means by a path.

use std::path::{Path, PathBuf};

use vdoroom_recordings::survey::has_extension;

/// The file, or all manifests in the folder.
pub fn at(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        let found = path.metadata().map(|_| vec![path.to_owned()]);
        return found.map_err(|e| e.to_string());
    }
    let entries = std::fs::read_dir(path).map_err(|e| e.to_string())?;
    let is_manifest = |f: &PathBuf| has_extension(f, &["jsonl"]);
    let mut found: Vec<_> = entries
        .flatten()
        .map(|e| e.path())
        .filter(is_manifest)
        .collect();
    found.sort();
    match found.is_empty() {
        true => Err("no manifest (*.jsonl) in this folder".into()),
        false => Ok(found),
    }
}
