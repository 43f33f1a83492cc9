// SPDX-License-Identifier: MPL-2.0
//! The counts that were taken for good, and with what they were taken.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
pub struct Baseline {
    compiler: String,
    gstreamer: String,
    architecture: String,
    /// Instructions by case.
    pub counts: BTreeMap<String, f64>,
}

impl Baseline {
    /// Without counts.
    pub fn of_this_machine() -> Result<Self, String> {
        let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let version = Command::new(compiler)
            .arg("--version")
            .output()
            .map_err(|e| format!("rustc: {e}"))?;
        Ok(Self {
            compiler: String::from_utf8_lossy(&version.stdout).trim().to_owned(),
            gstreamer: gst::version_string().to_string(),
            architecture: std::env::consts::ARCH.to_owned(),
            counts: BTreeMap::new(),
        })
    }

    pub fn read(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|e| at(file, &e))?;
        serde_json::from_str(&text).map_err(|e| at(file, &e))
    }

    pub fn write(&self, file: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|e| at(file, &e))?;
        std::fs::write(file, text + "\n").map_err(|e| at(file, &e))
    }

    pub fn is_comparable(&self, other: &Self) -> bool {
        self.made_with() == other.made_with()
    }

    pub fn made_with(&self) -> String {
        format!(
            "{}, {}, {}",
            self.compiler, self.gstreamer, self.architecture
        )
    }
}

fn at(file: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}
