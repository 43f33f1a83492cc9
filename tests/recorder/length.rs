// SPDX-License-Identifier: MPL-2.0
//! Recordings that go on for more than a day, with sparse tracks: `tests/long` has dense ones.

use std::time::Duration;

use vdoroom_testkit::holdings::alone;

use crate::long_run::{HOUR, Loop, record, record_into};
use crate::media;

fn frames(media: &'static media::Media) -> Loop {
    let interval = Duration::from_secs(2);
    let name = "video_alice";
    Loop {
        name,
        media,
        interval,
    }
}

fn audio(interval_ms: u64) -> Loop {
    let interval = Duration::from_millis(interval_ms);
    let (name, media) = ("audio_alice", media::long_opus());
    Loop {
        name,
        media,
        interval,
    }
}

#[test]
fn thirty_hours_of_h264_are_two_transport_streams_without_drift_or_growth() {
    if !alone("length::thirty_hours_of_h264_are_two_transport_streams_without_drift_or_growth") {
        return;
    }
    let tracks = [frames(media::tiny_h264()), audio(960)];
    let run = record(0..30, &tracks);
    run.assert_steady();
    run.assert_exact(&tracks);
    assert_eq!(run.parts.len(), 2, "{:#?}", run.parts);
    assert_eq!(run.parts[0].text("ended"), "container-limit");
    assert_eq!(run.parts[1].text("began"), "container-limit");
    let second: i64 = run.parts[1].fields.get("start").unwrap();
    // A keyframe comes every 50 s.
    let late = second - 24 * HOUR as i64;
    assert!((0..=50_000_000_000).contains(&late), "{:#?}", run.parts);
}

#[test]
fn thirty_hours_of_vp8_are_one_file_without_drift_or_growth() {
    if !alone("length::thirty_hours_of_vp8_are_one_file_without_drift_or_growth") {
        return;
    }
    let tracks = [frames(media::tiny_vp8()), audio(960)];
    let run = record(0..30, &tracks);
    run.assert_steady();
    run.assert_exact(&tracks);
    assert_eq!(run.parts.len(), 1, "{:#?}", run.parts);
}

#[test]
fn thirty_hours_of_h264_are_three_mp4_files_without_drift_or_growth() {
    if !alone("length::thirty_hours_of_h264_are_three_mp4_files_without_drift_or_growth") {
        return;
    }
    let tracks = [frames(media::tiny_h264()), audio(960)];
    let run = record_into("mp4", 0..30, &tracks);
    run.assert_steady();
    run.assert_exact(&tracks);
    assert_eq!(run.parts.len(), 3, "{:#?}", run.parts);
    assert_eq!(run.parts[0].text("ended"), "container-limit");
    let second: i64 = run.parts[1].fields.get("start").unwrap();
    let late = second - 12 * HOUR as i64;
    assert!((0..=50_000_000_000).contains(&late), "{:#?}", run.parts);
}

#[test]
fn thirty_hours_of_audio_are_one_file_without_drift_or_growth() {
    if !alone("length::thirty_hours_of_audio_are_one_file_without_drift_or_growth") {
        return;
    }
    let tracks = [audio(960)];
    let run = record(0..30, &tracks);
    run.assert_steady();
    run.assert_exact(&tracks);
    assert_eq!(run.parts.len(), 1, "{:#?}", run.parts);
}

#[test]
fn who_joins_after_thirty_hours_gets_a_file_that_begins_at_zero() {
    for media in [media::tiny_h264(), media::tiny_vp8()] {
        let tracks = [frames(media), audio(960)];
        let run = record(30..31, &tracks);
        run.assert_exact(&tracks);
        let start: i64 = run.parts[0].fields.get("start").unwrap();
        assert_eq!(start, 30 * HOUR as i64);
    }
}

#[test]
fn a_frame_every_two_seconds_plays_in_its_own_time() {
    for media in [media::tiny_h264(), media::tiny_vp8()] {
        let tracks = [frames(media)];
        record(0..1, &tracks).assert_exact(&tracks);
    }
}
