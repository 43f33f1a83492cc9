// SPDX-License-Identifier: MPL-2.0
//! A test in a network namespace of its own, in which it can lose packets. Takes root.

use std::process::Command;

use crate::require::require;

const INSIDE: &str = "VDOROOM_TEST_NETWORK";

/// Runs `line` in the shell; whether that went well.
pub fn shell(line: &str) -> bool {
    let status = Command::new("sh").args(["-c", line]).status();
    status.is_ok_and(|status| status.success())
}

/// Whether this process has a network for itself. If not, runs the test again in one that has,
/// where that can be made. What arrives passes the chain `inet t in` of nftables.
pub fn in_a_network_of_its_own(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let can = shell("unshare -n nft list ruleset >/dev/null 2>&1");
    if !require(can, "a network of its own takes root and nftables") {
        return false;
    }
    // ICE leaves out the loopback device: the other one has an address to be reached by.
    let line = "ip link set lo up && ip link add v0 type veth peer name v1 \
                && ip addr add 10.99.0.1/24 dev v0 && ip link set v0 up && ip link set v1 up \
                && nft add table inet t \
                && nft 'add chain inet t in { type filter hook input priority 0 ; }' \
                && exec \"$0\" --exact --nocapture \"$1\"";
    let status = Command::new("unshare")
        .args(["-n", "sh", "-c", line])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed in its network namespace");
    false
}
