// SPDX-License-Identifier: MPL-2.0
//! The example programs in other languages than Rust, and those that do not record a room.
//!
//! Each is started as people start it, in a room with a password, and ended by Ctrl+C.

mod mix;
mod pictures;
mod restream;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use vdoroom_testkit::manual;
use vdoroom_testkit::require;
use vdoroom_testkit::{
    Codec, Dialect, Folder, Launch, Password, Publisher, PublisherBuilder, RoomServer, check,
};

use crate::recording::{DEADLINE, assert_all_whole, interrupt};

/// An interpreter that starts while the machine is busy.
const START: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(20);
const PASSWORD: &str = "open sesame";

/// The path of an example's source.
fn source(file: &str) -> String {
    format!("{}/examples/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// A room with a password.
struct Room {
    server: RoomServer,
    folder: Folder,
}

impl Room {
    fn new() -> Self {
        Self {
            server: RoomServer::start(Dialect::Hosted),
            folder: Folder::new(),
        }
    }

    fn guest(&self, name: &str) -> PublisherBuilder {
        Publisher::builder(self.server.url(), "r", name).password(Password::own(PASSWORD))
    }

    fn comes(&self, name: &str, codec: Codec) -> Publisher {
        self.guest(name).codec(codec).start().unwrap()
    }

    /// Starts an example with the options that all of them have in common, and these.
    fn start(&self, command: &str, options: &str) -> Launch {
        self.start_with(command, options, |_| {})
    }

    fn start_with(
        &self,
        command: &str,
        options: &str,
        configure: impl FnOnce(&mut Command),
    ) -> Launch {
        let server = self.server.url();
        let line = format!(
            "exec {command} --server {server} --room r --password-env ROOM_PASSWORD {options}"
        );
        Launch::shell(&self.folder.0, &line, |shell| {
            shell.env("ROOM_PASSWORD", PASSWORD);
            configure(shell);
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }
}

fn assert_ends_well(program: Launch) {
    program.signal("INT");
    let (status, printed) = program.wait(END);
    assert!(status.success(), "{printed}");
}

#[test]
fn the_examples_that_the_manual_lists_are_short() {
    let section = manual::section("From any language").join("\n");
    let links = section.split("](../examples/").skip(1);
    let names: Vec<&str> = links.filter_map(|l| l.split(')').next()).collect();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        let lines = std::fs::read_to_string(source(name)).unwrap();
        let lines = lines.lines().count();
        assert!(lines < 100, "{name} has {lines} lines");
    }
}

#[test]
fn the_c_program_records_only_the_stream_that_it_accepts() {
    if !require::program("cc") || !require::program("pkg-config") {
        return;
    }
    let room = Room::new();
    // As its head says.
    let compile = format!(
        "cc -Wall -Wextra -Wno-unused-parameter -Werror -o accept_stream {} \
         $(pkg-config --cflags --libs gstreamer-1.0)",
        source("accept_stream.c")
    );
    let (status, said) = Launch::shell(&room.folder.0, &compile, |_| {}).wait(START);
    assert!(status.success(), "{said}");
    let mut program = room.start("./accept_stream", "");
    let alice = room.comes("alice", Codec::H264);
    program.wait_for_line("alice is recorded", START);
    let bob = room.comes("bob", Codec::Vp8);
    program.wait_for_line("bob is not", DEADLINE);
    alice.wait_for_viewer(DEADLINE).unwrap();
    alice.wait_for_frames(75, DEADLINE).unwrap();
    let files = interrupt(program, &room.folder, END);
    assert_all_whole(&files, 1);
    assert!(files[0].ends_with("first_alice_1.ts"), "{files:?}");
    assert_eq!(bob.frames_sent(), 0, "bob was asked for his video");
}

#[test]
fn the_javascript_program_makes_thumbnails_of_everybody() {
    if !require::program("gjs") {
        return;
    }
    let room = Room::new();
    let command = format!("gjs -m {}", source("thumbnails.js"));
    let mut program = room.start(&command, "--seconds 1 --folder pictures");
    let _alice = room.comes("alice", Codec::H264);
    let bob = room.comes("bob", Codec::Vp8);
    program.wait_for_line("video_alice_", START);
    program.wait_for_line("video_bob_", DEADLINE);
    bob.stop();
    // More than one, and none of them later than it should be because somebody has left.
    for _ in 0..2 {
        program.wait_for_line("video_alice_", DEADLINE);
    }
    let _bob = room.comes("bob", Codec::Vp8);
    program.wait_for_line("video_bob_", DEADLINE);
    program.wait_for_line("video_alice_", DEADLINE);
    assert_ends_well(program);
    let folder = room.file("pictures");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path());
    let mut alice = Vec::new();
    for file in files {
        let shown = pictures::of(&file);
        let number = shown.first().and_then(|picture| picture.number());
        assert_eq!(shown.len(), 1, "{} is not one picture", file.display());
        assert!(number.is_some(), "{} shows nobody", file.display());
        if file.to_string_lossy().contains("video_alice") {
            alice.push((file, number));
        }
    }
    alice.sort();
    let rises = alice.is_sorted_by(|(_, a), (_, b)| a < b);
    assert!(alice.len() >= 4 && rises, "{alice:?}");
}
