// SPDX-License-Identifier: MPL-2.0
//! The I/O threads of this process.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const THREAD: &str = "vdoroom:rtc";

fn tasks() -> Vec<PathBuf> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let tasks = tasks.map(|task| task.unwrap().path());
    let is_ours = |task: &PathBuf| {
        fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == THREAD)
    };
    tasks.filter(is_ours).collect()
}

/// Until there are so many I/O threads.
pub fn wait_for_threads(longest: Duration, count: usize) {
    let started = Instant::now();
    while tasks().len() != count {
        assert!(started.elapsed() < longest, "{} I/O threads", tasks().len());
        std::thread::sleep(Duration::from_millis(10));
    }
}
