// SPDX-License-Identifier: MPL-2.0
//! What is not wanted costs its publisher nothing.

use std::time::Duration;

use gst::prelude::*;
use serde_json::Value;
use vdoroom_testkit::chromium::{self, Chromium};
use vdoroom_testkit::{Codec, Dialect, Flavour, Publisher, RoomServer};

use crate::recording::{DEADLINE, Recording};

/// Of audio: two seconds.
const BUFFERS: u64 = 100;

fn only_audio(server: &RoomServer) -> Recording {
    Recording::start(server, "r", |source| {
        source.set_property("receive-video", false);
    })
}

/// Asserts that an answer takes the audio, and that no video may be sent.
fn refuses_the_video(answer: &str, who: &str) {
    let sections: Vec<&str> = answer.split("\r\nm=").collect();
    let refused = |s: &str| s.contains("a=inactive") || s.split(' ').nth(1) == Some("0");
    let of = |kind: &str| sections.iter().copied().find(|s| s.starts_with(kind));
    assert!(refused(of("video").unwrap()), "{who}: {answer}");
    assert!(!refused(of("audio").unwrap()), "{who}: {answer}");
}

#[test]
fn video_that_is_offered_although_it_is_not_wanted_is_not_sent() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = only_audio(&server);
    let eager = [
        ("sdk", Flavour::Sdk, Codec::Vp8),
        ("raspberry", Flavour::Raspberry, Codec::H264),
        ("obs", Flavour::Obs, Codec::H264),
    ];
    let people = eager.map(|(name, flavour, codec)| {
        let publisher = Publisher::builder(server.url(), "r", name);
        let publisher = publisher.flavour(flavour).codec(codec);
        (name, publisher.frame_rate(15).start().unwrap())
    });
    recording.wait_for_frames(&people.each_ref().map(|(name, _)| *name), BUFFERS);
    for (name, publisher) in &people {
        refuses_the_video(&publisher.answer().unwrap(), name);
        let sent = publisher.traffic();
        assert!(sent.video == 0 && sent.others > 0, "{name}: {sent:?}");
    }
    let recorded = recording.finish();
    for (name, publisher) in people {
        let report = recorded.only(name);
        assert!(
            report.video.is_none() && report.audio.is_some(),
            "{name}: {report:#?}"
        );
        assert_eq!(publisher.complaints(), Vec::<String>::new());
    }
}

/// What the page says of the track of this kind.
fn track(event: &Value, kind: &str) -> Option<(String, u64)> {
    let ours = event["event"] == "track" && event["kind"] == kind;
    let direction = event["currentDirection"].as_str().unwrap_or_default();
    ours.then(|| (direction.to_owned(), event["bytesSent"].as_u64().unwrap()))
}

fn a_browser_sends_audio_alone(eager: bool) {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = only_audio(&server);
    let browser = Chromium::builder(server.url(), "r", "browser");
    let browser = if eager { browser.eager() } else { browser };
    let browser = browser.start().unwrap();
    recording.wait_for_frames(&["browser"], BUFFERS);
    let sends_audio = |event: &Value| track(event, "audio").is_some_and(|(_, bytes)| bytes > 4000);
    browser.wait_for(DEADLINE, sends_audio).unwrap();
    let events = browser.events();
    let frames: Vec<_> = events.iter().filter_map(|e| track(e, "video")).collect();
    assert_eq!(!frames.is_empty(), eager, "{frames:?}");
    for (direction, bytes) in frames {
        assert_eq!((direction.as_str(), bytes), ("inactive", 0));
    }
    assert_eq!(browser.complaints(), Vec::<Value>::new());
    let recorded = recording.finish();
    let report = recorded.only("browser");
    assert!(
        report.video.is_none() && report.audio.is_some(),
        "{report:#?}"
    );
}

#[test]
fn a_browser_is_not_asked_for_video_that_is_not_wanted() {
    a_browser_sends_audio_alone(false);
}

#[test]
fn a_browser_that_offers_video_all_the_same_sends_none() {
    a_browser_sends_audio_alone(true);
}

#[test]
fn who_is_stopped_is_told_and_closes_the_connection() {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let browser = Chromium::builder(server.url(), "r", "browser")
        .start()
        .unwrap();
    recording.wait_for_frames(&["browser"], 10);
    recording.source.emit_by_name::<()>("stop", &[&"browser"]);
    // A connection that is lost is noticed after several seconds.
    let closed = |event: &Value| event["event"] == "closed";
    browser.wait_for(Duration::from_secs(2), closed).unwrap();
    recording.wait_for_news("roomfilesink-part-closed", "browser");
    assert_eq!(browser.complaints(), Vec::<Value>::new());
}

#[test]
fn who_is_filtered_out_or_refused_is_never_asked() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("streams", gst::Array::new(["a*", "bob"]));
        source.set_property("exclude-streams", gst::Array::new(["*_ss"]));
        source.connect("accept-stream", false, |values| {
            Some((values[1].get::<&str>() != Ok("bob")).to_value())
        });
    });
    let join = |name| {
        let publisher = Publisher::builder(server.url(), "r", name).codec(Codec::Vp8);
        let publisher = publisher.frame_rate(10).start().unwrap();
        publisher.wait_until_joined(DEADLINE).unwrap();
        (name, publisher)
    };
    let people = ["alice_ss", "bob", "carol", "alice"].map(join);
    recording.wait_for_frames(&["alice"], 20);
    for (name, person) in &people {
        let log = server.log();
        let asked = log.iter().any(|entry| {
            entry.text.contains("\"play\"") && entry.text.contains(person.wire_stream_id())
        });
        assert_eq!(asked, *name == "alice", "{name}");
        assert_eq!(person.viewers(), usize::from(asked), "{name}");
    }
}
