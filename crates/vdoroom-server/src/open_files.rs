// SPDX-License-Identifier: MPL-2.0
//! The limit of open files, which is 1024 on many systems unless a program asks for more.

#[cfg(unix)]
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Asks for this many open files; returns how many are allowed then.
#[cfg(unix)]
pub fn allow(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    let possible = wanted.min(limit.maximum.unwrap_or(u64::MAX));
    let raised = Rlimit {
        current: Some(possible),
        maximum: limit.maximum,
    };
    if possible > current && setrlimit(Resource::Nofile, raised).is_ok() {
        possible
    } else {
        current
    }
}

/// Returns what is wanted: Windows has no such limit.
#[cfg(windows)]
pub fn allow(wanted: u64) -> u64 {
    wanted
}
