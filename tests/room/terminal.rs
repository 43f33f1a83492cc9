// SPDX-License-Identifier: MPL-2.0
//! `vdoroom record` and a person at a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::Child;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use rustix::termios::{LocalModes, tcgetattr};
use vdoroom_testkit::launch::program;
use vdoroom_testkit::{Codec, Dialect, Folder, Publisher, RoomServer};

use crate::recording::{DEADLINE, assert_all_whole};

/// Above what closing files takes.
const CLOSING: Duration = Duration::from_secs(8);
const CTRL_C: u8 = 3;

/// `vdoroom record` on a terminal of its own, and what it has shown so far.
struct Terminal {
    child: Child,
    keyboard: Pty,
    output: Receiver<String>,
    shown: String,
}

impl Terminal {
    fn record(server: &RoomServer, folder: &Folder) -> Self {
        let (keyboard, side) = open().unwrap();
        keyboard.resize(Size::new(24, 100)).unwrap();
        let child = Command::new(program("vdoroom"))
            .args(["record", "--server", server.url()])
            .args(["--room", "r", "--location", "./"])
            .current_dir(&folder.0)
            .env("TERM", "xterm-256color")
            .env("G_DEBUG", "fatal-criticals")
            .spawn(side)
            .unwrap();
        let mut screen = File::from(keyboard.as_fd().try_clone_to_owned().unwrap());
        let (tx, output) = mpsc::channel();
        // Ends when the program has closed the terminal.
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                if tx.send(text).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            keyboard,
            output,
            shown: String::new(),
        }
    }

    fn wait_for(&mut self, needle: &str) {
        let deadline = Instant::now() + DEADLINE;
        while !console::strip_ansi_codes(&self.shown).contains(needle) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(text) => self.shown += &text,
                Err(error) => panic!("\"{needle}\" is not shown: {error}\n{}", self.last()),
            }
        }
    }

    /// What was drawn last.
    fn last(&self) -> String {
        let drawn = self.shown.rsplit("\u{1b}[2K").next().unwrap_or_default();
        console::strip_ansi_codes(drawn).into_owned()
    }

    fn press(&mut self, key: u8) {
        self.keyboard.write_all(&[key]).unwrap();
    }

    /// Waits for the end; returns the exit status and all that was shown, without colours.
    fn end(mut self) -> (i32, String) {
        let deadline = Instant::now() + CLOSING;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(text) => self.shown += &text,
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(error) => panic!("not ended within {CLOSING:?}: {error}\n{}", self.shown),
            }
        }
        let status = self.child.wait().unwrap();
        let shown = console::strip_ansi_codes(&self.shown).into_owned();
        (status.code().unwrap_or(-1), shown)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Has no effect on one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn publish(server: &RoomServer, name: &str, label: &str) -> Publisher {
    let builder = Publisher::builder(server.url(), "r", name).label(label);
    let person = builder.codec(Codec::Vp8).start().unwrap();
    person.wait_for_viewer(DEADLINE).unwrap();
    person.wait_for_frames(60, DEADLINE).unwrap();
    person
}

/// Whether keys are shown and wait for Enter, as shells want it.
fn is_as_before(keyboard: &File) -> bool {
    let modes = tcgetattr(keyboard).unwrap().local_modes;
    modes.contains(LocalModes::ICANON | LocalModes::ECHO)
}

#[test]
fn a_recording_is_seen_on_the_terminal_and_q_ends_it() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let mut terminal = Terminal::record(&server, &folder);
    let keyboard = open_again(&terminal.keyboard);
    let _alice = publish(&server, "alice", "Alice");
    for needle in [
        "WHO",
        "alice (Alice)",
        "recording",
        "VP8 320x180, OPUS",
        "free, enough for",
        "kbit/s",
    ] {
        terminal.wait_for(needle);
    }
    assert!(!is_as_before(&keyboard), "q would want an Enter");
    terminal.press(b'x');
    terminal.press(b'm');
    for needle in ["marked: mark 1", "1 mark  ·", "m marks, q ends"] {
        terminal.wait_for(needle);
    }
    terminal.press(b'q');
    let (status, shown) = terminal.end();
    assert_eq!(status, 0, "{shown}");
    assert!(
        is_as_before(&keyboard),
        "the terminal is left as it was found"
    );
    let table = shown.rsplit("FILE ").next().unwrap();
    for needle in [
        "STATE",
        "alice_",
        "VP8 320x180, OPUS",
        "whole",
        "1 file, 00:00:0",
    ] {
        assert!(
            table.contains(needle),
            "no \"{needle}\" in the table:\n{shown}"
        );
    }
    assert_all_whole(&folder.recordings(), 1);
    let manifest = folder.manifest();
    let marks = manifest.iter().filter(|line| line["event"] == "mark");
    assert_eq!(marks.count(), 1, "{manifest:#?}");
}

fn open_again(keyboard: &Pty) -> File {
    File::from(keyboard.as_fd().try_clone_to_owned().unwrap())
}

#[test]
fn ctrl_c_on_the_terminal_ends_a_recording_of_nobody() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let mut terminal = Terminal::record(&server, &folder);
    terminal.wait_for("in the room, 0 people recorded");
    terminal.press(b'm');
    terminal.wait_for("no mark: nothing is being recorded");
    terminal.press(CTRL_C);
    let (status, shown) = terminal.end();
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains("Nothing was recorded."), "{shown}");
}
