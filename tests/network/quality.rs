// SPDX-License-Identifier: MPL-2.0
//! How much a real browser sends: as much as its line takes and as was asked for.

use std::time::{Duration, Instant};

use gst::prelude::*;
use serde_json::Value;
use vdoroom_testkit::chromium::{self, Chromium, ChromiumBuilder};
use vdoroom_testkit::netns::{Host, Impairment};

use crate::recording::DEADLINE;
use crate::scene::{ROOM, Scene};

fn browser(
    scene: &Scene,
    host: &Host,
    set: impl FnOnce(ChromiumBuilder) -> ChromiumBuilder + Send,
) -> Chromium {
    assert!(chromium::is_installed(), "install the package chromium");
    let builder = Chromium::builder(scene.room.url(), ROOM, "alice").codec("VP8");
    let builder = set(builder);
    host.run(|| builder.start().unwrap())
}

/// How much the browser believes that its line takes, in bit/s.
fn estimates(event: &Value, believed: impl Fn(f64) -> bool) -> bool {
    event["event"] == "estimate" && event["bitsPerSecond"].as_f64().is_some_and(believed)
}

#[test]
fn a_browser_sends_720p_within_ten_seconds_over_a_free_line() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let [alice, recorder] = ["alice", "recorder"].map(|name| scene.internet.host(name));
    let mut recording = scene.record(&recorder, |_| {});
    let browser = browser(&scene, &alice, |b| b.video(1280, 720, 15));
    recording.wait("the first frame", |r| r.frames("alice") > 0);
    let start = Instant::now();
    let within = Duration::from_secs(10);
    let sends_720p = |event: &Value| event["event"] == "sending" && event["height"] == 720;
    browser.wait_for(within, sends_720p).unwrap();
    // It starts at 300 kbit/s, and needs feedback to find out that there is more.
    let fast = |event: &Value| estimates(event, |rate| rate > 1e6);
    browser
        .wait_for(within.saturating_sub(start.elapsed()), fast)
        .unwrap();
    eprintln!("720p and 1 Mbit/s within {:?}", start.elapsed());
    recording.finish();
}

#[test]
fn a_browser_backs_off_on_a_narrow_line_and_is_recorded() {
    const KILOBITS: u32 = 500;
    let Some(scene) = Scene::new() else {
        return;
    };
    let (alice, wire) = scene.internet.host_over("alice", Impairment::default());
    let recorder = scene.internet.host("recorder");
    let mut recording = scene.record(&recorder, |_| {});
    let browser = browser(&scene, &alice, |b| b.video(640, 360, 20));
    let fast = |event: &Value| estimates(event, |rate| rate > 1e6);
    browser.wait_for(DEADLINE, fast).unwrap();
    wire.set(Impairment {
        rate: KILOBITS,
        ..Default::default()
    });
    let narrowed = Instant::now();
    let slow = |event: &Value| estimates(event, |rate| rate < f64::from(KILOBITS) * 1200.0);
    browser.wait_for_next(DEADLINE, slow).unwrap();
    eprintln!("backed off after {:?}", narrowed.elapsed());
    let recorded = recording.frames("alice");
    recording.wait_for_frames(&["alice"], recorded + 60);
    recording.finish();
}

#[test]
fn a_browser_hears_which_bitrate_is_wanted() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let [alice, recorder] = ["alice", "recorder"].map(|name| scene.internet.host(name));
    let recording = scene.record(&recorder, |source| {
        source.set_property("video-bitrate", 1700u32)
    });
    let browser = browser(&scene, &alice, |b| b);
    for wanted in [1700, 900] {
        recording
            .source
            .set_property("video-bitrate", wanted as u32);
        let limited = |event: &Value| event["event"] == "limit" && event["kilobits"] == wanted;
        browser.wait_for(DEADLINE, limited).unwrap();
    }
    assert_eq!(browser.complaints(), Vec::<Value>::new());
    recording.finish();
}

#[test]
fn a_browser_sends_stereo() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let [alice, recorder] = ["alice", "recorder"].map(|name| scene.internet.host(name));
    let mut recording = scene.record(&recorder, |_| {});
    let _browser = browser(&scene, &alice, ChromiumBuilder::stereo);
    recording.wait_for_frames(&["alice"], 40);
    let recorded = recording.finish();
    let sides = loudness(&recorded.files["alice"][0].0);
    let [left, right] = sides.as_slice() else {
        panic!("two channels, not {sides:?}");
    };
    assert!(left - right > 20.0, "left {left} dB, right {right} dB");
}

/// Of each channel of a file, in dB, at its loudest.
fn loudness(file: &std::path::Path) -> Vec<f64> {
    let line = format!(
        "uridecodebin uri=file://{} expose-all-streams=false caps=audio/x-raw ! audioconvert \
         ! level ! fakesink sync=false",
        file.display()
    );
    let pipeline = gst::parse::launch(&line).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut loudest = Vec::new();
    for message in pipeline
        .bus()
        .unwrap()
        .iter_timed(gst::ClockTime::from_seconds(20))
    {
        match message.view() {
            gst::MessageView::Element(element) => {
                let rms = element
                    .structure()
                    .and_then(|s| s.get::<gst::glib::ValueArray>("rms").ok());
                let rms: Vec<f64> = rms
                    .iter()
                    .flat_map(|r| r.iter())
                    .flat_map(|v| v.get().ok())
                    .collect();
                loudest.resize(rms.len().max(loudest.len()), f64::MIN);
                for (before, now) in loudest.iter_mut().zip(rms) {
                    *before = before.max(now);
                }
            }
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => panic!("{file:?}: {error:?}"),
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    loudest
}
