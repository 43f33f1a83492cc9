// SPDX-License-Identifier: MPL-2.0
//! `vdoroom export`: a recording as files to hand on.
//!
//! Alice is there twice, Bob comes in between, Carol is only heard. All flash and beep with each
//! second of the one timeline.

use std::path::PathBuf;
use std::process::Command;

use gst::prelude::*;
use serde_json::Value;
use vdoroom_testkit::check::{self, Report};
use vdoroom_testkit::require;

use crate::exporting::{TOGETHER, call, export, exported, multiples};
use crate::media;
use crate::room::{Recorder, Sender, send_until};

/// How far audio alone may be: encoders of Opus are 6.5 ms late.
const EXACT: f64 = 8.0;
pub const SECOND: u64 = 1_000_000_000;

/// Alice from 0 to 2 s and from 3 to 5 s, Bob from 1 to 4 s, Carol from 0 to 3 s.
pub fn recorded() -> Recorder {
    let mut recorder = Recorder::new();
    let name = |name| Sender::named(&recorder, name, video_or_audio(name));
    let (mut alice, mut alices) = (name("video_alice"), name("audio_alice"));
    let mut carol = name("audio_carol");
    send_until(1000, &mut [&mut alice, &mut alices, &mut carol]);
    let (mut bob, mut bobs) = (name("video_bob"), name("audio_bob"));
    bob.skip_to(1000);
    bobs.skip_to(1000);
    let everybody = &mut [&mut alice, &mut alices, &mut bob, &mut bobs, &mut carol];
    send_until(2000, everybody);
    for sender in [&alice, &alices] {
        sender.eos();
        sender.unlink();
    }
    recorder.next("part-closed");
    send_until(3000, &mut [&mut bob, &mut bobs, &mut carol]);
    let name = |name| Sender::named(&recorder, name, video_or_audio(name));
    let (mut alice, mut alices) = (name("video_alice"), name("audio_alice"));
    alice.skip_to(3000);
    alices.skip_to(3000);
    send_until(4000, &mut [&mut alice, &mut alices, &mut bob, &mut bobs]);
    bob.eos();
    bobs.eos();
    send_until(5000, &mut [&mut alice, &mut alices]);
    recorder.end();
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    recorder
}

fn video_or_audio(name: &str) -> &'static media::Media {
    match name {
        "video_alice" => media::counted_h264(),
        "video_bob" => media::counted_vp8(),
        _ => media::beeping_opus(),
    }
}

pub fn flashes(report: &Report) -> Vec<u64> {
    let video = report.video.as_ref().unwrap();
    multiples("flashes", &video.flashes, 1000.0, TOGETHER)
}

fn beeps(report: &Report) -> Vec<u64> {
    let audio = report.audio.as_ref().unwrap();
    multiples("beeps", &audio.beeps, 1000.0, TOGETHER)
}

#[test]
fn aligned_files_begin_and_end_together_and_everything_is_at_its_time() {
    let recorder = recorded();
    let folder = &recorder.folder.0;
    for (format, further) in [
        ("mov", &["--video-codec", "prores"][..]),
        ("mp4", &[]),
        ("mkv", &["--rate", "60"]),
        ("mxf", &["--quality", "draft"]),
        ("webm", &["--quality", "draft"]),
    ] {
        let outputs = export(folder, &[&["--to", format, "--align"], further].concat());
        let lengths: Vec<_> = outputs.iter().map(|o| o["duration"].as_u64()).collect();
        assert_eq!(lengths, vec![lengths[0]; 3], "{outputs:#?}");
        let begin: Vec<_> = outputs.iter().map(|o| &o["start-utc"]).collect();
        assert_eq!(begin, vec![begin[0]; 3], "{outputs:#?}");
        let report = |name: &str| check::inspect(exported(folder, &format!("{name}.{format}")));
        let (alice, bob, carol) = (report("alice"), report("bob"), report("carol"));
        println!(
            "{format}: {:.1?} {:.1?}",
            alice.flash_beep_offsets, bob.flash_beep_offsets
        );
        for report in [&alice, &bob, &carol] {
            assert_eq!(report.media.problems(), Vec::<String>::new(), "{format}");
            let off = report.duration().nseconds().abs_diff(lengths[0].unwrap());
            assert!(off < SECOND / 10, "{format}: {off} ns: {report:#?}");
        }
        // What begins with the file itself is no onset.
        assert_eq!(flashes(&alice), [1, 3, 4], "{format}");
        assert_eq!(flashes(&bob), [1, 2, 3], "{format}");
        assert_eq!(beeps(&bob), [1, 2, 3], "{format}");
        assert_eq!(beeps(&carol), [1, 2], "{format}");
        for offset in alice
            .flash_beep_offsets
            .iter()
            .chain(&bob.flash_beep_offsets)
        {
            assert!(offset.abs() < TOGETHER, "{format}: {offset}");
        }
    }
}

