// SPDX-License-Identifier: MPL-2.0
//! Tracks that come later, come twice, change, fall silent, or cannot be received.

use gst::prelude::*;
use serde_json::Value;
use vdoroom_testkit::check::{Report, second_opinion};
use vdoroom_testkit::publisher::PublisherBuilder;
use vdoroom_testkit::{Codec, Dialect, Publisher, RoomServer};

use crate::recording::{DEADLINE, Recorded, Recording, assert_whole};

const FRAMES: u64 = 30;
const RATE: u32 = 15;

fn alice(server: &RoomServer, codec: Codec) -> PublisherBuilder {
    Publisher::builder(server.url(), "r", "alice")
        .codec(codec)
        .frame_rate(RATE)
}

/// Waits until this part has begun and more frames were sent.
fn wait_for_part(recording: &mut Recording, number: u32, publisher: &Publisher) {
    recording.wait(&format!("part {number}"), |recording| {
        let opened = |s: &&gst::Structure| {
            s.name() == "roomfilesink-part-opened" && s.get::<u64>("number") == Ok(number.into())
        };
        recording.news.iter().any(|s| opened(&s))
    });
    publisher.wait_for_frames(FRAMES, DEADLINE).unwrap();
}

fn reports(recorded: &Recorded) -> Vec<&Report> {
    let parts = &recorded.files["alice"];
    for (file, report) in parts {
        assert_eq!(report.problems(), Vec::<String>::new(), "{report:#?}");
        if let Some(opinion) = second_opinion(file) {
            assert_eq!(opinion.complaints, Vec::<String>::new(), "{opinion:#?}");
        }
    }
    parts.iter().map(|(_, report)| report).collect()
}

fn closed(recorded: &Recorded) -> Vec<&Value> {
    let lines = recorded.manifest.iter();
    lines.filter(|l| l["event"] == "part-closed").collect()
}

/// First and last counter of a part's frames.
fn counters(report: &Report) -> (u32, u32) {
    let video = report.video.as_ref().unwrap();
    let counters = video.counters.as_ref().unwrap();
    (counters.first, counters.last)
}

#[test]
fn audio_that_comes_later_begins_the_next_part_and_no_frame_is_lost() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = alice(&server, Codec::H264).without_audio().start().unwrap();
    recording.wait_for_frames(&["alice"], FRAMES);
    alice.add_audio();
    wait_for_part(&mut recording, 2, &alice);
    let recorded = recording.finish();
    let [silent, whole] = reports(&recorded)[..] else {
        panic!("two parts, not {:#?}", recorded.files);
    };
    assert!(silent.audio.is_none() && whole.audio.is_some());
    assert_eq!(counters(silent).1 + 1, counters(whole).0, "across the cut");
    assert_eq!(closed(&recorded)[1]["began"], "late-track");
}

#[test]
fn video_that_comes_later_begins_the_next_part_and_no_audio_is_lost() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = alice(&server, Codec::Vp8).without_video().start().unwrap();
    recording.wait_for_frames(&["alice"], 50);
    alice.add_video();
    wait_for_part(&mut recording, 2, &alice);
    let recorded = recording.finish();
    let [blind, whole] = reports(&recorded)[..] else {
        panic!("two parts, not {:#?}", recorded.files);
    };
    assert!(blind.video.is_none() && whole.video.is_some());
    let parts = closed(&recorded);
    let audio = |part: &Value| {
        let mut tracks = part["tracks"].as_array().unwrap().iter();
        tracks.find(|t| t["kind"] == "audio").unwrap().clone()
    };
    let end = audio(parts[0])["end"].as_i64().unwrap();
    let start = audio(parts[1])["start"].as_i64().unwrap();
    assert!(
        (start - end).abs() < 1_000_000,
        "{} ns of audio",
        start - end
    );
}

#[test]
fn video_alone_is_recorded() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = alice(&server, Codec::Vp9).without_audio().start().unwrap();
    recording.wait_for_frames(&["alice"], FRAMES);
    let recorded = recording.finish();
    let [report] = reports(&recorded)[..] else {
        panic!("one part, not {:#?}", recorded.files);
    };
    assert!(report.audio.is_none() && report.video.is_some());
    drop(alice);
}

#[test]
fn two_cameras_share_a_file() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = alice(&server, Codec::H264).start().unwrap();
    recording.wait_for_frames(&["alice"], FRAMES);
    alice.add_video();
    wait_for_part(&mut recording, 2, &alice);
    let recorded = recording.finish();
    let parts = closed(&recorded);
    assert_eq!(parts.len(), 2, "{parts:#?}");
    let tracks = parts[1]["tracks"].as_array().unwrap();
    assert_eq!(tracks.len(), 3, "two cameras and a microphone: {tracks:#?}");
    let frames: u64 = tracks
        .iter()
        .filter(|t| t["kind"] == "video")
        .map(|t| t["frames"].as_u64().unwrap())
        .sum();
    let (file, _) = &recorded.files["alice"][1];
    if let Some(opinion) = second_opinion(file) {
        assert_eq!(opinion.complaints, Vec::<String>::new(), "{opinion:#?}");
        assert_eq!(opinion.frames, frames, "{opinion:#?}");
    }
}

