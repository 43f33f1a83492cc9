// SPDX-License-Identifier: MPL-2.0
//! `vdoroom timeline`: a recording in an editor.
//!
//! Alice is there twice, Bob comes in between, Carol is only heard. Alice and Bob flash with each
//! second of the one timeline.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gst::prelude::*;
use serde_json::{Value, json};
use vdoroom_testkit::Launch;
use vdoroom_testkit::launch::program;
use vdoroom_testkit::pattern::{self, Plane};
use vdoroom_testkit::require::{self, require};

use crate::media;
use crate::room::{Recorder, Sender, send_until};

/// For URIs, XML and GStreamer's own syntax.
const ODD_FOLDER: &str = "it's 100% \"odd\" & <new> #1, é";
const ODD_TEXT: &str = "\"Yes\", & it's <50 %>;";
const WIDTH: usize = 320;
const HEIGHT: usize = 180;
const RATE: u64 = 15;
const DEADLINE: Duration = Duration::from_secs(120);

/// Alice, in colours that fill a file, from 0 to 2 s and from 3 to 5 s, Bob from 1 to 4 s, Carol from 0 to 3 s.
fn recorded(container: &str) -> Recorder {
    let mut recorder = Recorder::with(|sink, folder| {
        sink.set_property_from_str("container", container);
        let folder = folder.join(ODD_FOLDER.replace('%', "%%"));
        sink.set_property("location", folder.join("%s-%n.%e").to_str().unwrap());
    });
    let mut alice = Sender::named(&recorder, "video_alice", media::counted_h264_in_colour());
    let mut carol = Sender::named(&recorder, "audio_carol", media::opus());
    send_until(1000, &mut [&mut alice, &mut carol]);
    let mut bob = Sender::named(&recorder, "video_bob", media::counted_vp8());
    bob.skip_to(1000);
    send_until(2000, &mut [&mut alice, &mut bob, &mut carol]);
    alice.eos();
    alice.unlink();
    recorder.next("part-closed");
    send_until(3000, &mut [&mut bob, &mut carol]);
    let mut alice = Sender::named(&recorder, "video_alice", media::counted_h264_in_colour());
    alice.skip_to(3000);
    send_until(4000, &mut [&mut alice, &mut bob]);
    bob.eos();
    send_until(5000, &mut [&mut alice]);
    recorder.end();
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    recorder
}

/// Marks the moment 2 s after the first part began.
fn mark(recorder: &Recorder, text: &str) {
    let odd = recorder.folder.0.join(ODD_FOLDER);
    let files = std::fs::read_dir(odd).unwrap().map(|e| e.unwrap().path());
    let manifest = files.filter(|f| f.extension().is_some_and(|e| e == "jsonl"));
    let manifest = manifest.last().unwrap();
    let lines = std::fs::read_to_string(&manifest).unwrap();
    let parts = lines
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap());
    let first = parts
        .filter_map(|part| part["start"].as_i64())
        .min()
        .unwrap();
    let at = first + 2_000_000_000;
    let line = json!({ "event": "mark", "mark": 1, "at": at, "at-utc": "", "text": text });
    std::fs::write(manifest, format!("{lines}{line}\n")).unwrap();
}

/// Makes timelines in the recorder's folder; gives the exit code and what was printed.
fn timeline(recorder: &Recorder, arguments: &[&str]) -> (i32, String) {
    let odd = recorder.folder.0.join(ODD_FOLDER);
    let entries = std::fs::read_dir(odd).unwrap();
    let mut files = entries.map(|e| e.unwrap().path());
    let manifest = files.find(|f| f.extension().is_some_and(|e| e == "jsonl"));
    let output = Command::new(program("vdoroom"))
        .args([
            "timeline",
            "--size",
            &format!("{WIDTH}x{HEIGHT}"),
            "--rate",
            &RATE.to_string(),
        ])
        .args(arguments)
        .arg(manifest.unwrap())
        .current_dir(&recorder.folder.0)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text.into_owned())
}

/// Whether a timeline for GES was written, and can be rendered.
fn has_ges(recorder: &Recorder) -> bool {
    let built = recorder.folder.0.join("room.xges").exists();
    require(built, "vdoroom was built without the feature ges")
        && require::program("ges-launch-1.0")
}

fn ges_launch(folder: &Path, timeline: &str, arguments: &str) {
    let timeline = folder.join(timeline);
    let line = format!(
        "exec ges-launch-1.0 --load {} {arguments}",
        timeline.display()
    );
    let (status, printed) = Launch::shell(folder, &line, |_| {}).wait(DEADLINE);
    assert!(status.success() && !printed.contains("ERROR"), "{printed}");
}

