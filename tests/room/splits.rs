// SPDX-License-Identifier: MPL-2.0
//! A maximum of time in a room: the publishers are asked for the keyframe at which the next part
//! begins.

use gst::prelude::*;
use vdoroom_testkit::check::{Counters, Report};
use vdoroom_testkit::{Codec, Dialect, Publisher, RoomServer};

use crate::recording::Recording;

const LIMIT_MS: i64 = 1500;
/// A publisher has so long to answer; by itself it would send no keyframe for 10 s.
const ANSWER_MS: i64 = 2000;
/// One packet of audio, and what the jitterbuffer moves it by.
const PACKET_MS: i64 = 40;

fn number(fields: &serde_json::Value, name: &str) -> i64 {
    fields[name].as_i64().unwrap() / 1_000_000
}

fn audio(part: &serde_json::Value) -> &serde_json::Value {
    let tracks = part["tracks"].as_array().unwrap();
    tracks.iter().find(|t| t["kind"] == "audio").unwrap()
}

fn counters(report: &Report) -> &Counters {
    assert_eq!(report.problems(), Vec::<String>::new(), "{report:#?}");
    let video = report.video.as_ref().unwrap();
    video.counters.as_ref().unwrap()
}

fn assert_frames_go_on(parts: &[&Report]) {
    for pair in parts.windows(2) {
        let (last, next) = (counters(pair[0]).last, counters(pair[1]).first);
        assert_eq!(next, last + 1, "{parts:#?}");
    }
}

#[test]
fn a_maximum_of_time_splits_people_at_keyframes_that_are_asked_for() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let elements = recording.pipeline.children();
    let is_recorder = |e: &&gst::Element| e.has_property("max-size-time");
    let recorder = elements.iter().find(is_recorder).unwrap();
    recorder.set_property("max-size-time", LIMIT_MS as u64 * 1_000_000);
    let people = [("alice", Codec::H264), ("bob", Codec::Vp8)].map(|(name, codec)| {
        let builder = Publisher::builder(server.url(), "r", name).codec(codec);
        builder.start().unwrap()
    });
    recording.wait("three parts of each", |r| {
        let opened = |stream: &str| {
            let is_opened = |s: &&gst::Structure| {
                s.name() == "roomfilesink-part-opened" && s.get::<&str>("stream") == Ok(stream)
            };
            r.news.iter().filter(is_opened).count()
        };
        opened("alice") >= 3 && opened("bob") >= 3
    });
    let recorded = recording.finish();
    drop(people);
    for stream in ["alice", "bob"] {
        let mut parts: Vec<_> = recorded.files[stream].iter().map(|(_, r)| r).collect();
        // Each file closes on its own thread.
        parts.sort_by_key(|r| counters(r).first);
        assert_frames_go_on(&parts);
        let closed = |l: &&serde_json::Value| l["event"] == "part-closed" && l["stream"] == stream;
        let mut closed: Vec<_> = recorded.manifest.iter().filter(closed).collect();
        closed.sort_by_key(|l| l["number"].as_i64());
        for pair in closed.windows(2) {
            let long = number(pair[0], "end") - number(pair[0], "start");
            assert!(long < LIMIT_MS + ANSWER_MS, "{long} ms: {pair:#?}");
            let hole = number(audio(pair[1]), "start") - number(audio(pair[0]), "end");
            assert!(hole.abs() <= PACKET_MS, "{hole} ms: {pair:#?}");
            assert_eq!(pair[1]["began"], "max-size-time");
        }
    }
}
