// SPDX-License-Identifier: MPL-2.0
//! A real Firefox publishes what its made-up camera and microphone have.

use serde_json::Value;
use vdoroom_testkit::chromium::{Chromium, ChromiumBuilder};
use vdoroom_testkit::{Dialect, RoomServer, require};

use crate::browser::begins_the_handshake;
use crate::recording::{DEADLINE, Recording};

const FRAMES: u64 = 30;

fn firefox(server: &RoomServer) -> ChromiumBuilder {
    let browser = Chromium::builder(server.url(), "r", "firefox");
    browser.video(320, 180, 15).in_firefox()
}

/// It is recorded in one file without a fault, also while its camera is muted and replaced.
fn is_recorded(codec: &str, name: &str) {
    if !require::program("firefox-esr") {
        return;
    }
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let browser = firefox(&server).codec(codec).start().unwrap();
    let more = |recording: &mut Recording, frames: u64| {
        let then = recording.frames("firefox");
        recording.wait_for_frames(&["firefox"], then + frames);
    };
    browser.wait_until_sending(DEADLINE).unwrap();
    more(&mut recording, FRAMES);
    // A frame a second is what it sends of a camera that is muted.
    for (muted, frames) in [(true, 3), (false, FRAMES)] {
        browser.mute_video(muted);
        browser.mute_audio(muted);
        more(&mut recording, frames);
    }
    browser.replace_camera(320, 180);
    more(&mut recording, FRAMES);
    let recorded = recording.finish();
    // It may take more than ten seconds to start.
    let others = recorded
        .complaints
        .iter()
        .filter(|c| !c.contains("nobody publishes"));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new());
    let report = recorded.only("firefox");
    let mut problems = report.problems();
    problems.retain(|problem| !problem.starts_with("no video for"));
    assert_eq!(problems, Vec::<String>::new(), "{report:#?}");
    let (video, audio) = (report.video.as_ref(), report.audio.as_ref());
    assert!(video.unwrap().codec.contains(name), "{report:#?}");
    assert_eq!(audio.unwrap().codec, "Opus", "{report:#?}");
    assert_eq!(browser.complaints(), Vec::<Value>::new());
}

#[test]
fn firefox_sends_vp8() {
    is_recorded("VP8", "VP8");
}

#[test]
fn firefox_sends_vp9() {
    is_recorded("VP9", "VP9");
}

#[test]
fn firefox_sends_av1() {
    is_recorded("AV1", "AV1");
}

#[test]
fn a_firefox_that_reloads_is_recorded_again() {
    if !require::program("firefox-esr") {
        return;
    }
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let browser = firefox(&server).codec("VP8").start().unwrap();
    recording.wait_for_frames(&["firefox"], FRAMES);
    browser.reload();
    recording.wait("the next part", |r| r.parts_opened() == 2);
    recording.wait_for_frames(&["firefox"], FRAMES);
    let recorded = recording.finish();
    let parts = &recorded.files["firefox"];
    assert_eq!(parts.len(), 2, "{parts:#?}");
    for (path, report) in parts {
        let mut problems = report.problems();
        problems.retain(|problem| !problem.starts_with("no video for"));
        assert_eq!(problems, Vec::<String>::new(), "{path:?}: {report:#?}");
    }
}

#[test]
fn firefox_may_begin_the_handshake() {
    if !require::program("firefox-esr") {
        return;
    }
    let server = RoomServer::start(Dialect::Hosted);
    begins_the_handshake(&server, firefox(&server), "firefox");
}
