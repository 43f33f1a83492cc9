// SPDX-License-Identifier: MPL-2.0
//! The programs that make networks, and threads that live in one.

use std::fs::File;
use std::panic::resume_unwind;
use std::process::Command;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Where `ip netns` keeps the names of namespaces.
const NAMES: &str = "/run/netns";

/// What the program printed; the error is what it complained of.
pub fn try_run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let shown = || format!("{program} {}", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{}: {error}", shown()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}", shown(), said.trim()))
}

/// `ip` in a namespace.
pub fn ip(namespace: &str, words: &str) {
    let arguments: Vec<&str> = ["-n", namespace]
        .into_iter()
        .chain(words.split_whitespace())
        .collect();
    try_run("ip", &arguments).unwrap();
}

/// Rules of nftables for a namespace.
pub fn nft(namespace: &str, rules: &str) {
    try_run("ip", &["netns", "exec", namespace, "nft", rules]).unwrap();
}

/// Runs this on a thread that lives in a namespace. The threads that it starts live there too, and
/// so do their sockets.
pub fn enter<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
    let file = File::open(format!("{NAMES}/{namespace}")).unwrap();
    let run = || {
        move_into_link_name_space(
            std::os::fd::AsFd::as_fd(&file),
            Some(LinkNameSpaceType::Network),
        )
        .unwrap();
        work()
    };
    let ended = thread::scope(|scope| scope.spawn(run).join());
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}