#[test]
fn who_comes_back_with_another_codec_gets_another_file() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let with_vp8 = alice(&server, Codec::Vp8).start().unwrap();
    recording.wait_for_frames(&["alice"], FRAMES);
    with_vp8.stop();
    recording.wait_for_news("roomfilesink-part-closed", "alice");
    let with_h264 = alice(&server, Codec::H264).start().unwrap();
    wait_for_part(&mut recording, 2, &with_h264);
    let recorded = recording.finish();
    let parts = &recorded.files["alice"];
    let extensions: Vec<_> = parts.iter().map(|(f, _)| f.extension().unwrap()).collect();
    assert_eq!(extensions, ["mkv", "ts"]);
    for (path, report) in parts {
        assert_whole(&path.display().to_string(), report);
    }
}

#[test]
fn muting_and_unmuting_leaves_one_file() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = alice(&server, Codec::Vp8).start().unwrap();
    recording.wait_for_frames(&["alice"], FRAMES);
    for muted in [true, false] {
        alice.mute_video(muted);
        alice.mute_audio(muted);
        alice.wait_for_frames(FRAMES, DEADLINE).unwrap();
    }
    let recorded = recording.finish();
    let report = recorded.only("alice");
    assert_eq!(report.errors, Vec::<String>::new());
    let video = report.video.as_ref().unwrap();
    let counters = video.counters.as_ref().unwrap();
    let tracks = closed(&recorded)[0]["tracks"].as_array().unwrap();
    let written = tracks.iter().find(|t| t["kind"] == "video").unwrap();
    assert_eq!(written["frames"], video.frames_decoded, "{video:#?}");
    // A black frame has no number.
    assert!(counters.bad >= FRAMES / 2, "{counters:?}");
    assert!(report.audio.as_ref().unwrap().largest_gap.mseconds() < 100);
}

#[test]
fn video_that_changes_its_size_stays_in_one_file() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let codecs = [Codec::H264, Codec::H265, Codec::Vp8, Codec::Vp9, Codec::Av1];
    let names = ["h264", "h265", "vp8", "vp9", "av1"];
    let people = codecs.map(|codec| {
        let name = format!("{codec:?}").to_lowercase();
        let builder = Publisher::builder(server.url(), "r", &name).codec(codec);
        // Five encoders at once.
        builder.frame_rate(10).start().unwrap()
    });
    recording.wait_for_frames(&names, FRAMES);
    for (width, height) in [(480, 270), (180, 320)] {
        let enough = recording.frames("h264") + FRAMES;
        people.iter().for_each(|p| p.resize(width, height));
        recording.wait_for_frames(&names, enough);
    }
    let recorded = recording.finish();
    for name in names {
        let report = recorded.only(name);
        assert_eq!(
            report.problems(),
            Vec::<String>::new(),
            "{name}: {report:#?}"
        );
        let sizes = [(320, 180), (480, 270), (180, 320)];
        assert_eq!(report.video.as_ref().unwrap().sizes, sizes, "{name}");
        let mut parts = closed(&recorded).into_iter();
        let part = parts.find(|l| l["stream"] == name).unwrap();
        let mut tracks = part["tracks"].as_array().unwrap().iter();
        let video = tracks.find(|t| t["kind"] == "video").unwrap();
        let listed = serde_json::json!(["320x180", "480x270", "180x320"]);
        assert_eq!(video["sizes"], listed, "{name}");
        let (file, _) = &recorded.files[name][0];
        if let Some(opinion) = second_opinion(file) {
            assert_eq!(
                opinion.complaints,
                Vec::<String>::new(),
                "{name}: {opinion:#?}"
            );
            assert_eq!(opinion.sizes, sizes, "{name}");
        }
    }
}

#[test]
fn a_codec_that_is_not_received_is_named_once_and_the_rest_is_recorded() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("video-codecs", gst::Array::new(["H264"]));
    });
    let alice = alice(&server, Codec::Vp8).start().unwrap();
    recording.wait_for_frames(&["alice"], 100);
    let recorded = recording.finish();
    let report = recorded.only("alice");
    assert!(report.video.is_none() && report.audio.is_some());
    let [complaint] = recorded.complaints.as_slice() else {
        panic!("one complaint, not {:#?}", recorded.complaints);
    };
    for words in ["alice", "video", "VP8 is not asked for"] {
        assert!(complaint.contains(words), "no {words} in {complaint}");
    }
    drop(alice);
}
