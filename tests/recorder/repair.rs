// SPDX-License-Identifier: MPL-2.0
//! `vdoroom repair`: files of a recorder that was killed have a duration and an index, and every frame
//! that they had before.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gst::prelude::*;
use serde_json::Value;
use vdoroom_matroska::ebml::{Elements, Header, UNKNOWN_SIZE};
use vdoroom_matroska::ids;
use vdoroom_matroska::index::{DURATION_ROOM, SEEK_HEAD_ROOM};
use vdoroom_testkit::Folder;
use vdoroom_testkit::launch::program;

use crate::child::{Child, EVERY_CONTAINER, PACKET_MS, plays_in_ffmpeg};
use crate::media;
use crate::room::{Recorder, Sender, send_until, wait_for};

const CLUSTER: [u8; 4] = [0x1f, 0x43, 0xb6, 0x75];
/// Bytes of some frames.
const SOME: usize = 1_000;
const FRAME_MS: f64 = 1000.0 / 15.0;
/// By how much what a file says may differ from where its last frame ends.
const TOLERANCE_MS: f64 = 50.0;

/// Places at which a real file is cut; the unit tests have hundreds.
const CUTS: usize = 30;

/// What `vdoroom` prints, and its exit status.
fn vdoroom(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String) {
    let mut vdoroom = Command::new(program("vdoroom"));
    let output = vdoroom.args(arguments).current_dir(&folder.0).output();
    let output = output.unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&printed).into_owned(),
    )
}

/// Clusters of which there is more than the beginning.
fn clusters(file: &Path) -> usize {
    let bytes = std::fs::read(file).unwrap_or_default();
    let some = bytes
        .get(..bytes.len().saturating_sub(SOME))
        .unwrap_or_default();
    some.windows(4).filter(|w| *w == CLUSTER).count()
}

/// A recorder with some seconds on the disk.
fn recording() -> Child {
    let mut child = Child::start(EVERY_CONTAINER);
    child.wait_until_it_plays();
    let folder = child.folder.0.clone();
    wait_for("three keyframes, and more than 5 s of audio", || {
        let video = clusters(&folder.join("mkv-1.mkv"));
        let audio = clusters(&folder.join("mka-1.mka"));
        (video > 3 && audio > 1).then_some(())
    });
    child
}

fn killed() -> Folder {
    recording().kill(Duration::ZERO).0
}

