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

/// Turns an MP4 file's video upside down, in its track headers (ISO/IEC 14496-12, section 8.3.2): it has
/// one in its index, and one that is left of when it was fragmented.
fn turn(file: &Path) {
    const ONE: i32 = 1 << 16;
    let mut data = std::fs::read(file).unwrap();
    let number = |data: &[u8], at: usize| i32::from_be_bytes(data[at..at + 4].try_into().unwrap());
    let heads = (4..data.len() - 100).filter(|at| data[*at..].starts_with(b"tkhd"));
    let ends = heads.map(|at| at - 4 + number(&data, at - 4) as usize);
    let sizes = ends.map(|end| end - 8);
    let video: Vec<_> = sizes.filter(|at| number(&data, *at) > 0).collect();
    assert_eq!(video.len(), 2, "{video:?}");
    for size in video {
        let (width, height) = (number(&data, size), number(&data, size + 4));
        let matrix = [-ONE, 0, 0, 0, -ONE, 0, width, height, 1 << 30];
        let matrix: Vec<u8> = matrix.into_iter().flat_map(i32::to_be_bytes).collect();
        data[size - matrix.len()..size].copy_from_slice(&matrix);
    }
    std::fs::write(file, data).unwrap();
}

#[test]
fn video_that_its_file_turns_is_turned() {
    if !require::program_of("ffmpeg", "-version") {
        return;
    }
    let recorder = alice("mp4", media::counted_h264());
    let folder = &recorder.folder.0;
    let seen = |arguments: &[&str], file: &str| {
        let outputs = export(folder, &[arguments, &["--overwrite"]].concat());
        let how = outputs[0]["video"].as_str().unwrap().to_owned();
        (how, colours(&exported(folder, file), "1.5", 4, 4))
    };
    let recorded = recorder.folder.recordings().remove(0);
    let name = recorded.file_stem().unwrap().to_str().unwrap().to_owned();
    let copied = format!("{name}.mp4");
    let (how, upright) = seen(&["--to", "mp4"], &copied);
    assert!(how.contains("copied"), "{how}");
    let mut turned = upright.clone();
    turned.reverse();
    let are_alike = |one: &[[u8; 3]], other: &[[u8; 3]]| {
        let mut pairs = one.as_flattened().iter().zip(other.as_flattened());
        pairs.all(|(a, b)| a.abs_diff(*b) < 40)
    };
    assert!(!are_alike(&upright, &turned), "{upright:?}");
    turn(&recorded);
    let aligned = &["--to", "mp4", "--align", "--quality", "best"][..];
    for (arguments, file) in [
        (&["--to", "mp4"][..], copied.as_str()),
        (aligned, "alice.mp4"),
    ] {
        let (how, seen) = seen(arguments, file);
        assert!(how.contains("H.264"), "{how}");
        assert!(are_alike(&seen, &turned), "{seen:?} {turned:?}");
    }
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
