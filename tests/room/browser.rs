// SPDX-License-Identifier: MPL-2.0
//! A real browser publishes; the README's line records it.

use std::time::Duration;

use serde_json::Value;
use vdoroom_test_support::check::inspect;
use vdoroom_test_support::chromium::{self, Chromium};
use vdoroom_test_support::{Dialect, Folder, RoomServer};

use crate::recording::{DEADLINE, interrupt, launch};

/// Chromium's fake camera and microphone, seen for so many frames in one part.
const FRAMES: u64 = 60;

fn is_recorded(codec: &str, name: &str, extension: &str) {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let mut launch = launch(&server, &folder);
    let browser = Chromium::builder(server.url(), "r", "browser")
        .codec(codec)
        .picture(320, 180, 15)
        .start()
        .unwrap();
    launch.wait_for_line("roomfilesink-part-opened", DEADLINE);
    let enough = |event: &Value| event["framesSent"].as_u64() >= Some(2 * FRAMES);
    browser.wait_for(DEADLINE, enough).unwrap();
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
    assert!(
        video.frames_decoded >= FRAMES,
        "{} frames",
        video.frames_decoded
    );
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