/// The list of markers in a timeline for GES, without what XML and GStreamer escape.
fn markers(timeline: &Path) -> String {
    let text = std::fs::read_to_string(timeline).unwrap();
    let mut lines = text.lines().filter(|line| line.contains("GESMarkerList"));
    let list = lines.next().unwrap_or_else(|| panic!("no markers: {text}"));
    let escapes = [
        ("\\", ""),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
    ];
    let plain = escapes
        .iter()
        .fold(list.to_owned(), |text, (from, to)| text.replace(from, to));
    plain.replace("&amp;", "&")
}

fn render(folder: &Path, timeline: &str) -> Vec<Vec<u8>> {
    let film = folder.join(timeline).with_extension("mkv");
    let arguments = format!(
        "-o {} -f video/x-matroska:video/x-vp8:audio/x-opus",
        film.display()
    );
    ges_launch(folder, timeline, &arguments);
    let frames = frames(&film);
    let lack = 5 * RATE as i64 - frames.len() as i64;
    assert!(lack.abs() <= 4, "{timeline} has {} frames", frames.len());
    frames
}

/// The brightness of each frame of a film.
fn frames(film: &PathBuf) -> Vec<Vec<u8>> {
    let line = "filesrc name=film ! matroskademux ! vp8dec ! videoconvert \
        ! video/x-raw,format=GRAY8 ! appsink name=out sync=false";
    let pipeline = gst::parse::launch(line).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    pipeline
        .by_name("film")
        .unwrap()
        .set_property("location", film);
    let out = pipeline.by_name("out").unwrap();
    let out = out.downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let frames = std::iter::from_fn(|| out.pull_sample().ok());
    let frames = frames.map(|s| s.buffer().unwrap().map_readable().unwrap().to_vec());
    let frames = frames.collect();
    pipeline.set_state(gst::State::Null).unwrap();
    frames
}

/// A part of a frame.
fn region(video: &[u8], x: usize, y: usize, width: usize, height: usize) -> Plane<&[u8]> {
    Plane {
        data: &video[y * WIDTH + x..],
        stride: WIDTH,
        width,
        height,
    }
}

/// Numbers of the frames on which a flash begins.
fn flashes(cell: &[Plane<&[u8]>]) -> Vec<u64> {
    let on: Vec<bool> = cell.iter().map(pattern::is_flash).collect();
    let begins = |n: &usize| on[*n] && (*n == 0 || !on[n - 1]);
    (0..on.len()).filter(begins).map(|n| n as u64).collect()
}

/// In whole seconds; each is on its frame or the next to it.
fn seconds(flashes: &[u64]) -> Vec<u64> {
    let second = |flash: &u64| {
        let nearest = (flash + RATE / 2) / RATE;
        assert!(flash.abs_diff(nearest * RATE) <= 1, "flashes: {flashes:?}");
        nearest
    };
    flashes.iter().map(second).collect()
}

fn is_black(cell: &Plane<&[u8]>) -> bool {
    let lines = (0..cell.height).map(|y| &cell.data[y * cell.stride..][..cell.width]);
    lines.flatten().all(|luma| *luma < 32)
}

