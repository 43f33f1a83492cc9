// SPDX-License-Identifier: MPL-2.0
//! The media check on files whose faults are known.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use gst::prelude::*;
use vdoroom_testkit::{
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

/// What is wrong with a file.
#[derive(Clone, Copy)]
struct Wrong {
    /// Frames, by their number, that are left out before they are encoded.
    left_out: fn(u64) -> bool,
    /// Frames that show a part of another.
    smeared: fn(u64) -> bool,
    /// Moves an encoded frame in time, in milliseconds, by its number.
    video: fn(u64) -> i64,
    /// Moves an encoded packet of audio, by its number; `None` leaves it out.
    audio: fn(u64) -> Option<i64>,
    /// How late beeps are.
    late: gst::ClockTime,
}

const RIGHT: Wrong = Wrong {
    left_out: |_| false,
    smeared: |_| false,
    video: |_| 0,
    audio: |_| Some(0),
    late: gst::ClockTime::ZERO,
};

/// Writes ninety frames at 30 per second and three seconds of audio, all with our pattern.
fn write(path: &Path, encoder: &str, muxer: &str, wrong: Wrong) {
    write_seconds(3, path, encoder, muxer, wrong);
}

fn write_seconds(seconds: u64, path: &Path, encoder: &str, muxer: &str, wrong: Wrong) {
    gst::init().unwrap();
    let description = format!(
        "videotestsrc num-buffers={} pattern=black name=camera \
         ! video/x-raw,format=I420,width=320,height=180,framerate=30/1 \
         ! identity name=drawn ! {encoder} ! identity name=video ! queue ! {muxer} name=mux \
         ! filesink location={} \
         audiotestsrc num-buffers={} samplesperbuffer=960 wave=silence name=microphone \
         ! audio/x-raw,format=S16LE,rate=48000,channels=2 ! opusenc name=audio ! queue ! mux.",
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
        if (wrong.left_out)(number) {
            return gst::PadProbeReturn::Drop;
        }
        let mut map = buffer.map_writable().unwrap();
        draw(&mut map[..320 * 180], number, time);
        if (wrong.smeared)(number) {
            map[100 * 320 + 100..100 * 320 + 200].fill(180);
            map.copy_within(100 * 320..101 * 320, 101 * 320);
            map.copy_within(100 * 320..102 * 320, 102 * 320);
            map.copy_within(100 * 320..104 * 320, 104 * 320);
            map.copy_within(100 * 320..108 * 320, 108 * 320);
        }
        gst::PadProbeReturn::Ok
    });
    pad("microphone").add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let buffer = info.buffer_mut().unwrap().make_mut();
        // Counted from a second before: nothing is late at the very beginning.
        let time = buffer.pts().unwrap() + gst::ClockTime::SECOND - wrong.late;
        let mut samples = vec![0; 960 * 2];
        pattern::beep(&mut samples, 2, 48_000, time, false);
        let bytes: Vec<u8> = samples
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        buffer.copy_from_slice(0, &bytes).unwrap();
        gst::PadProbeReturn::Ok
    });
    shift(&pad("video"), move |number| Some((wrong.video)(number)));
    shift(&pad("audio"), wrong.audio);
    run(&pipeline);
}

fn draw(data: &mut [u8], number: u64, time: gst::ClockTime) {
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
}

/// Moves or leaves out what passes a pad.
fn shift(pad: &gst::Pad, by: impl Fn(u64) -> Option<i64> + Send + Sync + 'static) {
    let count = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(ms) = by(count.fetch_add(1, Relaxed)) else {
            return gst::PadProbeReturn::Drop;
        };
        let moved = |time: gst::ClockTime| {
            let ns = time.nseconds() as i64 + ms * 1_000_000;
            gst::ClockTime::from_nseconds(ns.max(0) as u64)
        };
        let buffer = info.buffer_mut().unwrap().make_mut();
        buffer.set_pts(buffer.pts().map(moved));
        buffer.set_dts(buffer.dts().map(moved));
        gst::PadProbeReturn::Ok
    });
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

