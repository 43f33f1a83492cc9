// SPDX-License-Identifier: MPL-2.0
//! A real browser publishes; the README's line records it.

use std::time::Duration;

use gst::prelude::*;
use serde_json::Value;
use vdoroom_testkit::check::{inspect, second_opinion};
use vdoroom_testkit::chromium::{self, Chromium, ChromiumBuilder};
use vdoroom_testkit::{Dialect, Folder, Launch, RoomServer, by_webrtcbin};

use crate::recording::{DEADLINE, Recorded, Recording, interrupt, launch_line};

/// Chromium's fake camera and microphone, seen for so many frames of each size.
const FRAMES: u64 = 20;

/// The camera's, the same camera's with other settings, and another camera's.
const SIZES: [(u32, u32); 3] = [(320, 180), (640, 360), (180, 320)];

/// Waits until enough frames of this size were sent.
fn wait_for_size(browser: &Chromium, (width, height): (u32, u32)) {
    let of_size = |event: &Value| event["width"] == width && event["height"] == height;
    let first = browser.wait_for(DEADLINE, of_size).unwrap();
    let enough = first["framesSent"].as_u64().unwrap() + FRAMES;
    let more = |event: &Value| of_size(event) && event["framesSent"].as_u64() >= Some(enough);
    browser.wait_for(DEADLINE, more).unwrap();
}

