// SPDX-License-Identifier: MPL-2.0
//! The program `vdoroom-server`, for tests that besiege it; its own tests are in its crate.

use std::net::SocketAddr;
use std::path::Path;

use vdoroom_testkit::launch::program;
use vdoroom_testkit::{Folder, Launch};

use crate::recording::DEADLINE;

/// Starts the program; its address, and it.
pub fn start(folder: &Path, options: &str) -> (SocketAddr, Launch) {
    let program = program("vdoroom-server");
    let line = format!("exec {} --listen 127.0.0.1:0 {options}", program.display());
    let mut server = Launch::shell(folder, &line, |_| {});
    let line = server.wait_for_line("listening on ", DEADLINE);
    let (_, address) = line.trim().rsplit_once('/').unwrap();
    (address.parse().unwrap(), server)
}

/// Many systems have a limit of 1024, which a program may raise by itself.
#[test]
fn the_recorder_may_open_as_many_files_as_it_needs() {
    let folder = Folder::new();
    let program = program("vdoroom");
    let options = "record --server ws://127.0.0.1:9 --room r --metrics 127.0.0.1:0";
    let line = format!("ulimit -S -n 256; exec {} {options}", program.display());
    let mut running = Launch::shell(&folder.0, &line, |_| {});
    running.wait_for_line("metrics at", DEADLINE);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.pid())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = files
        .and_then(|line| line.split_whitespace().nth(3))
        .unwrap();
    let soft: u64 = soft.parse().unwrap();
    assert!(soft > 256 * 9, "{}: {limits}", program.display());
}
