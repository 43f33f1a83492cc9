// SPDX-License-Identifier: MPL-2.0
//! Media that stops and begins again in its m-line, as a page has it that takes a track away for a
//! while. GStreamer 1.24 follows that, as does the native engine; before it, there is a new connection.

use gst::prelude::*;
use vdoroom_testkit::chromium::{self, Chromium};
use vdoroom_testkit::{Codec, Dialect, Publisher, RoomServer, is_native};

use crate::recording::Recording;

const FRAMES: u64 = 30;

/// More than a second of audio, after which a session that sends nothing counts as stalled.
const SILENCE: u64 = 100;

fn publisher(server: &RoomServer, name: &str) -> Publisher {
    Publisher::builder(server.url(), "r", name)
        .codec(Codec::Vp8)
        .frame_rate(15)
        .start()
        .unwrap()
}

fn sessions(recording: &Recording, name: &str) -> u32 {
    let stream = recording.stream(name).unwrap();
    stream.get("sessions-so-far").unwrap()
}

/// Says whether connections follow. If they do not, waits for the next one.
fn follows(recording: &mut Recording, name: &str) -> bool {
    if is_native() || gst::version() >= (1, 23, 1, 0) {
        return true;
    }
    recording.wait("a new connection", |recording| {
        sessions(recording, name) >= 2 && recording.frames(name) >= FRAMES
    });
    false
}

/// Waits until an offer was answered that sends so many media.
fn wait_for_answer(recording: &mut Recording, alice: &Publisher, sent: usize) {
    recording.wait("the answer", |_| {
        let answer = alice.answer().unwrap_or_default();
        answer.matches("a=recvonly").count() == sent
    });
}

fn wait_for_more(recording: &mut Recording, name: &str, kind: &str, more: u64) {
    let enough = recording.buffers(name, kind).unwrap() + more;
    recording.wait(&format!("more {kind} of {name}"), |recording| {
        recording.buffers(name, kind) >= Some(enough)
    });
}

#[test]
fn video_that_stops_and_begins_again_is_in_one_file_with_all_audio() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = publisher(&server, "alice");
    recording.wait_for_frames(&["alice"], FRAMES);
    alice.offer_as_sent(false, true);
    if !follows(&mut recording, "alice") {
        return;
    }
    wait_for_answer(&mut recording, &alice, 1);
    // What was under way comes after the answer.
    wait_for_more(&mut recording, "alice", "video", FRAMES);
    alice.pause_video(true);
    wait_for_more(&mut recording, "alice", "audio", SILENCE);
    alice.offer_as_sent(true, true);
    wait_for_answer(&mut recording, &alice, 2);
    alice.pause_video(false);
    wait_for_more(&mut recording, "alice", "video", FRAMES);
    assert_eq!(sessions(&recording, "alice"), 1, "{:#?}", recording.stats());
    let recorded = recording.finish();
    let report = recorded.only("alice");
    let audio = report.audio.as_ref().unwrap();
    assert!(audio.largest_gap.mseconds() < 100, "{report:#?}");
    let frames = report.video.as_ref().unwrap().frames_decoded;
    assert!(frames >= 3 * FRAMES, "{report:#?}");
}

#[test]
fn who_offers_to_send_nothing_is_left_in_peace_for_longer_than_the_timeout() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("stream-timeout", 2000u32);
    });
    let alice = publisher(&server, "alice");
    recording.wait_for_frames(&["alice"], FRAMES);
    alice.offer_as_sent(false, false);
    if !follows(&mut recording, "alice") {
        return;
    }
    wait_for_answer(&mut recording, &alice, 0);
    alice.pause_video(true);
    alice.pause_audio(true);
    // Somebody else is recorded for longer than the timeout meanwhile.
    let bob = publisher(&server, "bob");
    recording.wait_for_frames(&["bob"], 3 * FRAMES);
    let stream = recording.stream("alice").unwrap();
    assert_eq!(stream.get("state"), Ok("connected"), "{stream:#?}");
    alice.offer_as_sent(true, true);
    wait_for_answer(&mut recording, &alice, 2);
    alice.pause_video(false);
    alice.pause_audio(false);
    wait_for_more(&mut recording, "alice", "video", FRAMES);
    wait_for_more(&mut recording, "alice", "audio", FRAMES);
    assert_eq!(sessions(&recording, "alice"), 1, "{:#?}", recording.stats());
    let recorded = recording.finish();
    recorded.only("alice");
    recorded.assert_whole(&["bob"]);
    drop(bob);
}

#[test]
fn a_browser_s_camera_that_is_inactive_for_a_while_is_in_one_file() {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let browser = Chromium::builder(server.url(), "r", "browser")
        .codec("VP8")
        .video(320, 180, 10)
        .start()
        .unwrap();
    recording.wait_for_frames(&["browser"], FRAMES);
    browser.direct_transceivers("video", "inactive");
    if !follows(&mut recording, "browser") {
        return;
    }
    wait_for_more(&mut recording, "browser", "audio", SILENCE);
    browser.direct_transceivers("video", "sendonly");
    wait_for_more(&mut recording, "browser", "video", FRAMES);
    let stats = recording.stats();
    assert_eq!(sessions(&recording, "browser"), 1, "{stats:#?}");
    let recorded = recording.finish();
    let report = recorded.only("browser");
    assert_eq!(report.errors, Vec::<String>::new(), "{report:#?}");
    assert_eq!(browser.complaints(), Vec::<serde_json::Value>::new());
}
