// SPDX-License-Identifier: MPL-2.0
//! The pipelines in the element docs are run as they are printed; those of the manual are read by
//! the parser of `gst-launch-1.0`.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use gst::prelude::*;
use vdoroom_testkit::manual::{self, shell_lines};
use vdoroom_testkit::own_network::in_a_network_of_its_own;
use vdoroom_testkit::require;
use vdoroom_testkit::wait::wait_until;
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, RoomServer};

use crate::{ELEMENTS, docs, element};

const DEADLINE: Duration = Duration::from_secs(60);

/// A file with less may have no media yet.
const SOME_MEDIA: u64 = 8_000;

/// Where the lines expect a room server.
const SERVER: &str = "127.0.0.1:8443";

/// What is not everywhere: in gst-plugins-rs.
const ELSEWHERE: [&str; 1] = ["webrtcsrc"];

fn lines_of(name: &str) -> Vec<String> {
    shell_lines(&docs(name).replace("\n * ", "\n"))
}

fn is_installed(line: &str) -> bool {
    require::program(line.split(' ').next().unwrap())
}

fn lines_with_a_room() -> Vec<String> {
    let lines = ELEMENTS.into_iter().flat_map(lines_of);
    // A player wants a screen; the tests of players give it another one.
    let is_played = |line: &String| line.starts_with("gst-play-1.0");
    lines
        .filter(|line| line.contains("studio") && !is_played(line) && is_installed(line))
        .collect()
}

/// The recordings in a folder and in those within.
fn recorded(folder: &Folder) -> Vec<u64> {
    let inner = std::fs::read_dir(&folder.0).unwrap();
    let inner = inner.map(|entry| entry.unwrap().path());
    let files = inner.flat_map(|path| match path.is_dir() {
        true => std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect(),
        false => vec![path],
    });
    let media = files.filter(|path| {
        let extension = path.extension().and_then(|e| e.to_str());
        extension.is_some_and(|e| ["ts", "mkv", "mka"].contains(&e))
    });
    media.map(|path| path.metadata().unwrap().len()).collect()
}

/// A line that runs, in a folder of its own.
struct Running<'a> {
    line: &'a str,
    folder: Folder,
    launch: Launch,
}

impl<'a> Running<'a> {
    fn start(line: &'a str) -> Self {
        let folder = Folder::new();
        let launch = Launch::shell(&folder.0, &format!("exec {line}"), |_| {});
        Self {
            line,
            folder,
            launch,
        }
    }

    /// Waits until it does what it is for; what does not end by itself is interrupted then.
    fn wait(mut self) {
        let line = self.line;
        if line.starts_with("gst-discoverer-1.0") {
            let printed = self.end();
            assert!(printed.contains("h264"), "{line}: {printed}");
            return;
        }
        if line.contains(" -m ") {
            self.launch.wait_for_line("vdoroom-stream-added", DEADLINE);
            self.launch.wait_for_line("vdoroom-connection", DEADLINE);
        } else {
            self.wait_for_media();
        }
        self.launch.signal("INT");
        self.end();
    }

    fn wait_for_media(&mut self) {
        wait_until(&format!("{}: a recording", self.line), DEADLINE, || {
            assert!(self.launch.is_running(), "{}: has ended", self.line);
            recorded(&self.folder)
                .iter()
                .any(|size| *size >= SOME_MEDIA)
        });
    }

    fn end(self) -> String {
        let (status, printed) = self.launch.wait(DEADLINE);
        assert!(status.success(), "{}: {printed}", self.line);
        printed
    }
}

fn guest(id: &str, codec: Codec) -> Publisher {
    let url = format!("ws://{SERVER}");
    let guest = Publisher::builder(&url, "studio", id).codec(codec);
    guest.frame_rate(10).start().unwrap()
}

#[test]
fn the_lines_of_the_docs_with_a_room_run_as_they_are_printed() {
    let own = "lines::the_lines_of_the_docs_with_a_room_run_as_they_are_printed";
    if !in_a_network_of_its_own(own) {
        return;
    }
    let server = RoomServer::builder()
        .dialect(Dialect::Hosted)
        .listen(SERVER.parse().unwrap());
    let _server = server.start().unwrap();
    let _people = [guest("alice", Codec::H264), guest("bob", Codec::Vp8)];
    let lines = lines_with_a_room();
    assert!(lines.len() >= 4, "{lines:#?}");
    let running: Vec<_> = lines.iter().map(|line| Running::start(line)).collect();
    for line in running {
        line.wait();
    }
}

#[test]
fn the_lines_of_the_docs_without_a_room_run_as_they_are_printed() {
    let lines = lines_of("roomfilesink");
    let lines = lines.iter().filter(|line| !line.contains("studio"));
    for line in lines {
        let folder = Folder::new();
        let launch = Launch::shell(&folder.0, &format!("exec {line}"), |_| {});
        let (status, printed) = launch.wait(DEADLINE);
        assert!(status.success(), "{line}: {printed}");
        assert!(recorded(&folder).len() >= 2, "{line}: {printed}");
    }
}

/// The words of a line's `gst-launch-1.0` as the shell understands them, without its options.
fn words(line: &str) -> Vec<String> {
    let folder = Folder::new();
    for (program, does) in [
        ("gst-launch-1.0", "printf '%s\\0' \"$@\" > words"),
        ("rclone", ":"),
    ] {
        let file = folder.0.join(program);
        std::fs::write(&file, format!("#!/bin/sh\n{does}\n")).unwrap();
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(file, executable).unwrap();
    }
    let status = Command::new("sh")
        .args(["-c", &format!("PATH=$PWD:$PATH; {line}")])
        .current_dir(&folder.0)
        .status()
        .unwrap();
    assert!(status.success(), "{line}");
    let text = std::fs::read_to_string(folder.0.join("words")).unwrap();
    let words = text.split('\0').filter(|word| !word.is_empty());
    let words = words.skip_while(|word| word.starts_with('-'));
    words.map(str::to_owned).collect()
}

#[test]
fn gst_launch_understands_every_line_of_the_manual() {
    element("vdoroomsrc");
    let lines = manual::all_shell_lines();
    let lines: Vec<_> = lines
        .iter()
        .filter(|l| l.contains("gst-launch-1.0"))
        .collect();
    assert!(lines.len() >= 12, "{lines:#?}");
    for line in lines {
        let words = words(line);
        assert!(words.len() > 2, "{line}: {words:?}");
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match gst::parse::launchv(&words) {
            Ok(pipeline) => assert!(pipeline.is::<gst::Pipeline>(), "{line}"),
            Err(error) => {
                let lacks =
                    |element: &&str| line.contains(element) && error.message().contains(*element);
                assert!(ELSEWHERE.iter().any(lacks), "{line}: {error}");
            }
        }
    }
}
