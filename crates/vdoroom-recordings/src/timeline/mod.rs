// SPDX-License-Identifier: MPL-2.0
//! A recording as a timeline for editors, made from its manifest: a layer for each person, each
//! part at its true time.
//!
//! [`write`] makes three files: `<base>.xges` with all layers, the first person's on top,
//! `<base>-mosaic.xges` with everybody at once, and `<base>.otio` for other editors. The first two
//! are for GStreamer Editing Services and want the feature `ges`.

// From bottom to top: imports run downwards only.
mod format;
mod plan;

#[cfg(any(feature = "export", feature = "ges", test))]
mod mosaic;
mod otio;
#[cfg(feature = "ges")]
mod xges;

use std::path::{Path, PathBuf};

use crate::manifest::Manifest;

pub use format::VideoFormat;
#[cfg(feature = "export")]
pub(crate) use mosaic::{Cell, cell};
pub use plan::{Marker, Person, Piece, Plan};

/// What became of it.
#[derive(Debug, Default)]
pub struct Written {
    pub files: Vec<PathBuf>,
    /// What is not in the timelines, as it should be.
    pub notes: Vec<String>,
    /// What should be in the timelines and is not.
    pub warnings: Vec<String>,
}

impl Written {
    /// Says it in a terminal: the files on standard output, the rest on standard error.
    pub fn print(&self) {
        for file in &self.files {
            println!("{}", file.display());
        }
        for note in &self.notes {
            eprintln!("note: {note}");
        }
        for warning in &self.warnings {
            eprintln!("warning: {warning}");
        }
    }
}

/// Writes the timelines of a recording. Files that are there already are an error, unless
/// `overwrite`: somebody may have edited them.
pub fn write(
    manifest: &Manifest,
    base: &Path,
    format: VideoFormat,
    overwrite: bool,
) -> Result<Written, String> {
    let base = std::path::absolute(base).map_err(|e| format!("{}: {e}", base.display()))?;
    let targets = files(&base);
    if let Some(there) = targets.iter().find(|f| f.exists() && !overwrite) {
        return Err(format!("{} is there already", there.display()));
    }
    let [layers, mosaic, otio] = targets;
    let xges = [layers, mosaic];
    let mut plan = Plan::of(manifest);
    plan.has_something()?;
    let text = format!("{:#}\n", otio::timeline(&plan, &base, format));
    std::fs::write(&otio, text).map_err(|e| format!("{}: {e}", otio.display()))?;
    let mut files = vec![otio];
    if cfg!(feature = "ges") {
        #[cfg(feature = "ges")]
        xges::write(&mut plan, &xges, format)?;
        files.extend(xges);
    } else {
        let note = "no .xges: this program was built without the feature ges";
        plan.notes.push(note.into());
    }
    Ok(Written {
        files,
        notes: plan.notes,
        warnings: plan.warnings,
    })
}

/// What [`write`] writes: all layers, the mosaic, and the file for other editors.
pub fn files(base: &Path) -> [PathBuf; 3] {
    [".xges", "-mosaic.xges", ".otio"].map(|ending| with_ending(base, ending))
}

/// The path with something after its last letter.
pub fn with_ending(base: &Path, ending: &str) -> PathBuf {
    let mut path = base.as_os_str().to_owned();
    path.push(ending);
    path.into()
}
