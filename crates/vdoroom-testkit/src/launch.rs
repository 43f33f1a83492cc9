// SPDX-License-Identifier: MPL-2.0
//! `gst-launch-1.0` with the plugin, as a person uses it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// Kept apart from the user's own, which may not know this build of the plugin.
const REGISTRY: &str = "vdoroom-test-registry.bin";

/// The folder of the plugin: Cargo puts it beside the test's own, or above it.
pub fn plugin_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let mut folders = test.ancestors().skip(1);
    folders
        .find(|folder| folder.join("libgstvdoroom.so").exists())
        .expect("libgstvdoroom.so is not built")
        .to_owned()
}

/// An example of this repository.
pub fn example(name: &str) -> PathBuf {
    built(&Path::new("examples").join(name))
}

/// A program of this repository, as packages have it.
pub fn program(name: &str) -> PathBuf {
    built(Path::new(name))
}

/// What Cargo has built: it puts it beside the tests, or above.
fn built(path: &Path) -> PathBuf {
    let name = path.display();
    let folder = plugin_folder();
    let mut programs = folder.ancestors().map(|f| f.join(path));
    let program = programs
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("{name} is not built: {BUILD}"));
    if let Some(newer) = newer_source(&program) {
        let newer = newer.display();
        panic!("{name} is older than {newer}: {BUILD}");
    }
    program
}

/// What `cargo test` of one target does not do.
const BUILD: &str =
    "cargo build --workspace --lib --bins --examples --features vdoroom-testkit/ges";

/// A source of a program that has changed since it was built, by what Cargo wrote beside it.
fn newer_source(program: &Path) -> Option<PathBuf> {
    let built = program.metadata().and_then(|m| m.modified()).ok()?;
    let rule = std::fs::read_to_string(program.with_extension("d")).ok()?;
    // As in a makefile: a blank in a path has a backslash before it.
    let (_, sources) = rule.lines().next()?.split_once(": ")?;
    let sources = sources.replace("\\ ", "\0");
    let mut sources = sources.split(' ').map(|path| path.replace('\0', " "));
    sources.find_map(|path| {
        let changed = std::fs::metadata(&path).and_then(|m| m.modified());
        let is_newer = changed.map_or(true, |changed| changed > built);
        is_newer.then(|| path.into())
    })
}

/// A running program, and the lines that it prints.
pub struct Launch {
    child: Child,
    lines: Receiver<String>,
    printed: String,
}

impl Launch {
    /// Runs `gst-launch-1.0 LINE` by the shell, in `folder`.
    pub fn start(folder: &Path, line: &str) -> Self {
        Self::shell(folder, &format!("exec gst-launch-1.0 {line}"), |_| {})
    }

    /// Runs a line of the shell, which ends with `exec` of the program to be looked after.
    pub fn shell(folder: &Path, line: &str, configure: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("exec 2>&1; {line}")])
            .current_dir(folder)
            .env("GST_PLUGIN_PATH", plugin_folder())
            .env("GST_REGISTRY", std::env::temp_dir().join(REGISTRY))
            .env("G_DEBUG", "fatal-criticals")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0);
        configure(&mut command);
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tx, lines) = mpsc::channel();
        // Ends with the program's output.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if tx.send(line).is_err() {
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

    /// Waits for a line that contains `needle`, and returns it.
    pub fn wait_for_line(&mut self, needle: &str, timeout: Duration) -> String {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = match self.lines.recv_timeout(left) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => panic!(
                    "no line with \"{needle}\" within {timeout:?}:\n{}",
                    self.printed
                ),
                Err(RecvTimeoutError::Disconnected) => panic!(
                    "it ended ({:?}) before a line with \"{needle}\":\n{}",
                    self.child.wait(),
                    self.printed
                ),
            };
            self.printed += &line;
            self.printed.push('\n');
            if line.contains(needle) {
                return line;
            }
        }
    }

    /// Writes a line to the program's standard input, which `configure` has made a pipe.
    pub fn say(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("a pipe to the program");
        writeln!(input, "{line}").unwrap();
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal, such as `INT`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for the end; returns it with everything that was printed.
    pub fn wait(mut self, timeout: Duration) -> (ExitStatus, String) {
        let deadline = Instant::now() + timeout;
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
                    panic!("not ended within {timeout:?}:\n{}", self.printed)
                }
            }
        }
        let status = self.child.wait().unwrap();
        (status, std::mem::take(&mut self.printed))
    }
}

impl Drop for Launch {
    fn drop(&mut self) {
        // With what it has started itself: a script may wait for a recorder. Fails for a program
        // that has ended, as it should.
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Folder;

    #[test]
    fn what_a_program_has_started_ends_with_it() {
        let folder = Folder::new();
        let line = "sleep 1000 & echo $!; wait";
        let mut launch = Launch::shell(&folder.0, line, |_| {});
        let started = launch.wait_for_line("", Duration::from_secs(10));
        let running = || {
            let status = std::fs::read_to_string(format!("/proc/{started}/stat"));
            // What has ended stays as a zombie until somebody waits for it.
            status.is_ok_and(|status| !status.contains(") Z "))
        };
        assert!(running());
        drop(launch);
        let until = Instant::now() + Duration::from_secs(10);
        while running() {
            assert!(Instant::now() < until, "it runs on");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_program_that_is_older_than_one_of_its_sources_is_told_apart() {
        let folder = Folder::new();
        let path = |name: &str| folder.0.join(name);
        let write = |name: &str, text: &str, age: u64| {
            std::fs::write(path(name), text).unwrap();
            let file = std::fs::File::options().write(true).open(path(name));
            let time = std::time::SystemTime::now() - Duration::from_secs(age);
            file.unwrap().set_modified(time).unwrap();
        };
        let sources = [path("a.rs"), path("b c.rs")];
        let [a, b] = sources.each_ref().map(|path| path.display().to_string());
        let rule = format!("program: {a} {}\n", b.replace(' ', "\\ "));
        write("program.d", &rule, 0);
        write("a.rs", "", 30);
        write("b c.rs", "", 20);
        write("program", "", 10);
        assert_eq!(newer_source(&path("program")), None);
        write("b c.rs", "", 0);
        assert_eq!(
            newer_source(&path("program")).as_deref(),
            Some(sources[1].as_path())
        );
        std::fs::remove_file(&sources[1]).unwrap();
        assert_eq!(
            newer_source(&path("program")).as_deref(),
            Some(sources[1].as_path())
        );
    }
}
