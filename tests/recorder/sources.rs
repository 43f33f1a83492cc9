// SPDX-License-Identifier: MPL-2.0
//! Sources that are no room: the lines of the manual's section "Recording other sources", run as
//! they stand there, and what else a source may do.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gst::prelude::*;
use vdoroom_testkit::require::require;
use vdoroom_testkit::{Launch, check, manual};

use crate::playback::{Played, play};
use crate::room::{Folder, wait_for};

/// A part of each line of the section that no other has.
const TEST_SOURCES: &str = "r.video_bob";
const CAMERA: &str = "parse-streams=true";
const CAMERA_BY_NAME: &str = "r.audio_door";
const FIRST_TRACK: &str = "camera ! parsebin : ";
const FILE: &str = "filesrc";
/// `scripts/test-long` runs this one: GStreamer 1.22 has no such element.
const WEBRTC: &str = "webrtcsrc";

const H264: &str = "video/x-raw,width=320,height=180,framerate=15/1 \
    ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15";
/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(30);

/// The lines of the section, without `gst-launch-1.0`.
fn lines() -> Vec<String> {
    let section = manual::section("Recording other sources").join("\n");
    let lines = manual::shell_lines(&section);
    let lines = lines
        .iter()
        .filter_map(|line| line.strip_prefix("gst-launch-1.0 "));
    lines.map(str::to_owned).collect()
}

fn line(key: &str) -> String {
    let mut lines = lines();
    lines.retain(|line| line.contains(key));
    let [line] = lines.as_slice() else {
        panic!("{key}: {lines:#?}")
    };
    line.clone()
}

#[test]
fn every_line_of_the_manual_is_run() {
    let run = [
        TEST_SOURCES,
        CAMERA,
        CAMERA_BY_NAME,
        FIRST_TRACK,
        FILE,
        WEBRTC,
    ];
    let _ = run.map(line);
    assert_eq!(lines().len(), run.len(), "{:#?}", lines());
}

/// Runs a line until it ends by itself.
fn run(folder: &Folder, line: &str) -> Vec<PathBuf> {
    let (status, printed) = Launch::start(&folder.0, line).wait(DEADLINE);
    assert!(status.success(), "{printed}");
    folder.recordings()
}

/// Plays the only file; nothing in it is damaged.
fn play_only(folder: &Folder) -> (String, Played) {
    let files = folder.recordings();
    let [file] = files.as_slice() else {
        panic!("not one file: {files:?} {:#?}", folder.manifest())
    };
    assert_eq!(check::inspect(file).problems(), Vec::<String>::new());
    let name = file.file_name().unwrap().to_str().unwrap();
    (name.to_owned(), play(file))
}

/// An RTSP server that goes with its test.
struct Camera {
    server: Child,
    url: String,
}

