// SPDX-License-Identifier: MPL-2.0
//! What a process uses, and how a test gets one of its own: other tests have threads too.

use std::process::Command;

const CHILD: &str = "ROOMFILESINK_ALONE";

/// What this process uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub threads: usize,
    /// Open files.
    pub files: usize,
}

impl Usage {
    pub fn now() -> Self {
        let count = |folder| std::fs::read_dir(folder).unwrap().count();
        Self {
            threads: count("/proc/self/task"),
            files: count("/proc/self/fd"),
        }
    }

    pub fn is_within(self, before: Self) -> bool {
        self.threads <= before.threads && self.files <= before.files
    }
}

/// Memory of this process that no file backs, in KiB.
pub fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("RssAnon:"));
    let number = line.and_then(|l| l.split_whitespace().next());
    number.and_then(|n| n.parse().ok()).expect("RssAnon")
}

/// Runs a test again in a child process; true in the child.
pub fn alone(test: &str) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .env("G_DEBUG", "fatal-criticals")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    eprint!("{text}");
    assert!(output.status.success(), "{test} failed in its process");
    false
}