#[test]
fn whole_files_are_whole_in_every_container() {
    let folder = Folder::new("whole");
    for (name, encoder, muxer) in [
        ("a.ts", H264, "mpegtsmux"),
        ("a.mkv", VP8, "matroskamux"),
        ("b.mkv", H264, "matroskamux"),
    ] {
        let file = folder.file(name);
        write(&file, encoder, muxer, RIGHT);
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
        // There is one each second, and the first frame's does not count.
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
    let wrong = Wrong {
        left_out: |number| (40..43).contains(&number),
        ..RIGHT
    };
    write(&file, VP8, "matroskamux", wrong);
    let report = check::inspect(&file);
    let video = report.video.as_ref().unwrap();
    assert_eq!(video.counters.as_ref().unwrap().missing, 3, "{report:#?}");
    assert!(!report.is_whole());
}

/// A file with this fault alone is told to have it, in each container.
fn assert_told(name: &str, wrong: Wrong, told: &str) {
    let folder = Folder::new(name);
    for (name, encoder, muxer) in [("a.ts", H264, "mpegtsmux"), ("a.mkv", VP8, "matroskamux")] {
        let file = folder.file(name);
        write(&file, encoder, muxer, wrong);
        let report = check::inspect(&file);
        let problems = report.problems();
        assert!(
            problems.len() == 1 && problems[0].contains(told),
            "{name}: {problems:#?} {report:#?}"
        );
    }
}

#[test]
fn audio_that_runs_five_percent_fast_is_not_whole() {
    let wrong = Wrong {
        audio: |number| Some(-(number as i64)),
        // The video with it, as in a recording of which all times are wrong.
        video: |number| -(number as i64 * 5 / 3),
        ..RIGHT
    };
    let folder = Folder::new("fast");
    let file = folder.file("a.mkv");
    write(&file, VP8, "matroskamux", wrong);
    let problems = check::inspect(&file).problems();
    let told = |what: &str| problems.iter().any(|problem| problem.contains(what));
    assert!(told("audio runs 5.3 % fast"), "{problems:#?}");
    assert!(told("not at the time of their capture"), "{problems:#?}");
}

#[test]
fn a_packet_of_audio_beside_its_time_is_told() {
    let wrong = Wrong {
        audio: |number| Some(if number == 70 { 3 } else { 0 }),
        ..RIGHT
    };
    assert_told("beside", wrong, "2 packets of audio not where");
}

#[test]
fn a_hole_in_audio_of_a_tenth_of_a_second_is_told() {
    let wrong = Wrong {
        audio: |number| (!(70..75).contains(&number)).then_some(0),
        ..RIGHT
    };
    assert_told("silent", wrong, "audio missing for 100 ms");
}

#[test]
fn a_frame_beside_its_time_is_told() {
    let wrong = Wrong {
        video: |number| if number == 40 { 12 } else { 0 },
        ..RIGHT
    };
    assert_told("shaking", wrong, "1 of 90 frames not at the time");
}

#[test]
fn audio_a_twentieth_of_a_second_after_its_video_is_told() {
    let wrong = Wrong {
        late: gst::ClockTime::from_mseconds(50),
        ..RIGHT
    };
    assert_told("apart", wrong, "after its video");
}

#[test]
fn a_frame_with_a_part_of_another_is_told() {
    let wrong = Wrong {
        smeared: |number| number == 40,
        ..RIGHT
    };
    assert_told("smeared", wrong, "with parts of other frames");
}

#[test]
fn a_file_with_a_hole_is_not_whole() {
    let folder = Folder::new("hole");
    let file = folder.file("a.ts");
    write(&file, H264, "mpegtsmux", RIGHT);
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
    write(&file, VP8, "matroskamux", RIGHT);
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
    // Longer than audio may be without video at the start.
    let four_seconds =
        "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=120 ! h264parse";
    write_seconds(6, &file, four_seconds, "mpegtsmux", RIGHT);
    let bytes = fs::read(&file).unwrap();
    let packets = bytes.len() / 188;
    fs::write(&file, &bytes[packets / 10 * 188..]).unwrap();
    let report = check::inspect(&file);
    assert!(!report.is_whole(), "{report:#?}");
}

#[test]
fn audio_alone_is_enough() {
    gst::init().unwrap();
    let folder = Folder::new("audio");
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
fn video_of_somebody_elses_is_checked_without_counters() {
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
