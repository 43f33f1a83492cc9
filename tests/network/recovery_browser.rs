// SPDX-License-Identifier: MPL-2.0
//! The same as `recovery` with a real browser, which has a mind of its own: it notices after 5 s
//! that nothing comes any more, and gives up after 15 to 30 s.

use std::thread::sleep;
use std::time::Instant;

use vdoroom_testkit::chromium::{self, Chromium};
use vdoroom_testkit::is_native;
use vdoroom_testkit::netns::Host;
use vdoroom_testkit::require::require;

use crate::recovery::{FRAMES, OUTAGE, Recorder, scene};
use crate::scene::{ROOM, Scene};

fn case() -> Option<(Scene, Host, Host, Recorder<Chromium>)> {
    require(chromium::is_installed(), "chromium is not installed").then_some(())?;
    let (scene, host, recorder) = scene()?;
    let start = || {
        let browser = Chromium::builder(scene.room.url(), ROOM, "alice").codec("VP8");
        browser.video(320, 180, 15).start().unwrap()
    };
    let alice = host.run(start);
    let mut recording = scene.record(&recorder, |_| {});
    recording.wait_for_frames(&["alice"], FRAMES);
    Some((scene, host, recorder, Recorder { recording, alice }))
}

/// Goes on for a while and ends; every part plays.
fn end(mut case: Recorder<Chromium>, parts: std::ops::RangeInclusive<usize>) {
    let since = case.recording.frames("alice");
    case.recording.wait_for_frames(&["alice"], since + FRAMES);
    let recorded = case.recording.finish();
    let files = &recorded.files["alice"];
    println!("{} parts", files.len());
    assert!(parts.contains(&files.len()), "{:#?}", recorded.manifest);
    for (path, report) in files {
        assert!(report.errors.is_empty(), "{}: {report:#?}", path.display());
    }
}

fn survives(what: &str, parts: std::ops::RangeInclusive<usize>, outage: impl FnOnce(&Host, &Host)) {
    if let Some((_scene, host, recorder, mut case)) = case() {
        outage(&host, &recorder);
        let (since, before) = (Instant::now(), case.recorded());
        case.is_back_after(&format!("Chromium: {what}"), before, since);
        end(case, parts);
    }
}

#[test]
fn a_recorder_whose_cable_was_out_gets_its_browser_back() {
    survives("the recorder's cable was out", 1..=2, |_, recorder| {
        recorder.set_connected(false);
        // The outage itself.
        sleep(OUTAGE);
        recorder.set_connected(true);
    });
}

#[test]
fn a_recorder_whose_packets_were_lost_gets_its_browser_back() {
    survives("the recorder's packets were lost", 1..=2, |_, recorder| {
        recorder.lose_everything_for(OUTAGE);
    });
}

#[test]
fn a_browser_whose_packets_were_lost_is_back() {
    survives("its packets were lost", 1..=2, |host, _| {
        host.lose_everything_for(OUTAGE);
    });
}

#[test]
fn a_browser_whose_udp_was_lost_is_back() {
    survives("UDP alone was lost", 2..=4, |host, _| {
        host.lose_udp_for(OUTAGE);
    });
}

#[test]
fn a_browser_that_restarts_ice_is_followed_or_gets_a_new_connection() {
    let Some((_scene, _host, _recorder, mut case)) = case() else {
        return;
    };
    let (session, frames) = case.recorded();
    let since = Instant::now();
    case.alice.restart_ice();
    // The native engine follows.
    let (frames, parts) = match is_native() {
        true => (frames + FRAMES, 1),
        false => (u64::MAX - 9, 2),
    };
    case.is_back_after("Chromium: it restarted ICE", (session, frames), since);
    end(case, parts..=parts);
}
