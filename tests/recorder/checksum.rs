// SPDX-License-Identifier: MPL-2.0
//! `checksum`: the manifest has the SHA-256 of each file as it is when it is closed, and of no other.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gst::prelude::*;
use serde_json::Value;
use vdoroom_testkit::launch::program;
use vdoroom_testkit::{Folder, Launch};

use crate::media;
use crate::mount::Mount;
use crate::room::{Recorder, Sender, send_live_until, send_until, wait_for};
use crate::strace;

/// By coreutils.
fn sha256sum(file: &Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.split_whitespace().next().unwrap().to_owned()
}

fn recorder() -> Recorder {
    Recorder::with(|sink, _| sink.set_property("checksum", true))
}

/// The last lines of the parts.
fn closed(folder: &Folder) -> Vec<Value> {
    let mut lines = folder.manifest();
    lines.retain(|line| line["event"] == "part-closed");
    lines
}

fn assert_right(line: &Value) {
    let file = Path::new(line["file"].as_str().unwrap());
    assert_eq!(line["sha256"], sha256sum(file), "{line:#}");
}

/// Exit status and output of `vdoroom check`.
fn check(file: &Path) -> (Option<i32>, String) {
    let mut vdoroom = Command::new(program("vdoroom"));
    let output = vdoroom.arg("check").arg(file).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), printed)
}

#[test]
fn the_manifest_has_the_checksum_of_each_part_of_every_container() {
    for (container, extensions) in [
        ("auto", &["ts", "mkv", "mka"][..]),
        ("mp4", &["mp4", "mkv"]),
        ("webm", &["webm", "ts"]),
    ] {
        let mut recorder = Recorder::with(|sink, _| {
            sink.set_property("checksum", true);
            sink.set_property_from_str("container", container);
            sink.set_property("max-size-time", 1_000_000_000_u64);
        });
        let mut alice = Sender::named(&recorder, "video_alice", media::h264());
        let mut bob = Sender::named(&recorder, "video_bob", media::vp8());
        let mut carol = Sender::named(&recorder, "audio_carol", media::opus());
        send_until(3500, &mut [&mut alice, &mut bob, &mut carol]);
        let parts = recorder.end();
        recorder.pipeline.set_state(gst::State::Null).unwrap();
        let lines = closed(&recorder.folder);
        assert_eq!(lines.len(), parts.len());
        for extension in extensions {
            let of = |line: &&Value| line["file"].as_str().unwrap().ends_with(extension);
            let count = lines.iter().filter(of).count();
            assert!(count >= 3, "{count} parts in .{extension}: {lines:#?}");
        }
        lines.iter().for_each(assert_right);
    }
}

#[test]
fn without_the_property_there_is_no_checksum() {
    let mut recorder = Recorder::new();
    let mut alice = Sender::named(&recorder, "video_alice", media::vp8());
    send_until(500, &mut [&mut alice]);
    recorder.end();
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(closed(&recorder.folder)[0].get("sha256"), None);
}

#[test]
fn a_recorder_that_is_stopped_without_eos_has_checksums_as_well() {
    let recorder = recorder();
    let mut alice = Sender::named(&recorder, "video_alice", media::vp8());
    send_until(1500, &mut [&mut alice]);
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    let lines = closed(&recorder.folder);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_right(&lines[0]);
}

#[test]
fn a_byte_that_has_changed_is_found() {
    let mut recorder = recorder();
    let mut alice = Sender::named(&recorder, "video_alice", media::vp8());
    let mut bob = Sender::named(&recorder, "audio_bob", media::opus());
    send_until(1500, &mut [&mut alice, &mut bob]);
    for part in recorder.end() {
        let file = part.file();
        let (status, printed) = check(&file);
        assert_eq!(status, Some(0), "{printed}");
        let mut bytes = std::fs::read(&file).unwrap();
        // In the name of the program that wrote it: no decoder minds.
        let name = bytes
            .windows(12)
            .position(|w| w == b"roomfilesink")
            .unwrap();
        bytes[name] ^= 0x20;
        std::fs::write(&file, bytes).unwrap();
        let (status, printed) = check(&file);
        assert_eq!(status, Some(1), "{printed}");
        assert!(printed.contains("checksum differs"), "{printed}");
        assert!(printed.contains("DAMAGED"), "{printed}");
    }
}

#[test]
fn nothing_is_claimed_of_a_part_whose_disk_fails() {
    let mut recorder = Recorder::with(|sink, folder| {
        sink.set_property("checksum", true);
        sink.set_property("min-free-space", 0_u64);
        let location = folder.join("%s/%n.%e");
        sink.set_property("location", location.to_str().unwrap());
        let manifest = folder.join("manifest.jsonl");
        sink.set_property("manifest", manifest.to_str().unwrap());
    });
    let Some(disk) = Mount::in_memory(&recorder.folder.0.join("bob"), "1m") else {
        return;
    };
    disk.fill(60_000);
    let mut bob = Sender::named(&recorder, "video_bob", media::vp8());
    send_live_until(5000, &mut [&mut bob]);
    let failed = recorder.next("part-failed");
    assert!(failed.fields.get::<String>("sha256").is_err(), "{failed:?}");
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    let lines = recorder.folder.manifest();
    let has_failed = |line: &&Value| line["event"] == "part-failed";
    let failed = lines
        .iter()
        .find(has_failed)
        .expect("a line of the failure");
    assert_eq!(failed.get("sha256"), None);
}

/// Reading takes half a second for each of some hundred pieces.
#[test]
fn a_checksum_that_takes_too_long_keeps_no_recorder_from_its_end() {
    if !strace::can_trace() {
        return;
    }
    let folder = Folder::new();
    let file = folder.0.join("a-1.mka");
    let line = format!(
        "exec strace -f -o /dev/null -P {} -e trace=pread64 -e inject=pread64:delay_enter=500000 \
         gst-launch-1.0 -e audiotestsrc samplesperbuffer=8000 ! audio/x-raw,rate=8000,channels=1 \
         ! mulawenc ! r.audio_a roomfilesink name=r checksum=true location={}/%s-%n.%e",
        file.display(),
        folder.0.display()
    );
    let launch = Launch::shell(&folder.0, &line, |_| {});
    wait_for("some MB of audio", || {
        (file.metadata().ok()?.len() > 8_000_000).then_some(())
    });
    let strace = launch.pid();
    let children = format!("/proc/{strace}/task/{strace}/children");
    let child = std::fs::read_to_string(children).unwrap();
    let interrupt = Command::new("kill").args(["-INT", child.trim()]).status();
    assert!(interrupt.unwrap().success());
    let (status, printed) = launch.wait(Duration::from_secs(15));
    assert!(status.success(), "{printed}");
    let lines = closed(&folder);
    assert_eq!(lines.len(), 1, "{printed}");
    assert_eq!(lines[0].get("sha256"), None, "it was given up");
    assert_eq!(lines[0]["bytes"], file.metadata().unwrap().len());
}
