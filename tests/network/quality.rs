// SPDX-License-Identifier: MPL-2.0
//! How much a real browser sends: as much as its line takes and as was asked for.

use std::time::{Duration, Instant};

use serde_json::Value;
use vdoroom_test_support::chromium::{self, Chromium, ChromiumBuilder};
use vdoroom_test_support::netns::{Host, Impairment};

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

/// Bits per second of the video, from two reports of the page.
fn rate(events: &[Value]) -> Option<f64> {
    let sent = |event: &&Value| event["event"] == "track" && event["kind"] == "video";
    let bytes: Vec<f64> = events
        .iter()
        .filter(sent)
        .filter_map(|event| event["bytesSent"].as_f64())
        .collect();
    let [.., before, _, _, last] = bytes.as_slice() else {
        return None;
    };
    Some((last - before) * 8.0 / 3.0)
}

#[test]
fn a_browser_sends_720p_within_ten_seconds_over_a_free_line() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let [alice, recorder] = ["alice", "recorder"].map(|name| scene.internet.host(name));
    let mut recording = scene.record(&recorder, |_| {});
    let browser = browser(&scene, &alice, |b| b.picture(1280, 720, 30));
    recording.wait("the first picture", |r| r.frames("alice") > 0);
    let start = Instant::now();
    let sends_720p = |event: &Value| event["event"] == "sending" && event["height"] == 720;
    browser
        .wait_for(Duration::from_secs(6), sends_720p)
        .unwrap();
    let full = start.elapsed();
    recording.wait("a rate that only feedback leads to", |_| {
        eprintln!(
            "{:?} {:?} {:?}",
            rate(&browser.events()),
            browser
                .events()
                .iter()
                .rfind(|e| e["event"] == "estimate")
                .map(|e| e["bitsPerSecond"].clone()),
            browser
                .events()
                .iter()
                .rfind(|e| e["event"] == "sending" && e["kind"] == "video")
                .map(|e| (e["width"].clone(), e["framesSent"].clone()))
        );
        rate(&browser.events()) > Some(1e6)
    });
    eprintln!(
        "720p after {full:?}, 1 Mbit/s after {:?}, {:?} bit/s, {:?}",
        start.elapsed(),
        rate(&browser.events()),
        browser.events().iter().rfind(|e| e["event"] == "estimate")
    );
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
    let browser = browser(&scene, &alice, |b| b.picture(640, 360, 20));
    recording.wait("more than the line will take", |_| {
        rate(&browser.events()) > Some(f64::from(KILOBITS) * 1200.0)
    });
    wire.set(Impairment {
        rate: KILOBITS,
        ..Default::default()
    });
    let narrowed = Instant::now();
    let events = browser.events().len();
    recording.wait("less than the line takes", |_| {
        rate(&browser.events()[events..]).is_some_and(|rate| rate < f64::from(KILOBITS) * 1000.0)
    });
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
    let mut recording = scene.record(&recorder, |source| {
        gst::prelude::ObjectExt::set_property(source, "video-bitrate", 700u32);
    });
    let browser = browser(&scene, &alice, |b| b.picture(640, 360, 20));
    let limited = |event: &Value| event["event"] == "limit" && event["kilobits"] == 700;
    browser.wait_for(DEADLINE, limited).unwrap();
    recording.wait("a rate near the one asked for", |_| {
        rate(&browser.events()).is_some_and(|rate| (400e3..850e3).contains(&rate))
    });
    gst::prelude::ObjectExt::set_property(&recording.source, "video-bitrate", 300u32);
    recording.wait("the rate that was asked for later", |_| {
        rate(&browser.events()).is_some_and(|rate| rate < 360e3)
    });
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
    recording.wait_for_frames(&["alice"], 60);
    let recorded = recording.finish();
    let sides = loudness(&recorded.files["alice"][0].0);
    let [left, right] = sides.as_slice() else {
        panic!("two channels, not {sides:?}");
    };
    assert!(left - right > 20.0, "left {left} dB, right {right} dB");
}

/// Of each channel of a file, in dB, at its loudest.
fn loudness(file: &std::path::Path) -> Vec<f64> {
    use gst::prelude::*;
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
