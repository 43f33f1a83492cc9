// SPDX-License-Identifier: MPL-2.0
//! The manual's lines that upload, as they are printed; a folder stands in for the bucket.

use std::path::{Path, PathBuf};
use std::process::Command;

use vdoroom_testkit::check;
use vdoroom_testkit::manual;
use vdoroom_testkit::require;
use vdoroom_testkit::wait;
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, RoomServer};

use crate::recording::DEADLINE;

/// The `n`th block of shell in the manual's section about uploading.
fn printed(n: usize) -> String {
    let section = manual::section("Uploading").join("\n");
    manual::shell_blocks(&section)[n].to_owned()
}

fn lacks_tools() -> bool {
    !["rclone", "jq"].into_iter().all(require::program)
}

/// Runs a line for which the remote `s3` is a folder.
fn shell(folder: &Path, line: &str) -> Launch {
    Launch::shell(folder, line, |command| {
        command
            .env("RCLONE_CONFIG", folder.join("rclone.conf"))
            .env("RCLONE_CONFIG_S3_TYPE", "alias")
            .env("RCLONE_CONFIG_S3_REMOTE", folder.join("s3"));
    })
}

/// Ends a line of the shell with all its programs: `tail` would wait for ever.
struct Uploader {
    pid: String,
    _shell: Launch,
}

impl Uploader {
    fn start(folder: &Path, line: &str) -> Self {
        // A job of its own, whose number is its first program's.
        let line = format!("setsid sh -c 'echo $$ >uploader; {line}'");
        let shell = shell(folder, &line);
        let pid = wait_for("the uploader", || {
            let pid = std::fs::read_to_string(folder.join("uploader")).ok()?;
            pid.ends_with('\n').then(|| pid.trim().to_owned())
        });
        Self { pid, _shell: shell }
    }
}

impl Drop for Uploader {
    fn drop(&mut self) {
        let group = format!("-{}", self.pid);
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
    }
}

fn wait_for<T>(what: &str, found: impl FnMut() -> Option<T>) -> T {
    wait::wait_for(what, DEADLINE, found)
}

fn publish(server: &RoomServer) -> Publisher {
    let alice = Publisher::builder(server.url(), "studio", "alice").codec(Codec::H264);
    let alice = alice.start().unwrap();
    alice.wait_for_frames(45, DEADLINE).unwrap();
    alice
}

/// Where uploads go.
fn bucket(folder: &Path) -> PathBuf {
    folder.join("s3/bucket/studio")
}

#[test]
fn the_line_of_the_manual_uploads_a_file_when_it_is_closed() {
    if lacks_tools() {
        return;
    }
    let (server, folder) = (RoomServer::start(Dialect::Hosted), Folder::new());
    let record = format!(
        "exec gst-launch-1.0 -e vdoroomsrc server={} room=studio : roomfilesink location=rec/",
        server.url()
    );
    let recorder = shell(&folder.0, &record);
    let alice = publish(&server);
    let rec = Folder(folder.0.join("rec"));
    wait_for("the manifest", || {
        let there = rec.0.exists() && !rec.files(&["jsonl"]).is_empty();
        there.then_some(())
    });
    let uploader = Uploader::start(&folder.0, &printed(0).replace('\'', "'\\''"));
    alice.wait_for_frames(90, DEADLINE).unwrap();
    // She leaves; the recorder goes on.
    drop(alice);
    wait_for("the upload of the whole file", || {
        let recording = rec.recordings().pop()?;
        let upload = bucket(&folder.0).join(recording.file_name()?);
        let is_same = std::fs::read(upload).ok()? == std::fs::read(recording).ok()?;
        is_same.then_some(())
    });
    recorder.signal("INT");
    let (status, printed) = recorder.wait(DEADLINE);
    assert!(status.success(), "{printed}");
    drop(uploader);
}

#[test]
fn the_pipeline_of_the_manual_uploads_while_it_records() {
    if lacks_tools() {
        return;
    }
    let (server, folder) = (RoomServer::start(Dialect::Hosted), Folder::new());
    let source = format!("vdoroomsrc server={}", server.url());
    // The shell tells who it is, so that the recorder alone can be interrupted.
    let line = printed(1).replace("vdoroomsrc", &source);
    let line = line.replacen(
        "gst-launch-1.0",
        "sh -c 'echo $$ >pid; exec \"$@\"' - gst-launch-1.0",
        1,
    );
    let upload = shell(&folder.0, &line);
    let alice = publish(&server);
    alice.wait_for_frames(120, DEADLINE).unwrap();
    let pid = std::fs::read_to_string(folder.0.join("pid")).unwrap();
    let interrupted = Command::new("kill").args(["-INT", pid.trim()]).status();
    assert!(interrupted.unwrap().success());
    let (status, printed) = upload.wait(DEADLINE);
    assert!(status.success(), "{printed}");
    let report = check::inspect(bucket(&folder.0).join("alice.ts"));
    assert_eq!(report.errors, Vec::<String>::new(), "{report:#?} {printed}");
    assert!(
        report.video.is_some() && report.audio.is_some(),
        "{report:#?} {printed}"
    );
    assert!(report.duration().seconds() >= 1, "{report:#?} {printed}");
    drop(alice);
}
