// SPDX-License-Identifier: MPL-2.0
//! `vdoroom list` and `vdoroom check`: what they say of real recordings.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gst::prelude::*;
use serde_json::Value;
use vdoroom_testkit::Launch;
use vdoroom_testkit::launch::program;

use crate::media;
use crate::room::{Folder, Recorder, Sender, send_until, wait_for};

/// Lists in `folder`; gives the exit code and what was printed.
fn list(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(program("vdoroom"));
    let output = command
        .arg("list")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text.into_owned())
}

/// The kinds of what it finds, with the file's name, sorted.
fn findings(folder: &Path) -> Vec<String> {
    let (_, printed) = list(folder, &["--json", "--check", "."]);
    let survey: Value = serde_json::from_str(&printed).unwrap_or_else(|e| panic!("{e}: {printed}"));
    let findings = survey["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            let file = Path::new(finding["file"].as_str().unwrap())
                .file_name()
                .unwrap();
            let kind = finding["kind"].as_str().unwrap();
            format!("{kind} {}", file.to_str().unwrap())
        });
    let mut findings: Vec<_> = findings.collect();
    findings.sort();
    findings.dedup();
    findings
}

/// Alice with two parts and Bob with one, all closed.
fn recorded() -> Recorder {
    let mut recorder = Recorder::new();
    let mut alice = Sender::named(&recorder, "video_alice", media::h264());
    let mut bob = Sender::named(&recorder, "audio_bob", media::opus());
    send_until(2500, &mut [&mut alice, &mut bob]);
    alice.eos();
    alice.unlink();
    recorder.next("part-closed");
    let mut alice = Sender::named(&recorder, "video_alice", media::h264());
    alice.skip_to(4000);
    send_until(5000, &mut [&mut bob, &mut alice]);
    recorder.end();
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    recorder
}

#[test]
fn whole_recordings_are_a_table_and_nothing_is_missing_also_after_a_move() {
    let recorder = recorded();
    let (code, printed) = list(&recorder.folder.0, &["--check", "."]);
    assert_eq!(code, 0, "{printed}");
    for file in ["alice-1.ts", "alice-2.ts", "bob-1.mka"] {
        assert!(printed.contains(file), "{printed}");
    }
    let pause = "alice: was not recorded from ";
    assert!(
        printed.contains(pause) && printed.contains("ended with \"eos\""),
        "{printed}"
    );

    let moved = Folder::new();
    std::fs::remove_dir(&moved.0).unwrap();
    std::fs::rename(&recorder.folder.0, &moved.0).unwrap();
    let (code, printed) = list(&moved.0, &["."]);
    assert_eq!(code, 0, "{printed}");
}

#[test]
fn what_is_missing_short_damaged_or_strange_is_listed() {
    let recorder = recorded();
    let folder = &recorder.folder.0;
    std::fs::remove_file(folder.join("bob-1.mka")).unwrap();
    let short = std::fs::File::options()
        .write(true)
        .open(folder.join("alice-1.ts"));
    short.unwrap().set_len(1_000).unwrap();
    std::fs::copy(folder.join("alice-2.ts"), folder.join("stranger.ts")).unwrap();
    let manifest = recorder.folder.files(&["jsonl"]).remove(0);
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.trim_end().to_owned() + "\n{\"event\":\"par").unwrap();
    let manifest = manifest.file_name().unwrap().to_str().unwrap();
    assert_eq!(
        findings(folder),
        [
            "content alice-1.ts".to_owned(),
            format!("manifest {manifest}"),
            "missing bob-1.mka".to_owned(),
            format!("pause {manifest}"),
            "size alice-1.ts".to_owned(),
            "unlisted stranger.ts".to_owned(),
        ]
    );
    assert_eq!(list(folder, &["."]).0, 1);
}

#[test]
fn a_track_that_cannot_be_decoded_is_no_whole_recording() {
    let mut recorder = Recorder::new();
    let mut alice = Sender::named(&recorder, "audio_alice", media::opus());
    let mut bob = Sender::named(&recorder, "audio_bob", media::opus());
    send_until(1000, &mut [&mut alice, &mut bob]);
    bob.say("vdoroom-undecodable");
    send_until(2000, &mut [&mut alice, &mut bob]);
    recorder.end();
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    let folder = &recorder.folder.0;
    assert_eq!(findings(folder), ["undecodable bob-1.mka"]);
    assert_eq!(list(folder, &["."]).0, 1);
    for (file, is_whole) in [("alice-1.mka", true), ("bob-1.mka", false)] {
        let check = Command::new(program("vdoroom"))
            .arg("check")
            .arg(folder.join(file))
            .output();
        let check = check.unwrap();
        let printed = String::from_utf8_lossy(&check.stdout);
        assert_eq!(check.status.success(), is_whole, "{printed}");
        assert_eq!(
            printed.contains("cannot be decoded"),
            !is_whole,
            "{printed}"
        );
    }
}

#[test]
fn after_a_kill_it_says_how_far_each_file_goes() {
    let folder = Folder::new();
    let line = "audiotestsrc is-live=true samplesperbuffer=960 ! opusenc ! r.audio_alice \
        roomfilesink name=r location=rec";
    let launch = Launch::start(&folder.0, line);
    wait_for("some audio on the disk", || {
        let file = folder.recordings().first()?.metadata().ok()?;
        (file.len() > 10_000).then_some(())
    });
    let (code, printed) = list(&folder.0, &["."]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("is being recorded"), "{printed}");
    launch.signal("KILL");
    launch.wait(Duration::from_secs(5));
    let (code, printed) = list(&folder.0, &["."]);
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("was never closed"), "{printed}");
    assert!(printed.contains("plays "), "{printed}");
}
