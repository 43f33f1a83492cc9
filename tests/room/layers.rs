// SPDX-License-Identifier: MPL-2.0
//! A browser sends VP9 in layers: what is recorded is one picture for each that it sent, in the
//! largest size.

use serde_json::Value;
use vdoroom_testkit::check::second_opinion;
use vdoroom_testkit::chromium::{self, Chromium};
use vdoroom_testkit::{Dialect, RoomServer};

use crate::recording::{DEADLINE, Recording};

/// Pictures that the browser sends before the recording ends.
const PICTURES: u64 = 100;
/// Pictures that may be under way at the ends of a recording: the browser tells once a second what
/// it has sent.
const UNDER_WAY: u64 = 20;

fn are_recorded(mode: &str, size: (u32, u32)) {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let browser = Chromium::builder(server.url(), "r", "browser")
        .codec("VP9")
        .video(size.0, size.1, 15)
        .media_first()
        .scalability(mode)
        .start()
        .unwrap();
    recording.wait_for_frames(&["browser"], 1);
    let captured = |event: &Value| event["captured"].as_u64();
    let in_layers = |event: &Value| event["scalabilityMode"] == mode && captured(event).is_some();
    let first = browser.wait_for(DEADLINE, in_layers).unwrap();
    let enough = captured(&first).map(|first| first + PICTURES);
    let enough = |event: &Value| in_layers(event) && captured(event) >= enough;
    let last = browser.wait_for(DEADLINE, enough).unwrap();
    let sent = captured(&last).unwrap();
    let recorded = recording.finish();
    let report = recorded.only("browser");
    println!("{mode}: {sent} sent, {report:?}");
    assert_eq!(report.problems(), Vec::<String>::new(), "{report:#?}");
    let video = report.video.as_ref().unwrap();
    assert!(video.codec.contains("VP9"), "{}", video.codec);
    assert!(
        (sent - UNDER_WAY..=sent + UNDER_WAY).contains(&video.frames_decoded),
        "{mode}: {sent} sent: {video:#?}"
    );
    assert_eq!(video.sizes.last(), Some(&size), "{video:#?}");
    if let Some(opinion) = second_opinion(&recorded.files["browser"][0].0) {
        assert_eq!(opinion.complaints, Vec::<String>::new(), "{opinion:#?}");
        assert_eq!(opinion.frames, video.frames_decoded, "{opinion:#?}");
        assert_eq!(opinion.sizes, video.sizes, "{opinion:#?}");
    }
    assert_eq!(browser.complaints(), Vec::<Value>::new());
}

#[test]
fn two_spatial_layers_are_one_picture() {
    are_recorded("L2T1", (640, 360));
}

/// Only keyframes are predicted from the layer below. At 640x360 Chromium has two layers only.
#[test]
fn three_layers_that_part_behind_a_keyframe_are_one_picture() {
    are_recorded("L3T3_KEY", (960, 540));
}

#[test]
fn layers_in_time_are_pictures_in_a_row() {
    are_recorded("L1T3", (640, 360));
}
