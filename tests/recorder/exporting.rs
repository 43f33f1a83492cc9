// SPDX-License-Identifier: MPL-2.0
//! Starts `vdoroom export` on what a recorder wrote, and finds what it made.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use vdoroom_testkit::launch::program;

/// How far flashes and beeps may be from their time, in milliseconds.
pub const TOGETHER: f64 = 20.0;

/// Exports what a recorder has in its folder; gives the exit status and what was printed.
pub fn call(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(program("vdoroom"))
        .args(["export", "."])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout) + errors;
    (output.status.code().unwrap(), text.into_owned())
}

/// The same, of what goes well: the outputs.
pub fn export(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let (status, printed) = call(folder, &[arguments, &["--json"]].concat());
    assert_eq!(status, 0, "{printed}");
    let outcome: Value =
        serde_json::from_str(&printed).unwrap_or_else(|e| panic!("{e}: {printed}"));
    outcome["outputs"].as_array().unwrap().clone()
}

pub fn exported(folder: &Path, name: &str) -> PathBuf {
    folder.join("export").join(name)
}

/// Asserts that all are at a multiple of `period`, and gives at which.
pub fn multiples(what: &str, times: &[gst::ClockTime], period: f64, within: f64) -> Vec<u64> {
    let nearest = |time: &gst::ClockTime| {
        let ms = time.nseconds() as f64 / 1e6;
        let nearest = (ms / period).round();
        let off = ms - nearest * period;
        assert!(
            off.abs() < within,
            "{what}: {off:.2} ms at {time}: {times:?}"
        );
        nearest as u64
    };
    times.iter().map(nearest).collect()
}