impl Camera {
    /// `None` where there is no RTSP server.
    fn start(tracks: &str) -> Option<Self> {
        // Debian's own Python, which has the GStreamer bindings.
        let mut server = Command::new("/usr/bin/python3")
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/data/rtsp_camera.py"
            ))
            .arg(format!("( {tracks} )"))
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut url = String::new();
        let output = server.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut url).unwrap();
        let camera = Self {
            server,
            url: url.trim().to_owned(),
        };
        let there = !camera.url.is_empty();
        require(there, "gir1.2-gst-rtsp-server-1.0 is not installed").then_some(camera)
    }

    /// A line of the manual with this camera.
    fn line(&self, key: &str) -> String {
        line(key).replace("rtsp://192.168.1.20/camera", &self.url)
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Three seconds of video, and audio by this encoder and payloader, with so many samples at once.
fn video_and(audio: &str, samples: u32, rate: u32) -> String {
    let buffers = 3 * rate / samples;
    format!(
        "videotestsrc is-live=true num-buffers=45 ! {H264} ! rtph264pay name=pay0 pt=96 \
         audiotestsrc is-live=true num-buffers={buffers} samplesperbuffer={samples} \
         ! audio/x-raw,rate={rate},channels=1 ! {audio} name=pay1 pt=97"
    )
}

fn opus() -> String {
    video_and("opusenc ! rtpopuspay", 960, 48_000)
}

fn assert_whole(played: &Played) {
    assert!((43..=45).contains(&played.frames), "{played:?}");
    assert!((2700..=3100).contains(&played.audio_ms), "{played:?}");
}

fn records_camera(tracks: &str, extension: &str) {
    let Some(camera) = Camera::start(tracks) else {
        return;
    };
    let folder = Folder::new();
    run(&folder, &camera.line(CAMERA));
    let (name, played) = play_only(&folder);
    assert!(
        name.starts_with("camera_") && name.ends_with(extension),
        "{name}"
    );
    assert_whole(&played);
}

#[test]
fn test_sources_for_two_people_end_the_pipeline() {
    let folder = Folder::new();
    let files = run(&folder, &line(TEST_SOURCES));
    let [alice, bob] = files.as_slice() else {
        panic!("not two files: {files:?}")
    };
    let (alice, bob) = (play(alice), play(bob));
    assert_eq!((alice.frames, bob.frames), (90, 90), "{alice:?} {bob:?}");
    assert!(alice.audio_ms.abs_diff(3000) <= 20, "{alice:?}");
}

#[test]
fn a_camera_with_opus_is_one_transport_stream() {
    records_camera(&opus(), ".ts");
}

#[test]
fn a_camera_with_aac_is_one_transport_stream() {
    let aac = "avenc_aac ! aacparse ! rtpmp4gpay";
    records_camera(&video_and(aac, 1024, 48_000), ".ts");
}

#[test]
fn a_camera_with_telephone_audio_is_one_matroska_file() {
    records_camera(&video_and("alawenc ! rtppcmapay", 160, 8_000), ".mkv");
}

#[test]
fn a_camera_is_called_as_its_pads_are_asked_for() {
    let Some(camera) = Camera::start(&opus()) else {
        return;
    };
    let folder = Folder::new();
    run(&folder, &camera.line(CAMERA_BY_NAME));
    let (name, played) = play_only(&folder);
    assert!(name.starts_with("rec_door_"), "{name}");
    assert_whole(&played);
}

#[test]
fn one_parsebin_records_the_first_track_of_a_camera() {
    let Some(camera) = Camera::start(&opus()) else {
        return;
    };
    let folder = Folder::new();
    run(&folder, &camera.line(FIRST_TRACK));
    let (_, played) = play_only(&folder);
    assert!(played.frames >= 43 || played.audio_ms >= 2700, "{played:?}");
}

#[test]
fn a_camera_that_sends_its_parameter_sets_apart_is_split_into_parts_that_play() {
    let Some(camera) = Camera::start(&opus()) else {
        return;
    };
    let folder = Folder::new();
    let line = camera.line(CAMERA).replace("600000000000", "900000000");
    let files = run(&folder, &line);
    assert!(files.len() >= 3, "{files:?}");
    let played: Vec<_> = files.iter().map(|f| play(f)).collect();
    let frames: usize = played.iter().map(|p| p.frames).sum();
    assert!((43..=45).contains(&frames), "{played:?}");
}

fn interrupt_camera(options: &str) {
    let endless = opus()
        .replace("num-buffers=45", "")
        .replace("num-buffers=150", "");
    let Some(camera) = Camera::start(&endless) else {
        return;
    };
    let folder = Folder::new();
    let line = camera.line(CAMERA).replace("-e ", options);
    let launch = Launch::start(&folder.0, &line);
    wait_for("a recording with media", || {
        let size = |f: &PathBuf| f.metadata().map_or(0, |m| m.len());
        folder
            .recordings()
            .iter()
            .any(|f| size(f) > 60_000)
            .then_some(())
    });
    launch.signal("INT");
    let (status, printed) = launch.wait(Duration::from_secs(5));
    assert!(status.success(), "{printed}");
    let (_, played) = play_only(&folder);
    assert!(played.frames > 0 && played.audio_ms > 0, "{played:?}");
    let manifest = folder.manifest();
    assert_eq!(
        manifest.last().unwrap()["event"],
        "part-closed",
        "{manifest:#?}"
    );
}

#[test]
fn an_interrupt_with_e_finishes_the_file_of_a_camera() {
    interrupt_camera("-e ");
}

#[test]
fn an_interrupt_without_e_finishes_the_file_of_a_camera() {
    interrupt_camera("");
}

/// What the recorder made of test sources goes through it again.
fn copy(video: &str) {
    let folder = Folder::new();
    let made = run(
        &folder,
        &format!(
            "roomfilesink name=r location=rec \
             videotestsrc num-buffers=45 ! {video} ! r.video_a \
             audiotestsrc num-buffers=150 samplesperbuffer=960 ! opusenc ! r.audio_a"
        ),
    );
    let name = made[0].file_name().unwrap().to_str().unwrap();
    let copies = run(&folder, &line(FILE).replace("input.ts", name));
    let copy = copies.iter().find(|f| !made.contains(f)).unwrap();
    let (before, after) = (play(&made[0]), play(copy));
    assert_eq!((before.frames, after.frames), (45, 45), "{after:?}");
    assert!(
        before.audio_ms.abs_diff(after.audio_ms) <= 30,
        "{before:?} {after:?}"
    );
    assert_eq!(copies.len(), 2, "{copies:?}");
}

#[test]
fn a_transport_stream_of_ours_can_be_copied_into_matroska() {
    copy(H264);
}

#[test]
fn a_matroska_file_of_ours_can_be_copied() {
    copy("vp8enc deadline=1 cpu-used=8");
}

#[test]
fn tracks_that_end_at_different_times_are_whole() {
    let folder = Folder::new();
    let source = format!(
        "videotestsrc num-buffers=75 ! {H264} ! r.video_a \
         audiotestsrc num-buffers=50 samplesperbuffer=960 ! opusenc ! r.audio_a"
    );
    let files = run(
        &folder,
        &format!("roomfilesink name=r location=rec {source}"),
    );
    let played: Vec<_> = files.iter().map(|f| play(f)).collect();
    let frames: usize = played.iter().map(|p| p.frames).sum();
    let audio: u64 = played.iter().map(|p| p.audio_ms).sum();
    assert_eq!(frames, 75, "{played:?}");
    assert!(audio.abs_diff(1000) <= 40, "{played:?}");
}

#[test]
fn an_application_that_stops_without_eos_has_whole_files() {
    gst::init().unwrap();
    gstvdoroom::plugin_register_static().unwrap();
    let folder = Folder::new();
    let line = format!(
        "videotestsrc is-live=true ! {H264} ! r.video_a \
         audiotestsrc is-live=true samplesperbuffer=960 ! opusenc ! r.audio_a \
         roomfilesink name=r location={}/",
        folder.0.display()
    );
    let pipeline = gst::parse::launch(&line).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    wait_for("a second of media", || {
        let size = |f: &PathBuf| f.metadata().map_or(0, |m| m.len());
        folder
            .recordings()
            .iter()
            .any(|f| size(f) > 60_000)
            .then_some(())
    });
    pipeline.set_state(gst::State::Null).unwrap();
    let (_, played) = play_only(&folder);
    assert!(played.frames > 0 && played.audio_ms > 0, "{played:?}");
}
