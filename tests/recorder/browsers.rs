// SPDX-License-Identifier: MPL-2.0
//! MP4 files play in two browsers from a plain web server, while they grow and when they are finished.

use vdoroom_testkit::{Browser, chromium, require};

use crate::media::{self, Media};
use crate::room::{Recorder, Sender, send_live_until, send_until};
use crate::web::{self, Server, Told};
use vdoroom_testkit::chromium::firefox::Firefox;

/// A browser that has opened this page, until it is dropped.
type Open = fn(&str) -> Box<dyn std::any::Any>;

fn chromium() -> Option<Open> {
    let is_there = chromium::is_installed();
    require::require(is_there, "no Chromium").then_some(|url| {
        let browser = Browser::start().unwrap();
        let page = browser.open(url).unwrap();
        Box::new((browser, page))
    })
}

fn firefox() -> Option<Open> {
    require::program("firefox-esr").then_some(|url| Box::new(Firefox::open(url).unwrap()))
}

fn number(told: &Told, name: &str) -> f64 {
    told[name]
        .parse()
        .unwrap_or_else(|_| panic!("{name}: {told:?}"))
}

/// It was played to its end, with video and audio.
fn assert_played(told: &Told, seconds: std::ops::Range<f64>) {
    assert!(
        seconds.contains(&number(told, "time")),
        "{seconds:?}: {told:?}"
    );
    assert_eq!(
        (told["width"].as_str(), told["height"].as_str()),
        ("320", "180")
    );
    assert_eq!(told["audio"], "true", "{told:?}");
    // A busy machine leaves out frames.
    assert!(number(told, "frames") >= 15.0, "{told:?}");
}

fn plays_finished(open: Open, video: &'static Media) {
    let mut recorder = Recorder::in_container("mp4");
    let mut video = Sender::named(&recorder, "video_alice", video);
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(3000, &mut [&mut video, &mut audio]);
    let parts = recorder.end();
    let server = Server::start(&recorder.folder.0);
    let _browser = open(&server.page(&web::name(&parts[0].file())));
    let told = server.wait_for("ended");
    assert_played(&told, 2.9..3.2);
    assert!((number(&told, "duration") - 3.0).abs() < 0.1, "{told:?}");
    let told = server.wait_for("seeked");
    assert!((number(&told, "time") - 1.0).abs() < 0.1, "{told:?}");
}

/// The browser opens a file of which three seconds are there, and four more come meanwhile.
fn plays_growing(open: Open) {
    let mut recorder = Recorder::in_container("mp4");
    let mut video = Sender::named(&recorder, "video_alice", media::h264());
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_live_until(3500, &mut [&mut video, &mut audio]);
    let part = recorder.next("part-opened");
    let server = Server::start(&recorder.folder.0);
    let page = server.page(&web::name(&part.file()));
    let told = std::thread::scope(|scope| {
        scope.spawn(|| send_live_until(9000, &mut [&mut video, &mut audio]));
        let _browser = open(&page);
        server.wait_for("ended")
    });
    assert_played(&told, 2.5..9.1);
    assert_eq!(recorder.end().len(), 1);
}

fn finished_in(open: Option<Open>) {
    let Some(open) = open else { return };
    for video in [
        media::h264(),
        media::h264_with_b_frames(),
        media::vp9(),
        media::av1(),
    ] {
        plays_finished(open, video);
    }
}

#[test]
fn finished_files_play_in_chromium() {
    finished_in(chromium());
}

#[test]
fn finished_files_play_in_firefox() {
    finished_in(firefox());
}

#[test]
fn a_file_that_grows_plays_in_chromium() {
    if let Some(open) = chromium() {
        plays_growing(open);
    }
}

#[test]
fn a_file_that_grows_plays_in_firefox() {
    if let Some(open) = firefox() {
        plays_growing(open);
    }
}
