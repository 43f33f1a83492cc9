// SPDX-License-Identifier: MPL-2.0
//! What a process and its children hold and use, as the Linux kernel counts it.

use std::collections::HashSet;
use std::ops::{Add, AddAssign};

use procfs::Current;
use procfs::process::{Process, all_processes};
use serde::Serialize;

/// Of a whole process tree.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Usage {
    /// Milliseconds of processor time since the start, user and system.
    pub cpu_ms: f64,
    /// Private memory, KiB.
    pub uss_kib: u64,
    /// Private memory and a fair share of what is shared, KiB.
    pub pss_kib: u64,
    pub threads: u64,
    pub descriptors: u64,
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            cpu_ms: self.cpu_ms + other.cpu_ms,
            uss_kib: self.uss_kib + other.uss_kib,
            pss_kib: self.pss_kib + other.pss_kib,
            threads: self.threads + other.threads,
            descriptors: self.descriptors + other.descriptors,
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Usage {
    /// Of this process, its children, and theirs.
    pub fn of_tree(pid: u32) -> Result<Self, String> {
        let mut sum = Self::default();
        for process in tree(pid as i32)? {
            // One that ends meanwhile counts no more.
            sum += of(&process).unwrap_or_default();
        }
        Ok(sum)
    }
}

fn tree(root: i32) -> Result<Vec<Process>, String> {
    let all = all_processes().map_err(|e| e.to_string())?;
    let mut all: Vec<_> = all
        .flatten()
        .filter_map(|process| {
            let stat = process.stat().ok()?;
            Some((stat.pid, stat.ppid, process))
        })
        .collect();
    let mut known = HashSet::from([root]);
    loop {
        let before = known.len();
        known.extend(
            all.iter()
                .filter(|(_, ppid, _)| known.contains(ppid))
                .map(|p| p.0)
                .collect::<Vec<_>>(),
        );
        if known.len() == before {
            break;
        }
    }
    all.retain(|(pid, ..)| known.contains(pid));
    Ok(all.into_iter().map(|(.., process)| process).collect())
}

fn of(process: &Process) -> Option<Usage> {
    let stat = process.stat().ok()?;
    let ticks = stat.utime + stat.stime + stat.cutime as u64 + stat.cstime as u64;
    let maps = process.smaps_rollup().ok()?;
    let memory = maps.memory_map_rollup.0.first()?;
    let kib = |name: &str| memory.extension.map.get(name).copied().unwrap_or(0) / 1024;
    Some(Usage {
        cpu_ms: ticks as f64 * 1000.0 / procfs::ticks_per_second() as f64,
        uss_kib: kib("Private_Clean") + kib("Private_Dirty"),
        pss_kib: kib("Pss"),
        threads: stat.num_threads as u64,
        descriptors: process.fd_count().ok()? as u64,
    })
}

/// Bytes of memory and number of processors of this machine, for the record.
pub fn machine() -> String {
    let text = || {
        let cpus = procfs::CpuInfo::current().ok()?;
        let model = cpus.model_name(0).unwrap_or("unknown processor").to_owned();
        let memory = procfs::Meminfo::current().ok()?.mem_total >> 30;
        Some(format!("{} x {model}, {memory} GiB", cpus.num_cores()))
    };
    text().unwrap_or_else(|| "unknown".into())
}