#[test]
fn audio_files_are_exact_and_have_the_time_of_day() {
    let recorder = recorded();
    let folder = &recorder.folder.0;
    for format in ["wav", "flac"] {
        let outputs = export(folder, &["--to", format, "--align"]);
        assert_eq!(outputs.len(), 3);
        let mut samples = Vec::new();
        for output in &outputs {
            let name = output["file"].as_str().unwrap();
            let report = check::inspect(folder.join(name));
            let audio = report.audio.as_ref().unwrap();
            assert_eq!(audio.rate, 48_000);
            samples.push(audio.samples);
            let wanted = match name.contains("bob") {
                true => &[1, 2, 3][..],
                false if name.contains("carol") => &[1, 2],
                false => &[1, 3, 4],
            };
            let found = multiples("beeps", &audio.beeps, 1000.0, EXACT);
            let late = found.iter().filter(|beep| **beep > 0).copied();
            assert_eq!(late.collect::<Vec<_>>(), wanted, "{name}");
        }
        assert_eq!(samples, vec![samples[0]; 3]);
    }
    let bytes = std::fs::read(exported(folder, "alice.wav")).unwrap();
    let field = 12 + 8 + 28 + 8 + 338;
    let reference = u64::from_le_bytes(bytes[field..field + 8].try_into().unwrap());
    let outputs = export(folder, &["--to", "wav", "--align"]);
    assert_eq!(outputs[0]["state"], "skipped");
    let utc = humantime::parse_rfc3339(outputs[0]["start-utc"].as_str().unwrap()).unwrap();
    let utc = utc.duration_since(std::time::UNIX_EPOCH).unwrap();
    let of_day = utc.as_millis() as u64 % 86_400_000;
    assert_eq!(reference, of_day * 48);
}

#[test]
fn mov_and_mp4_have_the_time_of_day_as_timecode() {
    if !require::program_of("ffprobe", "-version") {
        return;
    }
    let recorder = recorded();
    let folder = &recorder.folder.0;
    for (format, further) in [("mov", "--align"), ("mp4", "--overwrite")] {
        let outputs = export(folder, &["--to", format, further, "--person", "alice"]);
        let output = &outputs[0];
        let probe = Command::new("ffprobe")
            .args(["-v", "error", "-of", "default=nk=1:nw=1"])
            .args(["-show_entries", "stream_tags=timecode"])
            .arg(folder.join(output["file"].as_str().unwrap()))
            .output()
            .unwrap();
        let said = String::from_utf8(probe.stdout).unwrap();
        // As in 2026-11-21T09:00:00.500Z, at 30 frames in a second.
        let utc = output["start-utc"].as_str().unwrap();
        let (time, ms) = (&utc[11..19], utc[20..23].parse::<u32>().unwrap());
        let wanted = format!("{time}:{:02}", ms * 30 / 1000);
        let all = said.lines().all(|timecode| timecode == wanted);
        assert!(all && !said.is_empty(), "{format}: {said} is not {wanted}");
    }
}

#[test]
fn parts_are_copied_into_containers_that_take_them() {
    let recorder = recorded();
    let folder = &recorder.folder.0;
    let outputs = export(folder, &["--to", "mp4"]);
    let mut video: Vec<_> = outputs.iter().map(|o| o["video"].as_str()).collect();
    video.sort();
    let encoded = Some("H.264 320x180: the container does not take the codec");
    let copied = Some("H264, copied");
    assert_eq!(video, [None, encoded, copied, copied], "{outputs:#?}");
    for (name, first, frames) in [("alice-1", 0, 30), ("alice-2", 45, 30), ("bob-1", 15, 45)] {
        let report = check::inspect(exported(folder, &format!("{name}.mp4")));
        assert_eq!(report.problems(), Vec::<String>::new(), "{name}");
        let video = report.video.as_ref().unwrap();
        let counters = video.counters.as_ref().unwrap();
        let seen = (
            counters.first,
            counters.missing,
            counters.doubled,
            counters.bad,
        );
        assert_eq!(seen, (first, 0, 0, 0), "{name}: {counters:?}");
        assert_eq!(video.frames_decoded, frames, "{name}");
        for offset in &report.flash_beep_offsets {
            assert!(offset.abs() < TOGETHER, "{name}: {offset}");
        }
    }
}

#[test]
fn a_stretch_of_one_person_is_cut_out_where_one_says() {
    let recorder = recorded();
    let folder = &recorder.folder.0;
    let cut = ["--person", "bob", "--from", "1500ms", "--until", "3500ms"];
    let outputs = export(folder, &[&["--to", "mkv"], &cut[..]].concat());
    assert_eq!(outputs.len(), 1, "{outputs:#?}");
    assert_eq!(outputs[0]["duration"], 2 * SECOND);
    let report = check::inspect(exported(folder, "bob-1.mkv"));
    let video = report.video.as_ref().unwrap();
    let found = multiples("flashes", &video.flashes, 500.0, TOGETHER);
    assert_eq!(found, [1, 3], "{video:#?}");
}

