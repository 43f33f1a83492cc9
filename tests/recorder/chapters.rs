// SPDX-License-Identifier: MPL-2.0
//! Marks of a recording are chapters of what is exported of it, as FFmpeg reads them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use vdoroom_testkit::check;
use vdoroom_testkit::require;

use crate::export::{SECOND, flashes, recorded};
use crate::exporting::{export, exported};

/// Beginning in seconds, and title.
fn chapters(file: &Path) -> Vec<(u64, String)> {
    let probe = Command::new("ffprobe")
        .args(["-v", "error", "-of", "json", "-show_chapters"])
        .arg(file)
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&probe.stdout).unwrap();
    let chapters = told["chapters"].as_array().unwrap().iter();
    let chapter = |chapter: &Value| {
        let start: f64 = chapter["start_time"].as_str().unwrap().parse().unwrap();
        let title = chapter["tags"]["title"].as_str().unwrap();
        (start.round() as u64, title.to_owned())
    };
    chapters.map(chapter).collect()
}

#[test]
fn marks_are_chapters() {
    if !require::program_of("ffprobe", "-version") {
        return;
    }
    let recorder = recorded();
    let folder = &recorder.folder.0;
    let manifest = recorder.folder.files(&["jsonl"]).remove(0);
    let starts = recorder.folder.manifest();
    let starts = starts.iter().filter_map(|line| line["start"].as_i64());
    let first = starts.min().unwrap();
    let mut text = std::fs::read_to_string(&manifest).unwrap();
    for (number, second) in [(1, 2), (2, 4)] {
        let at = first + second * SECOND as i64;
        text += &format!(
            r#"{{"event":"mark","mark":{number},"at":{at},"at-utc":"2026-11-21T09:00:00.000Z","text":"„{second}“"}}"#
        );
        text += "\n";
    }
    std::fs::write(manifest, text).unwrap();
    let wanted = [(2, "„2“".to_owned()), (4, "„4“".to_owned())];
    for format in ["mp4", "mov", "mkv"] {
        export(folder, &["--to", format, "--align", "--person", "alice"]);
        let file = exported(folder, &format!("alice.{format}"));
        assert_eq!(chapters(&file), wanted, "{format}");
        let report = check::inspect(&file);
        assert_eq!(report.media.problems(), Vec::<String>::new(), "{format}");
        assert_eq!(flashes(&report), [1, 3, 4], "{format}");
    }
}
