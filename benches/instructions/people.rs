// SPDX-License-Identifier: MPL-2.0
//! A second of many people into a file each, in virtual time: what the recorder decides and writes.

use gstvdoroom::roomfilesink::crowd::Crowd;
use vdoroom_testkit::Folder;

/// Functions in which callgrind counts, and in that one not: what goes to the threads of the files
/// depends on how much time has really passed, and callgrind takes fifty times as much.
pub const COUNTED: [&str; 2] = ["*Crowd*second*", "*Job*hand_in*"];

pub fn record(people: u32) -> Result<(), String> {
    gst::init().map_err(|e| e.to_string())?;
    let folder = Folder::new();
    let mut crowd = Crowd::gather(people as usize, &folder.0)?;
    crowd.second();
    crowd.end()
}
