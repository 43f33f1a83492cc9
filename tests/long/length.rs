// SPDX-License-Identifier: MPL-2.0
//! Thirty hours with a frame every 200 ms and a packet of audio every 60 ms.

use std::time::Duration;

use vdoroom_testkit::holdings::alone;

use crate::long_run::{Loop, record};
use crate::media::{self, Media};

fn video(media: &'static Media) -> Loop {
    let interval = Duration::from_millis(200);
    let name = "video_alice";
    Loop {
        name,
        media,
        interval,
    }
}

fn audio() -> Loop {
    let interval = Duration::from_millis(60);
    let (name, media) = ("audio_alice", media::long_opus());
    Loop {
        name,
        media,
        interval,
    }
}

fn thirty_hours(tracks: &[Loop], parts: usize) {
    let run = record(0..30, tracks);
    run.assert_steady();
    run.assert_exact(tracks);
    assert_eq!(run.parts.len(), parts, "{:#?}", run.parts);
}

#[test]
fn thirty_hours_of_h264() {
    if alone("length::thirty_hours_of_h264") {
        thirty_hours(&[video(media::tiny_h264()), audio()], 2);
    }
}

#[test]
fn thirty_hours_of_vp8() {
    if alone("length::thirty_hours_of_vp8") {
        thirty_hours(&[video(media::tiny_vp8()), audio()], 1);
    }
}

#[test]
fn thirty_hours_of_audio() {
    if alone("length::thirty_hours_of_audio") {
        thirty_hours(&[audio()], 1);
    }
}
