// SPDX-License-Identifier: MPL-2.0
//! The element under `gst-launch-1.0`, as a person uses it.

use std::path::PathBuf;
use std::time::Duration;

use vdoroom_testkit::Launch;

use crate::playback::play;
use crate::room::{Folder, wait_for};

const H264: &str = "video/x-raw,width=320,height=180,framerate=15/1 ! x264enc tune=zerolatency \
    speed-preset=ultrafast key-int-max=15 ! video/x-h264,profile=constrained-baseline";
const VP8: &str = "video/x-raw,width=320,height=180,framerate=15/1 ! vp8enc deadline=1 \
    cpu-used=8 keyframe-max-dist=15";

fn recorder(folder: &Folder) -> String {
    format!("roomfilesink name=r location={}/", folder.0.display())
}

fn live(name: &str, video: &str) -> String {
    format!(
        "videotestsrc is-live=true ! {video} ! r.video_{name} \
         audiotestsrc is-live=true samplesperbuffer=960 ! opusenc ! r.audio_{name}"
    )
}

/// Waits until every one of `files` recordings holds some media.
fn wait_for_media(folder: &Folder, files: usize) {
    wait_for("recordings with media", || {
        let recordings = folder.recordings();
        let size = |f: &PathBuf| f.metadata().map_or(0, |m| m.len());
        (recordings.len() == files && recordings.iter().all(|f| size(f) > 60_000)).then_some(())
    });
}

#[test]
fn a_finite_source_ends_the_pipeline_by_itself() {
    let folder = Folder::new();
    let launch = Launch::start(
        &folder.0,
        &format!(
            "videotestsrc num-buffers=60 ! {H264} ! r.video_a \
             audiotestsrc num-buffers=200 samplesperbuffer=960 ! opusenc ! r.audio_a \
             videotestsrc num-buffers=45 ! {VP8} ! r.video_b {}",
            recorder(&folder)
        ),
    );
    let (status, printed) = launch.wait(Duration::from_secs(20));
    assert!(status.success(), "{printed}");
    let frames: Vec<_> = folder.recordings().iter().map(|f| play(f).frames).collect();
    assert_eq!(frames, [60, 45], "{:?} {printed}", folder.recordings());
}

fn interrupt(options: &str) {
    let folder = Folder::new();
    let pipeline = format!(
        "{} {} {}",
        live("a", H264),
        live("b", VP8),
        recorder(&folder)
    );
    let launch = Launch::start(&folder.0, &format!("{options} {pipeline}"));
    wait_for_media(&folder, 2);
    launch.signal("INT");
    let (status, printed) = launch.wait(Duration::from_secs(4));
    assert!(status.success(), "{printed}");
    for file in folder.recordings() {
        let played = play(&file);
        assert!(
            played.frames > 0 && played.audio_ms > 0,
            "{file:?}: {played:?}"
        );
    }
    let manifest = folder.manifest();
    let closed = manifest
        .iter()
        .filter(|l| l["event"] == "part-closed")
        .count();
    assert_eq!(closed, 2, "{manifest:#?}");
}

#[test]
fn an_interrupt_with_e_finishes_all_files() {
    interrupt("-e");
}

#[test]
fn an_interrupt_without_e_finishes_all_files() {
    interrupt("");
}

#[test]
fn an_interrupt_ends_the_pipeline_when_nobody_ever_came() {
    let folder = Folder::new();
    // Standard input stays open and silent: parsebin never has a pad.
    let pipeline = format!("fdsrc ! parsebin : {}", recorder(&folder));
    let mut launch = Launch::start(&folder.0, &format!("-e {pipeline}"));
    launch.wait_for_line("Setting pipeline to PLAYING", Duration::from_secs(20));
    launch.signal("INT");
    let (_, printed) = launch.wait(Duration::from_secs(2));
    assert!(!printed.contains("CRITICAL"), "{printed}");
    assert_eq!(folder.recordings(), Vec::<PathBuf>::new());
}

#[test]
fn every_pad_of_a_source_is_recorded_with_a_colon() {
    let folder = Folder::new();
    let file = folder.0.join("input.matroska");
    let make = Launch::start(
        &folder.0,
        &format!(
            "matroskamux name=m ! filesink location={} videotestsrc num-buffers=45 ! {VP8} ! m. \
             audiotestsrc num-buffers=150 samplesperbuffer=960 ! opusenc ! m.",
            file.display()
        ),
    );
    let (status, printed) = make.wait(Duration::from_secs(20));
    assert!(status.success(), "{printed}");
    let source = format!("filesrc location={} ! parsebin", file.display());
    let launch = Launch::start(&folder.0, &format!("-e {source} : {}", recorder(&folder)));
    let (status, printed) = launch.wait(Duration::from_secs(20));
    assert!(status.success(), "{printed}");
    let recordings = folder.recordings();
    let played: Vec<_> = recordings.iter().map(|f| play(f)).collect();
    let frames: usize = played.iter().map(|p| p.frames).sum();
    let audio: u64 = played.iter().map(|p| p.audio_ms).sum();
    assert_eq!(frames, 45, "{recordings:?} {played:?} {printed}");
    assert!(audio >= 2900, "{played:?}");
}

#[test]
fn a_killed_recorder_leaves_files_that_play() {
    let folder = Folder::new();
    let pipeline = format!(
        "{} {} {}",
        live("a", H264),
        live("b", VP8),
        recorder(&folder)
    );
    let launch = Launch::start(&folder.0, &pipeline);
    wait_for_media(&folder, 2);
    launch.signal("KILL");
    launch.wait(Duration::from_secs(5));
    for file in folder.recordings() {
        let played = play(&file);
        assert!(
            played.frames > 0 && played.audio_ms > 0,
            "{file:?}: {played:?}"
        );
    }
    assert_eq!(folder.manifest()[0]["event"], "run");
}

#[test]
fn a_file_that_cannot_grow_fails_alone() {
    let folder = Folder::new();
    // A limit of 100 blocks of 512 bytes stands for the full disk.
    let line = format!(
        "trap '' XFSZ; ulimit -f 100; exec gst-launch-1.0 \
         videotestsrc pattern=snow num-buffers=60 is-live=true ! {VP8} target-bitrate=2000000 ! r.video_a \
         audiotestsrc num-buffers=200 samplesperbuffer=960 is-live=true ! opusenc bitrate=32000 ! r.audio_b {}",
        recorder(&folder)
    );
    let launch = Launch::shell(&folder.0, &line, |_| {});
    let (status, printed) = launch.wait(Duration::from_secs(20));
    assert!(status.success(), "{printed}");
    assert!(printed.contains("File too large"), "{printed}");
    let survivor = folder.files(&["mka"]);
    assert_eq!(survivor.len(), 1, "{survivor:?}");
    let played = play(&survivor[0]);
    assert!(played.audio_ms.abs_diff(4000) <= 40, "{played:?}");
}
