// SPDX-License-Identifier: MPL-2.0
//! B-frames, which encoders of graphics cards send: they are decoded in another order than they are
//! shown in.

use std::path::Path;
use std::time::{Duration, Instant};

use gst::prelude::*;

use vdoroom_testkit::check::{FrameTimes, inspect, second_opinion, video_times};
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, RoomServer};

use crate::recording::{DEADLINE, Recording, interrupt, source};

const FRAMES: u64 = 75;
const STEP_MS: f64 = 1000.0 / 30.0;
/// What the tick of a container's clock and the timeline of a session move it by.
const TOLERANCE_MS: f64 = 2.0;
/// Of a second or more.
const MUXED_BYTES: u64 = 8_000;
/// A recording that ends in the middle has the frame that the last B-frames refer to, and not all of them.
const LAST: usize = 4;

const PEOPLE: [(&str, Codec); 3] = [
    ("one", avc(1, false)),
    ("two", avc(2, false)),
    ("three", avc(3, true)),
];

const fn avc(b_frames: u8, pyramid: bool) -> Codec {
    Codec::H264Reordered { b_frames, pyramid }
}

/// One recording into each container.
fn record(server: &RoomServer) -> [Recording; 3] {
    ["auto", "matroska", "mp4"].map(|container| {
        Recording::into_sink(source(server, "r"), |sink, _| {
            sink.set_property_from_str("container", container);
        })
    })
}

fn finish_in_order(recordings: [Recording; 3], names: &[&str]) {
    for recording in recordings {
        let recorded = recording.finish();
        assert_eq!(recorded.complaints, Vec::<String>::new());
        for name in names {
            recorded.only(name);
            assert_in_order(&recorded.files[*name][0].0);
        }
    }
}

fn assert_in_order(file: &Path) {
    let report = inspect(file);
    let video = report.video.as_ref().unwrap();
    let counters = video.counters.as_ref().unwrap();
    let found = [
        counters.doubled,
        counters.out_of_order,
        counters.bad,
        video.damaged,
        video.backward,
    ];
    assert_eq!(found, [0; 5], "{file:?}: {report:#?}");
    assert!(counters.missing < LAST as u64, "{file:?}: {report:#?}");
    assert_eq!(report.errors, Vec::<String>::new(), "{file:?}");
    let (Some(opinion), Some(times)) = (second_opinion(file), video_times(file)) else {
        return;
    };
    assert_eq!(opinion.complaints, Vec::<String>::new(), "{file:?}");
    assert_times(file, &times);
}

fn assert_times(file: &Path, times: &[FrameTimes]) {
    let mut shown: Vec<_> = times.iter().map(|t| t.pts_ms).collect();
    assert!(!shown.is_sorted(), "{file:?} has no B-frames");
    shown.sort_by(f64::total_cmp);
    shown.truncate(shown.len() - LAST);
    for pair in shown.windows(2) {
        let step = pair[1] - pair[0];
        let off = (step - STEP_MS).abs();
        assert!(off <= TOLERANCE_MS, "{file:?}: {step} ms: {shown:?}");
    }
    // Matroska has no decoding times, and for its first frames ffprobe guesses none.
    let decoded = times.iter().filter(|t| !t.dts_ms.is_nan());
    let times: Vec<_> = decoded.collect();
    for frame in &times {
        assert!(frame.dts_ms <= frame.pts_ms, "{file:?}: {frame:?}");
    }
    for pair in times.windows(2) {
        assert!(pair[0].dts_ms < pair[1].dts_ms, "{file:?}: {pair:?}");
    }
}

#[test]
fn b_frames_keep_their_place_in_every_container() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recordings = record(&server);
    let folder = Folder::new();
    let muxed = Launch::start(
        &folder.0,
        &format!(
            "-e vdoroomsrc server={} room=r streams='<three>' name=r r.video_three ! queue \
             ! h264parse ! mp4mux ! filesink async=false buffer-mode=unbuffered location=three.mp4",
            server.url()
        ),
    );
    let publishers = PEOPLE.map(|(name, codec)| {
        let builder = Publisher::builder(server.url(), "r", name).codec(codec);
        builder.start().unwrap()
    });
    let names = PEOPLE.map(|(name, _)| name);
    for recording in &mut recordings {
        recording.wait_for_frames(&names, FRAMES);
    }
    // It has joined by itself, perhaps later.
    let deadline = Instant::now() + DEADLINE;
    let written = || std::fs::metadata(folder.0.join("three.mp4")).map_or(0, |file| file.len());
    while written() < MUXED_BYTES {
        assert!(Instant::now() < deadline, "{} bytes", written());
        recordings[0].read_bus(Duration::from_millis(50));
    }
    finish_in_order(recordings, &names);
    interrupt(muxed, &folder, DEADLINE);
    drop(publishers);
    assert_in_order(&folder.0.join("three.mp4"));
}

/// Without audio: x265enc begins so late on a busy machine that video would have a part of its own.
#[test]
fn b_frames_of_h265_keep_their_place() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recordings = record(&server);
    let codec = Codec::H265Reordered {
        b_frames: 3,
        pyramid: true,
    };
    let builder = Publisher::builder(server.url(), "r", "hevc").codec(codec);
    let _publisher = builder.without_audio().start().unwrap();
    for recording in &mut recordings {
        recording.wait_for_frames(&["hevc"], FRAMES);
    }
    finish_in_order(recordings, &["hevc"]);
}
