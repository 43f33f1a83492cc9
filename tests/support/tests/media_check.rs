// SPDX-License-Identifier: MPL-2.0
//! The media check on files whose faults are known.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gst::prelude::*;
use vdoroom_test_support::{
    check,
    pattern::{self, Plane},
};

/// A folder of the test's own that goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vdoroom-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes ninety frames at 30 per second and three seconds of sound, all with our pattern; what
/// `drop_frame` says is left out.
fn write(path: &Path, encoder: &str, muxer: &str, drop_frame: fn(u64) -> bool) {
    write_seconds(3, path, encoder, muxer, drop_frame);
}

fn write_seconds(
    seconds: u64,
    path: &Path,
    encoder: &str,
    muxer: &str,
    drop_frame: fn(u64) -> bool,
) {
    gst::init().unwrap();
    let description = format!(
        "videotestsrc num-buffers={} pattern=black name=camera \
         ! video/x-raw,format=I420,width=320,height=180,framerate=30/1 \
         ! identity name=drawn ! {encoder} ! queue ! {muxer} name=mux ! filesink location={} \
         audiotestsrc num-buffers={} samplesperbuffer=960 wave=silence name=microphone \
         ! audio/x-raw,format=S16LE,rate=48000,channels=2 ! opusenc ! queue ! mux.",
        seconds * 30,
        path.display(),
        seconds * 50
    );
    let pipeline = gst::parse::launch(&description)
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
    let pad = |name: &str| pipeline.by_name(name).unwrap().static_pad("src").unwrap();
    pad("drawn").add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let buffer = info.buffer_mut().unwrap().make_mut();
        let time = buffer.pts().unwrap();
        let number = (time.nseconds() * 30 + 500_000_000) / 1_000_000_000;
        if drop_frame(number) {
            return gst::PadProbeReturn::Drop;
        }
        let mut map = buffer.map_writable().unwrap();
        let data = &mut map[..320 * 180];
        let mut plane = Plane {
            data,
            stride: 320,
            width: 320,
            height: 180,
        };
        let content = match pattern::signal_at(time) {
            true => pattern::Content::Flash,
            false => pattern::Content::Bar,
        };
        pattern::draw(&mut plane, number as u32, content);
        gst::PadProbeReturn::Ok
    });
    pad("microphone").add_probe(gst::PadProbeType::BUFFER, |_, info| {
        let buffer = info.buffer_mut().unwrap().make_mut();
        let time = buffer.pts().unwrap();
        let mut samples = vec![0; 960 * 2];
        pattern::beep(&mut samples, 2, 48_000, time, false);
        let bytes: Vec<u8> = samples
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        buffer.copy_from_slice(0, &bytes).unwrap();
        gst::PadProbeReturn::Ok
    });
    run(&pipeline);
}

fn run(pipeline: &gst::Pipeline) {
    pipeline.set_state(gst::State::Playing).unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = pipeline
        .bus()
        .unwrap()
        .timed_pop_filtered(gst::ClockTime::from_seconds(30), &kinds);
    pipeline.set_state(gst::State::Null).unwrap();
    let end = end.expect("the file is written within 30 s");
    assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
}

const H264: &str = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 ! h264parse";
const VP8: &str = "vp8enc deadline=1 cpu-used=8";

fn never(_: u64) -> bool {
    false
}

#[test]
fn whole_files_are_whole_in_every_container() {
    let folder = Folder::new("whole");
    for (name, encoder, muxer) in [
        ("a.ts", H264, "mpegtsmux"),
        ("a.mkv", VP8, "matroskamux"),
        ("b.mkv", H264, "matroskamux"),
    ] {
        let file = folder.file(name);
        write(&file, encoder, muxer, never);
        let report = check::inspect(&file);
        assert_eq!(report.problems(), [""; 0], "{name}: {report:#?}");
        let video = report.video.as_ref().unwrap();
        assert_eq!(
            (video.frames_decoded, video.width, video.height),
            (90, 320, 180),
            "{name}"
        );
        let counters = video.counters.as_ref().unwrap();
        assert_eq!((counters.first, counters.last), (0, 89), "{name}");
        assert!(
            report.av_start_offset().unwrap().abs() < 25.0,
            "{name}: {report:#?}"
        );
        // There is one each second, and the first picture's does not count.
        assert_eq!(report.flash_beep_offsets.len(), 2, "{name}: {report:#?}");
        assert!(
            report.worst_flash_beep_offset().unwrap().abs() < 25.0,
            "{name}: {report:#?}"
        );
        assert!(
            report.container.is_some() && !video.codec.is_empty(),
            "{name}: {report:#?}"
        );
    }
}