#[test]
fn a_recording_is_a_film_with_everybody_at_their_true_time() {
    let recorder = recorded("matroska");
    mark(&recorder, ODD_TEXT);
    let folder = &recorder.folder.0;
    let (code, printed) = timeline(&recorder, &[]);
    assert_eq!(code, 0, "{printed}");
    if !has_ges(&recorder) {
        return;
    }
    for timeline in ["room.xges", "room-mosaic.xges"] {
        let markers = markers(&folder.join(timeline));
        for needle in ["position=(guint64)2000000000", ODD_TEXT] {
            assert!(
                markers.contains(needle),
                "{timeline}: no {needle}: {markers}"
            );
        }
    }
    // Each in the middle of a half: as wide as it, and half as high as the frame.
    let film = render(folder, "room-mosaic.xges");
    let cell = |x| -> Vec<_> {
        let cells = film
            .iter()
            .map(|p| region(p, x, HEIGHT / 4, WIDTH / 2, HEIGHT / 2));
        cells.collect()
    };
    let (alice, bob) = (cell(0), cell(WIDTH / 2));
    let together = [flashes(&alice), flashes(&bob)];
    println!("Alice and Bob flash on frames {together:?}");
    assert_eq!(
        together.each_ref().map(|f| seconds(f)),
        [vec![0, 1, 3, 4], vec![1, 2, 3]]
    );
    for both in [1, 3] {
        let of = |f: &Vec<u64>| *f.iter().min_by_key(|n| n.abs_diff(both * RATE)).unwrap();
        let [one, other] = together.each_ref().map(of);
        assert!(one.abs_diff(other) <= 1, "{together:?}");
    }
    for tenth in [22, 25, 28] {
        assert!(
            is_black(&alice[tenth * RATE as usize / 10]),
            "Alice at {tenth}/10 s"
        );
    }
    for tenth in [1, 5, 8, 42, 46] {
        assert!(
            is_black(&bob[tenth * RATE as usize / 10]),
            "Bob at {tenth}/10 s"
        );
    }
    // Alice's layer is on top: Bob is to be seen while she is away.
    let film = render(folder, "room.xges");
    let whole: Vec<_> = film
        .iter()
        .map(|p| region(p, 0, 0, WIDTH, HEIGHT))
        .collect();
    assert_eq!(seconds(&flashes(&whole)), [0, 1, 2, 3, 4]);
    let counted = whole.iter().filter_map(pattern::read).count();
    assert!(
        counted * 10 > whole.len() * 9,
        "{counted} of {}",
        whole.len()
    );
    ges_launch(
        folder,
        "room.xges",
        "--videosink fakesink --audiosink fakesink",
    );
}

#[test]
fn what_is_missing_is_told_and_the_rest_is_placed() {
    let recorder = recorded("auto");
    let odd = recorder.folder.0.join(ODD_FOLDER);
    std::fs::remove_file(odd.join("bob-1.mkv")).unwrap();
    std::fs::write(odd.join("carol-1.mka"), "no audio").unwrap();
    let (code, printed) = timeline(&recorder, &[]);
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("bob-1.mkv is not there"), "{printed}");
    if has_ges(&recorder) {
        assert!(printed.contains("carol-1.mka is in no .xges"), "{printed}");
    }
    assert!(recorder.folder.0.join("room.otio").exists());

    let (code, printed) = timeline(&recorder, &[]);
    assert!(
        code == 1 && printed.contains("is there already"),
        "{printed}"
    );
    let (_, printed) = timeline(&recorder, &["--force"]);
    assert!(!printed.contains("is there already"), "{printed}");
}

/// Reads the timeline as an editor does: where each clip of each track begins and how long it is.
const READ_OTIO: &str = "
import opentimelineio, sys
timeline = opentimelineio.adapters.read_from_file(sys.argv[1])
for marker in timeline.tracks.markers:
    at = marker.marked_range
    print('Marker', marker.name, marker.color, at.start_time.to_frames(), at.duration.to_frames())
for track in timeline.tracks:
    print(track.kind, track.name, end='')
    for clip in track.find_clips():
        clip.media_reference.target_url.index('file:///')
        at, of = clip.range_in_parent(), clip.available_range()
        assert of.contains(clip.source_range) or of == clip.source_range, clip
        print('', at.start_time.to_frames(), at.duration.to_frames(), end='')
    print()
";

#[test]
fn other_editors_read_it_as_opentimelineio() {
    let recorder = recorded("auto");
    mark(&recorder, "The answer");
    let (code, printed) = timeline(&recorder, &[]);
    assert_eq!(code, 0, "{printed}");
    let python = std::env::var("VDOROOM_PYTHON").unwrap_or_else(|_| "python3".into());
    let python = |arguments: &[&str]| {
        let mut command = Command::new(&python);
        command
            .args(arguments)
            .current_dir(&recorder.folder.0)
            .output()
    };
    let there = python(&["-c", "import opentimelineio"]);
    let there = there.is_ok_and(|output| output.status.success());
    if !require(there, "Python has no opentimelineio") {
        return;
    }
    let output = python(&["-c", READ_OTIO, "room.otio"]).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tracks: Vec<_> = said.lines().map(near).collect();
    let wanted = [
        "Marker The answer RED 30 0",
        "Video bob 15 45",
        "Video alice 0 30 45 30",
        "Audio carol 0 45",
    ];
    assert_eq!(tracks, wanted);
}

/// Numbers of frames, to the nearest third of a second: a file's last frame ends somewhere.
fn near(line: &str) -> String {
    let words = line.split(' ').map(|word| match word.parse::<u64>() {
        Ok(number) => ((number + 2) / 5 * 5).to_string(),
        Err(_) => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}
