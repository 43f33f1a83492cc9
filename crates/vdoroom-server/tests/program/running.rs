// SPDX-License-Identifier: MPL-2.0
//! The running program, and what it prints.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_vdoroom-server");
pub const DEADLINE: Duration = Duration::from_secs(30);

/// An empty folder for the files of a test.
pub fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Ends with its test, however that ends.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    printed: String,
}

impl Running {
    /// Runs a line of the shell, in which `$0` is the program; both outputs are one.
    pub fn shell(folder: &Path, line: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {line}"), PROGRAM])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // Ends with the program's output.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            lines,
            printed: String::new(),
        }
    }

    /// A server on a free port; its address, and it.
    pub fn start(folder: &Path, options: &str) -> (SocketAddr, Self) {
        let line = format!("exec \"$0\" --listen 127.0.0.1:0 {options}");
        let mut running = Self::shell(folder, &line);
        let line = running.wait_for_line("listening on ");
        (address(&line), running)
    }

    /// Waits for a line that contains `needle`, and returns it.
    pub fn wait_for_line(&mut self, needle: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|error| {
                panic!("no line with \"{needle}\" ({error}):\n{}", self.printed)
            });
            self.printed += &line;
            self.printed.push('\n');
            if line.contains(needle) {
                return line;
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.args([&format!("-{name}"), &self.pid().to_string()]);
        assert!(kill.status().unwrap().success());
    }

    /// Waits for the end; returns it with everything that was printed.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.printed += &line;
                    self.printed.push('\n');
                }
                // The output is closed: the program has ended, or is about to.
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    panic!("not ended within {DEADLINE:?}:\n{}", self.printed)
                }
            }
        }
        (
            self.child.wait().unwrap(),
            std::mem::take(&mut self.printed),
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails for a program that has ended, as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the first line that a server prints.
pub fn address(line: &str) -> SocketAddr {
    let (_, address) = line.trim().rsplit_once('/').unwrap();
    address.parse().unwrap()
}