fn is_recorded(codec: &str, name: &str, extension: &str) {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let line = launch_line(&server).replace("room=r", &format!("room=r video-codecs='<{codec}>'"));
    let mut launch = Launch::start(&folder.0, &line);
    // It offers all that it has.
    let browser = Chromium::builder(server.url(), "r", "browser")
        .video(320, 180, 15)
        .start()
        .unwrap();
    launch.wait_for_line("roomfilesink-part-opened", DEADLINE);
    wait_for_size(&browser, SIZES[0]);
    browser.constrain(SIZES[1].0, SIZES[1].1);
    wait_for_size(&browser, SIZES[1]);
    browser.replace_camera(SIZES[2].0, SIZES[2].1);
    wait_for_size(&browser, SIZES[2]);
    let files = interrupt(launch, &folder, Duration::from_secs(2));
    let [file] = files.as_slice() else {
        panic!("one file, not {files:?}");
    };
    assert_eq!(file.extension().and_then(|e| e.to_str()), Some(extension));
    let report = inspect(file);
    assert_eq!(report.problems(), Vec::<String>::new(), "{report:#?}");
    let (video, audio) = (report.video.unwrap(), report.audio.unwrap());
    assert!(video.codec.contains(name), "{}", video.codec);
    assert_eq!(audio.codec, "Opus");
    // A browser that has too little of something sends other sizes between them.
    let mut sizes = video.sizes.iter();
    assert!(
        SIZES.iter().all(|size| sizes.any(|s| s == size)),
        "{:?}",
        video.sizes
    );
    if let Some(opinion) = second_opinion(file) {
        assert_eq!(opinion.complaints, Vec::<String>::new(), "{opinion:#?}");
        assert_eq!(opinion.frames, video.frames_decoded, "{opinion:#?}");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
    // Its sender reports were understood.
    for line in folder
        .manifest()
        .iter()
        .filter(|l| l["event"] == "part-closed")
    {
        let tracks = line["tracks"].as_array().unwrap();
        assert!(
            tracks
                .iter()
                .all(|t| t["sender-clock"] == "timestamp/x-ntp"),
            "{line}"
        );
    }
}

#[test]
fn chromium_sends_vp8() {
    is_recorded("VP8", "VP8", "mkv");
}

#[test]
fn chromium_sends_vp9() {
    is_recorded("VP9", "VP9", "mkv");
}

#[test]
fn chromium_sends_h264() {
    is_recorded("H264", "H.264", "ts");
}

#[test]
fn chromium_sends_av1() {
    is_recorded("AV1", "AV1", "mkv");
}

#[test]
fn three_tabs_at_once() {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let names = ["eight", "nine", "avc"];
    let browser = Chromium::builder(server.url(), "r", "eight")
        .codec("VP8")
        .video(320, 180, 10)
        .tab("nine", "VP9")
        .tab("avc", "H264")
        .start()
        .unwrap();
    recording.wait_for_frames(&names, 2 * FRAMES);
    let recorded = recording.finish();
    for name in names {
        let report = recorded.only(name);
        assert_eq!(
            report.problems(),
            Vec::<String>::new(),
            "{name}: {report:#?}"
        );
        assert!(
            report.video.is_some() && report.audio.is_some(),
            "{name}: {report:#?}"
        );
    }
    assert_eq!(browser.complaints(), Vec::<Value>::new());
}

/// A browser that is recorded, once what it says of its video is so.
fn says_of_its_video(
    browser: impl FnOnce(ChromiumBuilder) -> ChromiumBuilder,
    so: impl Fn(&Value) -> bool,
) -> Recorded {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let browser = browser(Chromium::builder(server.url(), "r", "browser"));
    let browser = browser.start().unwrap();
    recording.wait_for_frames(&["browser"], FRAMES);
    let of_video = |event: &Value| event["event"] == "sending" && event["kind"] == "video";
    let says_so = |event: &Value| of_video(event) && so(event);
    browser.wait_for(DEADLINE, says_so).unwrap();
    recording.finish()
}

/// Debian's Chromium encodes Constrained Baseline (OpenH264) whatever was agreed.
#[test]
fn a_browser_keeps_the_profile_of_h264_that_it_offers() {
    let recorded = says_of_its_video(
        |browser| browser.codec("H264").profile("4d001f").video(320, 180, 15),
        |event| {
            event["format"]
                .as_str()
                .is_some_and(|f| f.contains("4d001f"))
        },
    );
    let report = recorded.only("browser");
    assert_eq!(report.problems(), Vec::<String>::new(), "{report:#?}");
}

#[test]
fn of_a_simulcast_the_largest_layer_is_recorded() {
    record_simulcast(ChromiumBuilder::media_first);
}

/// The browser names the SSRC of its audio only, whose m-line is the first.
#[test]
fn of_a_simulcast_behind_audio_the_largest_layer_is_recorded() {
    record_simulcast(ChromiumBuilder::audio_first);
}

fn record_simulcast(order: fn(ChromiumBuilder) -> ChromiumBuilder) {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let browser = Chromium::builder(server.url(), "r", "browser")
        .codec("VP8")
        .video(640, 360, 10)
        .simulcast("q4 h2 f1");
    let browser = order(browser).start().unwrap();
    recording.wait_for_frames(&["browser"], 3 * FRAMES);
    let recorded = recording.finish();
    let report = recorded.only("browser");
    assert_eq!(report.problems(), Vec::<String>::new(), "{report:#?}");
    let sizes = &report.video.as_ref().unwrap().sizes;
    assert_eq!(sizes.last(), Some(&(640, 360)), "{sizes:?}");
    assert_eq!(browser.complaints(), Vec::<Value>::new());
}

#[test]
fn a_transceiver_that_is_stopped_takes_nothing_else_with_it() {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let browser = Chromium::builder(server.url(), "r", "browser")
        .codec("VP8")
        .video(320, 180, 10)
        .media_first()
        .start()
        .unwrap();
    recording.wait_for_frames(&["browser"], FRAMES);
    let before = std::time::Instant::now();
    browser.stop_transceivers("video");
    recording.wait("the audio of the next session", |r| {
        r.stream("browser").unwrap().get::<u32>("sessions-so-far") == Ok(2)
            && r.buffers("browser", "audio") >= Some(FRAMES)
    });
    let took = before.elapsed();
    println!("a transceiver was stopped: recorded again after {took:?}");
    recording.finish();
    assert!(took < Duration::from_secs(8), "{took:?}");
}

/// A browser that begins the DTLS handshake is recorded whole.
pub fn begins_the_handshake(server: &RoomServer, browser: ChromiumBuilder, name: &str) {
    let mut recording = Recording::start(server, "r", by_webrtcbin);
    let browser = browser.dtls_client().start().unwrap();
    browser.wait_until_sending(DEADLINE).unwrap();
    recording.wait_for_frames(&[name], FRAMES);
    let bin = recording.source.downcast_ref::<gst::Bin>().unwrap();
    let mut elements = bin.iterate_elements().into_iter().map(Result::unwrap);
    let webrtcbin = elements.find(|element| element.name().ends_with("webrtcbin"));
    let answer = webrtcbin
        .unwrap()
        .property::<gst_webrtc::WebRTCSessionDescription>("local-description");
    let answer = answer.sdp().as_text().unwrap();
    assert!(answer.contains("a=setup:passive"), "{answer}");
    let recorded = recording.finish();
    let report = recorded.only(name);
    assert_eq!(report.problems(), Vec::<String>::new(), "{report:#?}");
    assert_eq!(browser.complaints(), Vec::<Value>::new());
}

#[test]
fn chromium_may_begin_the_handshake() {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let browser = Chromium::builder(server.url(), "r", "browser").video(320, 180, 15);
    begins_the_handshake(&server, browser, "browser");
}
