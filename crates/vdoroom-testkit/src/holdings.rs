// SPDX-License-Identifier: MPL-2.0
//! What a process holds, as the Linux kernel and its allocator count it, and how a test gets a
//! process of its own: other tests have threads too.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const CHILD: &str = "VDOROOM_TEST_ALONE";

#[derive(Clone, Copy, Debug)]
pub struct Holdings {
    pub threads: usize,
    pub descriptors: usize,
    /// Memory that no file backs.
    pub anonymous_kib: usize,
}

impl Holdings {
    /// Of this process.
    pub fn now() -> Self {
        Self::of(std::process::id())
    }

    pub fn of(pid: u32) -> Self {
        let count = |folder| {
            let entries = fs::read_dir(format!("/proc/{pid}/{folder}"));
            entries.unwrap().count()
        };
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number.and_then(|n| n.parse().ok()).expect(name)
        };
        Self {
            threads: count("task"),
            descriptors: count("fd"),
            anonymous_kib: kib("RssAnon:"),
        }
    }

    /// Whether there are no more threads and descriptors than `before`.
    pub fn is_within(&self, before: &Self) -> bool {
        self.threads <= before.threads && self.descriptors <= before.descriptors
    }

    /// What a process holds once that is no more threads and descriptors than `before`, or at the
    /// deadline: sessions that have ended take a moment to be taken apart.
    pub fn settled(pid: u32, before: &Self, deadline: Duration) -> Self {
        let until = Instant::now() + deadline;
        loop {
            let now = Self::of(pid);
            if now.is_within(before) || Instant::now() >= until {
                return now;
            }
            // Nobody tells of their end.
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Panics if there are more threads or descriptors than `before`.
    pub fn assert_within(&self, before: &Self) {
        let seen = format!("before: {before:?}, after: {self:?}");
        assert!(self.is_within(before), "{seen}");
        eprintln!("{seen}");
    }
}

/// Environment in which `heap_bytes` counts exactly what is in use.
pub const EXACT_HEAP: [(&str, &str); 3] = [
    // GLib's own allocator keeps freed slices (before 2.76).
    ("G_SLICE", "always-malloc"),
    // A thread's cache of freed blocks counts as in use.
    ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0"),
    // How many heaps have been in use is chance.
    ("MALLOC_ARENA_MAX", "1"),
];

/// Bytes of this process's heap that are in use. Freed memory that the allocator keeps is not
/// among them, nor are mapped files.
pub fn heap_bytes() -> usize {
    // SAFETY: it takes no arguments, locks what it reads, and returns a value.
    let info = unsafe { libc::mallinfo2() };
    info.uordblks + info.hblkhd
}

/// Panics if each of `rounds` has left more than `limit` bytes on the heap of this process, since
/// `before` were in use.
pub fn assert_heap_left(before: usize, rounds: usize, limit: usize) {
    let now = heap_bytes();
    let left = now.saturating_sub(before) / rounds;
    let seen = format!("heap before: {before}, after {rounds} rounds: {now}, {left} each");
    assert!(left < limit, "{seen}");
    eprintln!("{seen}");
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
        .envs(EXACT_HEAP)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    eprint!("{text}");
    let status = output.status;
    assert!(status.success(), "{test} failed in its process: {status}");
    false
}
