// SPDX-License-Identifier: MPL-2.0
//! What `vdoroom export` makes of each codec and container that is recorded, and what is seen where
//! nothing was.

use std::path::Path;
use std::process::Command;

use gst::prelude::*;
use vdoroom_testkit::check;
use vdoroom_testkit::require;

use crate::export::{flashes, recorded};
use crate::exporting::{export, exported};
use crate::media::{self, Media};
use crate::room::{Recorder, Sender, send_until};

/// Three seconds of Alice.
fn alice(container: &str, video: &'static Media) -> Recorder {
    let mut recorder = Recorder::in_container(container);
    let mut video = Sender::named(&recorder, "video_alice", video);
    let mut audio = Sender::named(&recorder, "audio_alice", media::beeping_opus());
    send_until(3000, &mut [&mut video, &mut audio]);
    assert_eq!(recorder.end().len(), 1);
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    recorder
}

/// Each frame is there once, with the audio that belongs to it.
fn assert_whole(file: &Path, what: &str) {
    let report = check::inspect(file);
    assert_eq!(report.media.problems(), Vec::<String>::new(), "{what}");
    let counters = report.video.as_ref().unwrap().counters.as_ref().unwrap();
    let seen = (
        counters.first,
        counters.last,
        counters.missing,
        counters.bad,
    );
    assert_eq!(seen, (0, 44, 0, 0), "{what}: {counters:?}");
    assert_eq!(flashes(&report), [1, 2], "{what}");
    for offset in &report.flash_beep_offsets {
        assert!(offset.abs() < 20.0, "{what}: {offset}");
    }
}

#[test]
fn each_codec_is_copied_or_encoded_out_of_each_container() {
    /// Container, video, and what is done of it for each format.
    type Case = (
        &'static str,
        fn() -> &'static Media,
        [(&'static str, &'static str); 3],
    );
    let recordings: [Case; 6] = [
        (
            "auto",
            media::counted_h265,
            [("mp4", "copied"), ("mov", "copied"), ("webm", "VP8")],
        ),
        (
            "mp4",
            media::counted_h264,
            [("mp4", "copied"), ("mkv", "copied"), ("webm", "VP8")],
        ),
        (
            "mp4",
            media::counted_av1,
            [("mp4", "copied"), ("mkv", "copied"), ("webm", "copied")],
        ),
        (
            "auto",
            media::counted_vp9,
            [("mp4", "H.264"), ("mkv", "copied"), ("webm", "copied")],
        ),
        (
            "webm",
            media::counted_vp8,
            [("mp4", "H.264"), ("mkv", "copied"), ("webm", "copied")],
        ),
        (
            "webm",
            media::counted_av1,
            [("mp4", "copied"), ("mov", "copied"), ("webm", "copied")],
        ),
    ];
    for (container, video, exports) in recordings {
        let recorder = alice(container, video());
        let folder = &recorder.folder.0;
        for (format, how) in exports {
            let outputs = export(folder, &["--to", format]);
            let done = outputs[0]["video"].as_str().unwrap();
            let what = format!("{container} to {format}: {done}");
            assert!(done.contains(how), "{what}: not {how}");
            assert_whole(&exported(folder, &format!("alice-1.{format}")), &what);
        }
    }
}

/// The colour of each cell of a grid of these sides at a second, as red, green and blue.
fn colours(file: &Path, second: &str, columns: u32, rows: u32) -> Vec<[u8; 3]> {
    let pixels = Command::new("ffmpeg")
        .args(["-v", "error", "-ss", second, "-i"])
        .arg(file)
        .args(["-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo"])
        .args(["-vf", &format!("scale={columns}:{rows}:flags=area"), "-"])
        .output()
        .unwrap();
    assert!(pixels.status.success(), "{pixels:?}");
    let (cells, []) = pixels.stdout.as_chunks() else {
        panic!("{} bytes", pixels.stdout.len());
    };
    assert_eq!(cells.len(), (columns * rows) as usize);
    cells.to_vec()
}

fn is_black(colour: &[u8; 3]) -> bool {
    colour.iter().all(|value| *value < 24)
}

#[test]
fn a_still_is_seen_where_nothing_was_recorded() {
    if !require::program_of("ffmpeg", "-version") {
        return;
    }
    let recorder = recorded();
    let folder = &recorder.folder.0;
    let still = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "color=red:size=64x36"])
        .args(["-frames:v", "1", "still.png"])
        .current_dir(folder)
        .status();
    assert!(still.unwrap().success());
    // Alice is away from 2 s to 3 s.
    let arguments = [
        "--to",
        "mp4",
        "--align",
        "--person",
        "alice",
        "--quality",
        "draft",
    ];
    export(folder, &arguments);
    let gap = colours(&exported(folder, "alice.mp4"), "2.5", 1, 1)[0];
    assert!(is_black(&gap), "{gap:?}");
    export(
        folder,
        &[&arguments[..], &["--still", "still.png", "--overwrite"]].concat(),
    );
    let file = exported(folder, "alice.mp4");
    let [gap, there] = ["2.5", "1.5"].map(|second| colours(&file, second, 1, 1)[0]);
    assert!(gap[0] > 200 && gap[1] < 60 && gap[2] < 60, "{gap:?}");
    assert!(there[0].abs_diff(there[1]) < 20, "{there:?}");
}

#[test]
fn a_mix_has_a_place_for_each_who_is_there() {
    if !require::program_of("ffmpeg", "-version") {
        return;
    }
    let recorder = recorded();
    let folder = &recorder.folder.0;
    export(
        folder,
        &["--mix", "--size", "640x360", "--quality", "draft"],
    );
    let mix = exported(folder, "mix.mp4");
    // Alice alone, with Bob, Bob alone, and Alice again. Two who are 16 to 9 leave black above and below.
    for (second, is_split) in [
        ("0.5", false),
        ("1.5", true),
        ("2.5", false),
        ("4.5", false),
    ] {
        let rows = colours(&mix, second, 1, 9);
        assert_eq!(is_black(&rows[0]), is_split, "{second}: {rows:?}");
        assert!(!is_black(&rows[4]), "{second}: {rows:?}");
    }
}