#[test]
fn frames_that_were_left_out_are_counted() {
    let folder = Folder::new("missing");
    let file = folder.file("a.mkv");
    write(&file, VP8, "matroskamux", |number| {
        (40..43).contains(&number)
    });
    let report = check::inspect(&file);
    let video = report.video.as_ref().unwrap();
    assert_eq!(video.counters.as_ref().unwrap().missing, 3, "{report:#?}");
    assert!(!report.is_whole());
}

#[test]
fn a_file_with_a_hole_is_not_whole() {
    let folder = Folder::new("hole");
    let file = folder.file("a.ts");
    write(&file, H264, "mpegtsmux", never);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 188 * 40].fill(0xff);
    fs::write(&file, bytes).unwrap();
    let report = check::inspect(&file);
    assert!(!report.is_whole(), "{report:#?}");
}

#[test]
fn a_finished_file_that_was_cut_off_is_not_whole() {
    let folder = Folder::new("cut");
    let file = folder.file("a.mkv");
    write(&file, VP8, "matroskamux", never);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let report = check::inspect(&file);
    assert!(
        report
            .problems()
            .iter()
            .any(|problem| problem.contains("cut off")),
        "{report:#?}"
    );
}

#[test]
fn a_file_that_begins_between_keyframes_is_not_whole() {
    let folder = Folder::new("late");
    let file = folder.file("a.ts");
    // Longer than sound may be without a picture at the start.
    let four_seconds =
        "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=120 ! h264parse";
    write_seconds(6, &file, four_seconds, "mpegtsmux", never);
    let bytes = fs::read(&file).unwrap();
    let packets = bytes.len() / 188;
    fs::write(&file, &bytes[packets / 10 * 188..]).unwrap();
    let report = check::inspect(&file);
    assert!(!report.is_whole(), "{report:#?}");
}

#[test]
fn sound_alone_is_enough() {
    gst::init().unwrap();
    let folder = Folder::new("sound");
    let file = folder.file("a.mka");
    let description = format!(
        "audiotestsrc num-buffers=100 samplesperbuffer=960 ! audio/x-raw,rate=48000 ! opusenc \
         ! matroskamux ! filesink location={}",
        file.display()
    );
    let pipeline = gst::parse::launch(&description)
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
    run(&pipeline);
    let report = check::inspect(&file);
    assert_eq!(report.problems(), [""; 0]);
    assert!(report.video.is_none() && report.audio.unwrap().duration().mseconds() > 1900);
}

#[test]
fn a_picture_of_somebody_elses_is_checked_without_counters() {
    gst::init().unwrap();
    let folder = Folder::new("foreign");
    let file = folder.file("a.mkv");
    let description = format!(
        "videotestsrc num-buffers=30 ! video/x-raw,width=640,height=360 ! {VP8} ! matroskamux \
         ! filesink location={}",
        file.display()
    );
    let pipeline = gst::parse::launch(&description)
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
    run(&pipeline);
    let report = check::inspect(&file);
    assert_eq!(report.problems(), [""; 0]);
    assert_eq!(report.video.unwrap().counters, None);
}

#[test]
fn what_is_no_recording_is_reported_and_not_whole() {
    let folder = Folder::new("nothing");
    let empty = folder.file("empty.ts");
    fs::write(&empty, []).unwrap();
    assert!(!check::inspect(&empty).is_whole());
    let text = folder.file("text.mkv");
    fs::write(&text, "not a recording").unwrap();
    assert!(!check::inspect(&text).is_whole());
    assert!(!check::inspect(folder.file("absent.ts")).is_whole());
}
