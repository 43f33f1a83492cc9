// SPDX-License-Identifier: MPL-2.0
//! The programs that make networks.

use std::process::Command;

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
