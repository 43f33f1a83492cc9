// SPDX-License-Identifier: MPL-2.0
//! The example applications, which link the pads themselves, and the program `vdoroom record`.

use std::time::Duration;

use vdoroom_testkit::launch::{example, program};
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, RoomServer};

use crate::recording::{DEADLINE, assert_all_whole, interrupt};

/// Starts `command` with the server, the room and names of our own for the files, records two
/// people, and interrupts it.
fn records(command: &str) {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let line = format!(
        "exec {command} --server {} --room r --location '{}/%l, part %n.%e'",
        server.url(),
        folder.0.display()
    );
    let application = Launch::shell(&folder.0, &line, |_| {});
    let people = [("alice", Codec::H264), ("bob", Codec::Vp8)].map(|(name, codec)| {
        let builder = Publisher::builder(server.url(), "r", name).codec(codec);
        builder.start().unwrap()
    });
    for person in &people {
        person.wait_for_viewer(DEADLINE).unwrap();
        person.wait_for_frames(75, DEADLINE).unwrap();
    }
    let files = interrupt(application, &folder, Duration::from_secs(5));
    assert_all_whole(&files, people.len());
    let names = files.iter().map(|file| file.file_name().unwrap().to_str());
    let names: Vec<_> = names.map(Option::unwrap).collect();
    assert_eq!(names, ["alice, part 1.ts", "bob, part 1.mkv"]);
}

#[test]
fn the_rust_application_records_a_room() {
    records(&example("record").display().to_string());
}

#[test]
fn the_application_for_statistics_tells_how_each_track_arrives() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let program = example("statistics");
    let line = format!(
        "exec {} --server {} --room r",
        program.display(),
        server.url()
    );
    let mut application = Launch::shell(&folder.0, &line, |_| {});
    let alice = Publisher::builder(server.url(), "r", "alice").codec(Codec::Vp8);
    let _alice = alice.start().unwrap();
    for track in ["alice audio OPUS: ", "alice video VP8: "] {
        let told = application.wait_for_line(track, DEADLINE);
        assert!(told.contains(" 0 packets lost"), "{told}");
    }
}

#[test]
fn the_program_records_a_room_with_a_template_for_the_names() {
    records(&format!("{} record", program("vdoroom").display()));
}

#[test]
fn the_python_application_records_a_room() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/record_room.py");
    // Debian's own Python, which has the GStreamer bindings.
    records(&format!("/usr/bin/python3 {script}"));
}
