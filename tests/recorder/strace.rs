// SPDX-License-Identifier: MPL-2.0
//! Runs a recorder under `strace`, which shows what it asks of the disk and can make the disk slow.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use vdoroom_testkit::require::require;
use vdoroom_testkit::{Folder, Launch};

/// A system call that names a file.
#[derive(Debug, Clone)]
pub struct Call {
    pub name: String,
    pub path: PathBuf,
    /// Seconds.
    pub began: f64,
    pub ended: f64,
    pub arguments: String,
    pub result: i64,
}

/// Whether `strace` is there and may trace.
pub fn can_trace() -> bool {
    let works = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .status();
    let works = works.is_ok_and(|status| status.success());
    require(works, "strace is not installed, or is not allowed to trace")
}

/// Runs `gst-launch-1.0 LINE` to its end; gives what it printed.
pub fn run(folder: &Folder, options: &str, line: &str) -> String {
    let line = format!(
        "exec strace -f -o {} {options} gst-launch-1.0 {line}",
        log(folder).display()
    );
    let launch = Launch::shell(&folder.0, &line, |_| {});
    let (status, printed) = launch.wait(Duration::from_secs(120));
    assert!(status.success(), "{printed}");
    printed
}

fn log(folder: &Folder) -> PathBuf {
    folder.0.join("strace.log")
}

/// The calls that a run with `-y -ttt` shows, in the order in which they ended.
pub fn calls(folder: &Folder) -> Vec<Call> {
    let log = std::fs::read(log(folder)).unwrap();
    let log = String::from_utf8_lossy(&log);
    let mut unfinished = HashMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let mut words = line.split_whitespace();
        let (Some(thread), Some(time)) = (words.next(), words.next()) else {
            continue;
        };
        let Ok(time) = time.parse::<f64>() else {
            continue;
        };
        let (began, text) = if let Some((_, rest)) = line.split_once(" resumed>") {
            match unfinished.remove(thread) {
                Some((began, start)) => (began, format!("{start}{rest}")),
                None => continue,
            }
        } else {
            let at = line.find(&format!("{time:.6}")).map_or(0, |at| at + 18);
            (time, line.get(at..).unwrap_or_default().to_owned())
        };
        match text.split_once(" <unfinished ...>") {
            Some((start, _)) => {
                unfinished.insert(thread.to_owned(), (time, start.to_owned()));
            }
            None => calls.extend(call(&text, began, time)),
        }
    }
    calls
}

/// Reads `name(arguments) = result`.
fn call(text: &str, began: f64, ended: f64) -> Option<Call> {
    let (name, rest) = text.trim().split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let result = result.split([' ', '<']).next()?.parse().ok()?;
    let path = match name {
        "openat" | "mkdir" => arguments.split('"').nth(1)?,
        _ => arguments.split_once('<')?.1.split_once('>')?.0,
    };
    Some(Call {
        name: name.trim().into(),
        path: Path::new(path).into(),
        began,
        ended,
        arguments: arguments.into(),
        result,
    })
}
