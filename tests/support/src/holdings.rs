// SPDX-License-Identifier: MPL-2.0
//! What a process holds, as the Linux kernel counts it.

use std::fs;

#[derive(Clone, Copy, Debug)]
pub struct Holdings {
    pub threads: usize,
    pub descriptors: usize,
    pub resident_kib: usize,
}

impl Holdings {
    /// Of this process.
    pub fn now() -> Self {
        Self::of(std::process::id())
    }

    pub fn of(pid: u32) -> Self {
        let count = |folder| {
            fs::read_dir(format!("/proc/{pid}/{folder}"))
                .unwrap()
                .count()
        };
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.unwrap().trim().trim_end_matches(" kB");
        Self {
            threads: count("task"),
            descriptors: count("fd"),
            resident_kib: resident.parse().unwrap(),
        }
    }

    /// Panics if there are more threads or descriptors than `before`, or `percent` more memory.
    pub fn assert_no_more_than(&self, before: Self, percent: usize) {
        let seen = format!("before: {before:?}, after: {self:?}");
        assert!(self.threads <= before.threads, "{seen}");
        assert!(self.descriptors <= before.descriptors, "{seen}");
        assert!(
            self.resident_kib * 100 <= before.resident_kib * (100 + percent),
            "{seen}"
        );
        println!("{seen}");
    }
}
