// SPDX-License-Identifier: MPL-2.0
//! `vdoroom list`, `check` and `timeline`, of files that were not recorded for this: real recordings
//! are in the tests of the recorder.

use std::process::Command;

use serde_json::{Value, json};
use vdoroom_testkit::Folder;

const CONTENT: &str = "no media";

/// A folder with the manifest of one part of Alice, which was closed.
fn recorded() -> Folder {
    let folder = Folder::new();
    let lines = [
        json!({ "event": "run", "version": 1, "host": "", "pid": 0 }),
        json!({
            "event": "part-closed", "part": 1, "room": "r", "stream": "alice", "label": "Alice",
            "file": "/nowhere/alice.ts", "relative-file": "alice.ts", "container": "mpegts",
            "start": 0, "start-utc": "2026-11-21T09:00:00Z", "began": "start",
            "tracks": [{ "kind": "video", "codec": "H264", "sizes": ["320x180"] }],
            "end": 2_000_000_000, "bytes": CONTENT.len(),
        }),
    ];
    let text = lines.map(|line| format!("{line}\n")).concat();
    std::fs::write(folder.0.join("rec.manifest.jsonl"), text).unwrap();
    std::fs::write(folder.0.join("alice.ts"), CONTENT).unwrap();
    folder
}

/// Its exit status, and all that it prints.
fn vdoroom(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_vdoroom"));
    let output = program.args(arguments).current_dir(&folder.0).output();
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text.into_owned())
}

#[test]
fn files_that_are_there_are_a_table() {
    let folder = recorded();
    let (code, printed) = vdoroom(&folder, &["list", "."]);
    assert_eq!(code, Some(0), "{printed}");
    for needle in ["who", "Alice (alice)", "2.00 s", "alice.ts", "All files"] {
        assert!(printed.contains(needle), "no {needle}: {printed}");
    }
}

#[test]
fn files_that_are_missing_or_do_not_play_are_findings_for_a_script() {
    let folder = recorded();
    let found = |options: &[&str]| -> Vec<String> {
        let (code, printed) = vdoroom(&folder, &[&["list", "--json"], options, &["."]].concat());
        assert_eq!(code, Some(1), "{printed}");
        let survey: Value = serde_json::from_str(&printed).expect(&printed);
        assert_eq!(survey["parts"][0]["stream"], "alice");
        let findings = survey["findings"].as_array().unwrap().iter();
        let kinds = findings.map(|finding| finding["kind"].as_str().unwrap().to_owned());
        kinds.collect()
    };
    assert!(found(&["--check"]).contains(&"content".to_owned()));
    std::fs::remove_file(folder.0.join("alice.ts")).unwrap();
    assert_eq!(found(&[]), ["missing"]);
}

/// Marks a moment, 1.5 s after the part began.
fn mark(folder: &Folder) {
    let manifest = folder.0.join("rec.manifest.jsonl");
    let lines = std::fs::read_to_string(&manifest).unwrap();
    let line = json!({
        "event": "mark", "mark": 1, "at": 1_500_000_000, "at-utc": "2026-11-21T09:00:01.500Z",
        "text": "The answer",
    });
    std::fs::write(manifest, format!("{lines}{line}\n")).unwrap();
}

#[test]
fn marks_are_listed_and_are_markers() {
    let folder = recorded();
    mark(&folder);
    let (code, printed) = vdoroom(&folder, &["list", "."]);
    assert_eq!(code, Some(0), "{printed}");
    let expected = "1 mark:\n  2026-11-21 09:00:01.500  The answer\n";
    assert!(printed.contains(expected), "{printed}");
    let (_, printed) = vdoroom(&folder, &["list", "--json", "."]);
    let survey: Value = serde_json::from_str(&printed).expect(&printed);
    assert_eq!(survey["marks"][0]["at"], 1_500_000_000);

    vdoroom(&folder, &["timeline", "rec.manifest.jsonl"]);
    let text = std::fs::read_to_string(folder.0.join("room.otio")).unwrap();
    let timeline: Value = serde_json::from_str(&text).unwrap();
    let marker = &timeline["tracks"]["markers"][0];
    assert_eq!(marker["name"], "The answer");
    assert_eq!(marker["marked_range"]["start_time"]["value"], 45.0);
}

#[test]
fn a_file_that_cannot_be_decoded_is_damaged() {
    let folder = recorded();
    let (code, printed) = vdoroom(&folder, &["check", "alice.ts"]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("DAMAGED"), "{printed}");
    assert!(printed.contains("nothing could be decoded"), "{printed}");
}

#[test]
fn a_manifest_is_a_timeline_which_is_not_written_over() {
    let folder = recorded();
    let make = || vdoroom(&folder, &["timeline", "rec.manifest.jsonl"]);
    make();
    let text = std::fs::read_to_string(folder.0.join("room.otio")).unwrap();
    let timeline: Value = serde_json::from_str(&text).unwrap();
    let track = &timeline["tracks"]["children"][0];
    assert_eq!(
        (&track["kind"], &track["name"]),
        (&json!("Video"), &json!("Alice (alice)"))
    );
    assert_eq!(
        track["children"][0]["source_range"]["duration"]["value"],
        60.0
    );
    let (code, printed) = make();
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("is there already"), "{printed}");
}