#[test]
fn a_file_that_is_there_is_left_alone_and_the_recording_always() {
    let recorder = recorded();
    let folder = &recorder.folder.0;
    let before: Vec<_> = recorder.folder.recordings();
    let content =
        |files: &[PathBuf]| -> Vec<_> { files.iter().map(|f| std::fs::read(f).unwrap()).collect() };
    let originals = content(&before);
    std::fs::create_dir(folder.join("export")).unwrap();
    std::fs::write(exported(folder, "bob.wav"), "mine").unwrap();
    let states = |outputs: Vec<Value>| -> Vec<_> {
        outputs
            .iter()
            .map(|o| o["state"].as_str().unwrap().to_owned())
            .collect()
    };
    let outputs = export(folder, &["--to", "wav"]);
    assert_eq!(states(outputs), ["written", "written", "skipped"]);
    assert_eq!(std::fs::read(exported(folder, "bob.wav")).unwrap(), b"mine");
    let outputs = export(folder, &["--to", "wav", "--overwrite"]);
    assert_eq!(states(outputs), ["written"; 3]);
    let (status, printed) = call(folder, &["--to", "mkv", "--output", ".", "--overwrite"]);
    assert_eq!(status, 3, "{printed}");
    assert!(printed.contains("this is a recorded file"), "{printed}");
    assert_eq!(content(&before), originals);
    let left = std::fs::read_dir(folder.join("export")).unwrap();
    let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.ends_with(".partial")).count(), 0);
}

#[test]
fn files_of_another_recording_are_not_replaced() {
    let recorder = recorded();
    let folder = &recorder.folder.0;
    let other = folder.join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(folder.join("bob-1.mkv"), other.join("bob.mkv")).unwrap();
    let manifest = recorder.folder.files(&["jsonl"]).remove(0);
    let text = std::fs::read_to_string(manifest).unwrap();
    std::fs::write(
        other.join("other.manifest.jsonl"),
        text.replace("bob-1.mkv", "bob.mkv"),
    )
    .unwrap();
    let before = std::fs::read(other.join("bob.mkv")).unwrap();
    let arguments = ["--to", "mkv", "--align", "--output", "other", "--overwrite"];
    let (status, printed) = call(folder, &arguments);
    assert_eq!(status, 3, "{printed}");
    assert!(printed.contains("this is a recorded file"), "{printed}");
    assert!(std::fs::read(other.join("bob.mkv")).unwrap() == before);
}

#[test]
fn a_recorded_file_that_was_cut_since_is_told() {
    let recorder = recorded();
    let folder = &recorder.folder.0;
    let file = std::fs::File::options()
        .write(true)
        .open(folder.join("bob-1.mkv"));
    let file = file.unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let (status, printed) = call(folder, &["--to", "wav"]);
    assert_eq!(status, 3, "{printed}");
    assert!(printed.contains("bob-1.mkv is cut"), "{printed}");
}

#[test]
fn what_is_missing_is_told_and_the_rest_is_exported() {
    let recorder = recorded();
    let folder = &recorder.folder.0;
    std::fs::remove_file(folder.join("bob-1.mkv")).unwrap();
    let (status, printed) = call(folder, &["--to", "wav"]);
    assert_eq!(status, 3, "{printed}");
    assert!(printed.contains("bob-1.mkv is not there"), "{printed}");
    assert!(exported(folder, "alice.wav").exists());
    for (wrong, status) in [
        (&["--to", "wav", "--person", "dave"][..], 1),
        (&["--to", "webm", "--video-codec", "h264"], 2),
        (&[], 2),
    ] {
        let (code, printed) = call(folder, wrong);
        assert_eq!(code, status, "{wrong:?}: {printed}");
    }
}

#[test]
fn a_mix_shows_and_plays_everybody() {
    let recorder = recorded();
    let folder = &recorder.folder.0;
    let all = [
        "--mix",
        "--transcript-audio",
        "--size",
        "640x360",
        "--quality",
        "draft",
    ];
    let outputs = export(folder, &all);
    let files: Vec<_> = outputs
        .iter()
        .map(|o| o["file"].as_str().unwrap())
        .collect();
    assert_eq!(files.len(), 5, "{files:?}");
    for name in ["mix.mp4", "mix.wav"] {
        let report = check::inspect(exported(folder, name));
        assert_eq!(report.errors, Vec::<String>::new(), "{name}");
        let audio = report.audio.as_ref().unwrap();
        let found = multiples("beeps", &audio.beeps, 1000.0, TOGETHER);
        let late: Vec<_> = found.into_iter().filter(|beep| *beep > 0).collect();
        assert_eq!(late, [1, 2, 3, 4], "{name}");
    }
    let report = check::inspect(exported(folder, "mix.mp4"));
    let video = report.video.as_ref().unwrap();
    assert_eq!((video.width, video.height), (640, 360));
    let speech = check::inspect(exported(folder, "alice-speech.wav"));
    let audio = speech.audio.as_ref().unwrap();
    assert_eq!((audio.rate, audio.channels), (16_000, 1));
}