fn ffprobe(file: &Path, options: &[&str]) -> String {
    let mut ffprobe = Command::new("ffprobe");
    let ffprobe = ffprobe.args(["-v", "error"]).args(options).arg(file);
    let output = ffprobe.output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Track, time, size and hash of each packet that FFmpeg reads.
fn packets(file: &Path) -> Vec<String> {
    let mut ffmpeg = Command::new("ffmpeg");
    let ffmpeg = ffmpeg.args(["-v", "error", "-copyts", "-i"]).arg(file);
    let ffmpeg = ffmpeg.args(["-map", "0", "-c", "copy", "-f", "framemd5", "-"]);
    let output = ffmpeg.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    // Track, DTS, PTS, duration, size, hash.
    let packet = |line: &str| {
        let fields: Vec<_> = line.split(',').map(str::trim).collect();
        [0, 2, 4, 5].map(|field| fields[field]).join(" ")
    };
    lines.map(packet).collect()
}

/// Milliseconds until the last frame ends.
fn end_of_frames(file: &Path) -> f64 {
    let shown = [
        "-show_entries",
        "packet=codec_type,pts_time",
        "-of",
        "csv=p=0",
    ];
    let printed = ffprobe(file, &shown);
    let ends = printed.lines().filter_map(|line| {
        let (kind, time) = line.split_once(',')?;
        let time: f64 = time.trim_end_matches(',').parse().ok()?;
        let lasts = if kind == "video" { FRAME_MS } else { PACKET_MS };
        Some(time * 1000.0 + lasts)
    });
    ends.fold(0.0, f64::max)
}

fn duration_by_ffprobe(file: &Path) -> f64 {
    let shown = ["-show_entries", "format=duration", "-of", "csv=p=0"];
    let printed = ffprobe(file, &shown);
    let seconds: f64 = printed.trim().parse().expect(&printed);
    seconds * 1000.0
}

fn duration_by_discoverer(file: &Path) -> f64 {
    let timeout = gst::ClockTime::from_seconds(20);
    let discoverer = gst_pbutils::Discoverer::new(timeout).unwrap();
    let uri = gst::glib::filename_to_uri(file, None).unwrap();
    let found = discoverer.discover_uri(&uri).unwrap();
    found.duration().unwrap().mseconds() as f64
}

/// Where GStreamer lands if it seeks to this time, in milliseconds; and whether a decoder can begin
/// there.
fn seek(file: &Path, media: &str, ms: u64) -> (u64, bool) {
    let line = format!(
        "filesrc location={} ! matroskademux ! {media} ! appsink name=sink sync=false",
        file.display()
    );
    let pipeline = gst::parse::launch(&line).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    let timeout = gst::ClockTime::from_seconds(20);
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(timeout).0.unwrap();
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT;
    pipeline
        .seek_simple(flags, gst::ClockTime::from_mseconds(ms))
        .unwrap();
    pipeline.state(timeout).0.unwrap();
    let sink = pipeline.by_name("sink").unwrap();
    let sink = sink.downcast::<gst_app::AppSink>().unwrap();
    let sample = sink.try_pull_preroll(timeout).unwrap();
    let buffer = sample.buffer().unwrap();
    let found = buffer.pts().unwrap().mseconds();
    let begins = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    pipeline.set_state(gst::State::Null).unwrap();
    (found, begins)
}

fn repaired(file: &Path) -> PathBuf {
    let extension = file.extension().unwrap().to_str().unwrap();
    file.with_extension(format!("repaired.{extension}"))
}

#[test]
fn a_killed_recording_has_a_duration_and_an_index_and_every_frame() {
    gst::init().unwrap();
    let folder = killed();
    let (code, printed) = vdoroom(&folder, &["repair", "--json", "mkv-1.mkv", "mka-1.mka"]);
    assert_eq!(code, Some(0), "{printed}");
    let found: Value = serde_json::from_str(&printed).expect(&printed);
    for (index, (name, media, reach)) in [
        ("mkv-1.mkv", "video/x-vp8", 1_100),
        ("mka-1.mka", "audio/x-opus", 5_200),
    ]
    .into_iter()
    .enumerate()
    {
        let file = folder.0.join(name);
        let copy = repaired(&file);
        let said = &found["files"][index];
        assert_eq!(said["result"], "repaired", "{printed}");
        assert_eq!(said["output"], copy.file_name().unwrap().to_str().unwrap());
        let before = packets(&file);
        assert!(!before.is_empty());
        assert!(before == packets(&copy), "{name}: the packets differ");
        plays_in_ffmpeg(&copy);

        let end = end_of_frames(&copy);
        for (who, duration) in [
            ("ffprobe", duration_by_ffprobe(&copy)),
            ("discoverer", duration_by_discoverer(&copy)),
            ("report", said["duration"].as_f64().unwrap() / 1e6),
        ] {
            eprintln!("{name}: {duration:.0} ms by {who}, the last frame ends at {end:.0} ms");
            assert!(
                (duration - end).abs() <= TOLERANCE_MS,
                "{name}: {who} says {duration} ms, the last frame ends at {end} ms"
            );
        }

        let to = end as u64 - 10;
        let (landed, begins) = seek(&copy, media, to);
        assert!(begins, "{name}: a seek to {to} ms finds no keyframe");
        assert!(
            landed > 0 && landed <= to && to - landed <= reach,
            "{name}: a seek to {to} ms leads to {landed} ms"
        );
        let interval = format!("{}%+#1", to as f64 / 1000.0);
        let options = [
            "-read_intervals",
            &interval,
            "-show_entries",
            "packet=flags",
        ];
        let first = ffprobe(&copy, &[&options[..], &["-of", "csv=p=0"]].concat());
        assert!(first.starts_with('K'), "{name}: FFmpeg lands at {first}");

        let (code, printed) = vdoroom(&folder, &["check", copy.to_str().unwrap()]);
        assert_eq!(code, Some(0), "{printed}");
    }
}

/// Takes from a file what the recorder wrote when it closed it. Where the duration is, is returned.
fn reopen(file: &mut Vec<u8>) -> usize {
    let find = |file: &[u8], id: u32| {
        let id = id.to_be_bytes();
        file.windows(4).position(|window| *window == id).unwrap()
    };
    let segment = find(file, ids::SEGMENT) + 12;
    let (mut at, mut cluster) = (segment, 0);
    loop {
        let header = Header::read(&file[at..]).unwrap();
        match header.id {
            ids::CLUSTER => cluster = at,
            ids::CUES => break,
            _ => {}
        }
        at += header.len + header.size.unwrap() as usize;
    }
    file.truncate(at);
    let info = find(file, ids::INFO);
    let duration = file[info..]
        .windows(3)
        .position(|w| *w == [0x44, 0x89, 0x88]);
    let duration = info + duration.unwrap();
    let (mut head, mut room) = (Elements::default(), Elements::default());
    for (at, data) in [
        (segment - 8, &UNKNOWN_SIZE[..]),
        (segment, &head.void(SEEK_HEAD_ROOM).0),
        (duration, &room.short_void(DURATION_ROOM).0),
        (cluster + 4, &UNKNOWN_SIZE),
    ] {
        file[at..at + data.len()].copy_from_slice(data);
    }
    duration
}

#[test]
fn what_the_recorder_wrote_when_it_closed_a_file_is_written_again() {
    let mut recorder = Recorder::new();
    let mut alice = Sender::named(&recorder, "video_alice", media::vp8());
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    let mut bob = Sender::named(&recorder, "audio_bob", media::opus());
    send_until(7000, &mut [&mut alice, &mut audio, &mut bob]);
    for part in recorder.end() {
        let file = part.file();
        let closed = std::fs::read(&file).unwrap();
        let mut reopened = closed.clone();
        let duration = reopen(&mut reopened);
        assert!(reopened != closed);
        std::fs::write(&file, reopened).unwrap();
        let name = file.to_str().unwrap();
        let (code, printed) = vdoroom(&recorder.folder, &["repair", "--in-place", name]);
        assert_eq!(code, Some(0), "{printed}");
        let repaired = std::fs::read(&file).unwrap();
        let value = |file: &[u8]| {
            let bytes = &file[duration + 3..duration + 11];
            f64::from_be_bytes(bytes.try_into().unwrap())
        };
        let [is, was] = [&repaired, &closed].map(|file| value(file));
        eprintln!("{name}: {is:.1} ms, {was:.1} ms by the recorder");
        assert!((is - was).abs() <= FRAME_MS, "{is} ms, and was {was} ms");
        for (what, range) in [
            ("the beginning", 0..duration + 3),
            ("the rest", duration + 11..closed.len()),
        ] {
            assert!(
                repaired.get(range.clone()) == closed.get(range),
                "{name}: {what} differs"
            );
        }
        assert_eq!(repaired.len(), closed.len());
    }
}

#[test]
fn in_place_a_file_becomes_what_its_copy_is_and_then_needs_nothing() {
    let folder = killed();
    let files = ["mkv-1.mkv", "mka-1.mka", "ts-1.ts"];
    vdoroom(&folder, &[&["repair"], &files[..]].concat());
    let in_place = [&["repair", "--in-place"], &files[..]].concat();
    let (code, printed) = vdoroom(&folder, &in_place);
    assert_eq!(code, Some(0), "{printed}");
    for name in &files[..2] {
        let file = folder.0.join(name);
        let [there, copy] = [&file, &repaired(&file)].map(|file| std::fs::read(file).unwrap());
        assert!(there == copy, "{name} is not as its copy");
    }
    let (code, printed) = vdoroom(&folder, &in_place);
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(printed.matches(" whole").count(), files.len(), "{printed}");
}

#[test]
fn a_copy_replaces_no_file() {
    let folder = killed();
    let copy = folder.0.join("mkv-1.repaired.mkv");
    std::fs::write(&copy, "mine").unwrap();
    let (code, printed) = vdoroom(&folder, &["repair", "mkv-1.mkv"]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("is there already"), "{printed}");
    assert_eq!(std::fs::read(&copy).unwrap(), b"mine");
    let (code, printed) = vdoroom(&folder, &["repair", "--output", "other.mkv", "mkv-1.mkv"]);
    assert_eq!(code, Some(0), "{printed}");
    let files = folder.files(&["mkv", "part"]);
    assert_eq!(files.len(), 3, "{files:?}");
}

#[test]
fn a_copy_in_the_making_takes_no_name_that_a_file_has() {
    let folder = killed();
    let path = |name: &str| folder.0.join(name);
    let unfinished = "alice.mkv.part";
    std::fs::rename(path("mkv-1.mkv"), path(unfinished)).unwrap();
    let bytes = std::fs::read(path(unfinished)).unwrap();
    std::fs::write(path("bob.mkv.part"), "mine").unwrap();
    for (file, output) in [(unfinished, "alice.mkv"), ("mka-1.mka", "bob.mkv")] {
        let (code, printed) = vdoroom(&folder, &["repair", "--output", output, file]);
        assert_eq!(code, Some(0), "{printed}");
    }
    assert!(std::fs::read(path(unfinished)).unwrap() == bytes);
    assert_eq!(std::fs::read(path("bob.mkv.part")).unwrap(), b"mine");
    let left = folder.files(&["part2"]);
    assert_eq!(left, Vec::<PathBuf>::new());
}

#[test]
fn a_file_that_is_being_recorded_is_left_alone() {
    let child = recording();
    let (code, printed) = vdoroom(&child.folder, &["repair", "--in-place", "mkv-1.mkv"]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("is being recorded"), "{printed}");
    let folder = child.kill(Duration::ZERO).0;
    plays_in_ffmpeg(&folder.0.join("mkv-1.mkv"));
}

#[test]
fn a_transport_stream_that_is_cut_gets_whole_packets_in_the_copy() {
    let folder = killed();
    let file = folder.0.join("ts-1.ts");
    let mut bytes = std::fs::read(&file).unwrap();
    let whole = bytes.len() / 188 * 188;
    bytes.truncate(whole - 100);
    std::fs::write(&file, &bytes).unwrap();
    let (code, printed) = vdoroom(&folder, &["repair", "ts-1.ts"]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.contains("the last 88 bytes are left out"),
        "{printed}"
    );
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    assert_eq!(
        std::fs::read(repaired(&file)).unwrap(),
        bytes[..whole - 188]
    );
}

#[test]
fn what_is_no_recording_is_refused_in_one_line() {
    let folder = Folder::new();
    for (name, content, words) in [
        ("empty.mkv", &b""[..], "nothing was recorded"),
        ("text.mkv", b"Good morning", "neither Matroska nor MPEG-TS"),
    ] {
        std::fs::write(folder.0.join(name), content).unwrap();
        let (code, printed) = vdoroom(&folder, &["repair", "--in-place", name]);
        assert_eq!(code, Some(1), "{printed}");
        let line = printed.lines().find(|line| line.contains(words));
        assert!(line.is_some(), "{printed}");
        assert_eq!(std::fs::read(folder.0.join(name)).unwrap(), content);
    }
}

#[test]
fn a_real_file_that_is_cut_anywhere_keeps_every_packet_that_ffmpeg_reads() {
    let folder = killed();
    let bytes = std::fs::read(folder.0.join("mkv-1.mkv")).unwrap();
    for cut in (1..=CUTS).map(|n| bytes.len() * n / CUTS - 1) {
        let file = folder.0.join("cut.mkv");
        std::fs::write(&file, &bytes[..cut]).unwrap();
        let before = packets(&file);
        vdoroom(&folder, &["repair", "--in-place", "cut.mkv"]);
        assert!(packets(&file) == before, "cut at {cut}");
    }
}
