// SPDX-License-Identifier: MPL-2.0
//! Publishers who are connected and send nothing, for a while or not at all.

use std::time::{Duration, Instant};

use gst::prelude::*;
use vdoroom_testkit::{Codec, Dialect, Publisher, RoomServer};

use crate::recording::{DEADLINE, Recording, assert_whole, structures};

const FRAMES: u64 = 20;

fn alice(server: &RoomServer) -> Publisher {
    Publisher::builder(server.url(), "r", "alice")
        .codec(Codec::Vp8)
        .frame_rate(10)
        .start()
        .unwrap()
}

fn pause(publisher: &Publisher, paused: bool) {
    publisher.pause_video(paused);
    publisher.pause_audio(paused);
}

fn wait_until(recording: &mut Recording, state: &str) {
    recording.wait(state, |r| {
        r.stream("alice")
            .is_some_and(|s| s.get("state") == Ok(state))
    });
}

/// Sums up what this counter says of the tracks of alice's newest session.
fn counted(recording: &Recording, counter: &str) -> u64 {
    let stream = recording.stream("alice").unwrap();
    let sessions = structures(&stream, "sessions");
    let tracks = structures(sessions.last().unwrap(), "tracks");
    tracks.iter().map(|t| t.get::<u64>(counter).unwrap()).sum()
}

#[test]
fn what_comes_after_a_pause_is_not_taken_for_lost() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = alice(&server);
    recording.wait_for_frames(&["alice"], FRAMES);
    for _ in 0..2 {
        pause(&alice, true);
        wait_until(&mut recording, "stalled");
        pause(&alice, false);
        wait_until(&mut recording, "flowing");
    }
    let then = recording.frames("alice");
    recording.wait_for_frames(&["alice"], then + FRAMES);
    let missed = (counted(&recording, "lost"), counted(&recording, "late"));
    assert_eq!(missed, (0, 0), "lost and late: {:#?}", recording.stats());
    assert_eq!(recording.finish().files["alice"].len(), 1);
}

#[test]
fn who_stops_sending_is_connected_anew_and_recorded_once_it_sends_again() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("stream-timeout", 2000u32);
    });
    let alice = alice(&server);
    // Her audio may be there before her video.
    alice.wait_for_frames(FRAMES, DEADLINE).unwrap();
    recording.wait_for_frames(&["alice"], FRAMES);
    pause(&alice, true);
    recording.wait_for_news("roomfilesink-part-closed", "alice");
    wait_until(&mut recording, "connected");
    let since = Instant::now();
    pause(&alice, false);
    recording.wait("the next part", |r| r.parts_opened() == 2);
    let took = since.elapsed();
    println!("media came back after the timeout: recorded again after {took:?}");
    recording.wait_for_frames(&["alice"], FRAMES);
    let stream = recording.stream("alice").unwrap();
    assert_eq!(stream.get::<u32>("sessions-so-far"), Ok(2), "{stream:#?}");
    let recorded = recording.finish();
    assert_eq!(recorded.files["alice"].len(), 2);
    for (path, report) in &recorded.files["alice"] {
        assert_whole(&path.display().to_string(), report);
    }
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn who_offers_media_and_sends_none_is_left_in_peace_until_it_does() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("stream-timeout", 1000u32);
    });
    let alice = alice(&server);
    pause(&alice, true);
    wait_until(&mut recording, "connected");
    // Somebody else is recorded for longer than the timeout meanwhile.
    let bob = Publisher::builder(server.url(), "r", "bob")
        .codec(Codec::Vp8)
        .frame_rate(10)
        .start()
        .unwrap();
    recording.wait_for_frames(&["bob"], 45);
    let since = Instant::now();
    pause(&alice, false);
    recording.wait_for_news("roomfilesink-part-opened", "alice");
    let took = since.elapsed();
    println!("media that begins late: recorded after {took:?}");
    recording.wait_for_frames(&["alice"], FRAMES);
    let stream = recording.stream("alice").unwrap();
    assert_eq!(stream.get::<u32>("sessions-so-far"), Ok(1), "{stream:#?}");
    recording.finish_complete(&[("alice", &alice), ("bob", &bob)]);
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_pipeline_that_is_paused_for_longer_than_the_timeout_keeps_who_is_there_and_lets_others_in() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("stream-timeout", 2000u32);
    });
    let alice = alice(&server);
    recording.wait_for_frames(&["alice"], FRAMES);
    recording.pipeline.set_state(gst::State::Paused).unwrap();
    let bob = Publisher::builder(server.url(), "r", "bob")
        .codec(Codec::Vp8)
        .frame_rate(10)
        .start()
        .unwrap();
    bob.wait_for_viewer(DEADLINE).unwrap();
    // They send for more than twice the timeout.
    alice.wait_for_frames(45, DEADLINE).unwrap();
    let sessions = |recording: &Recording, name| {
        let stream = recording.stream(name).unwrap();
        stream.get::<u32>("sessions-so-far").unwrap()
    };
    let in_pause = ["alice", "bob"].map(|name| sessions(&recording, name));
    assert_eq!(in_pause, [1, 1], "{:#?}", recording.stats());
    recording.play();
    recording.wait("new connections", |r| {
        ["alice", "bob"].iter().all(|name| sessions(r, name) == 2)
    });
    recording.wait_for_frames(&["alice", "bob"], FRAMES);
    let recorded = recording.finish();
    assert_eq!(recorded.complaints, Vec::<String>::new());
    let parts = ["alice", "bob"].map(|name| &recorded.files[name]);
    assert_eq!(parts.map(Vec::len), [2, 1], "{:#?}", recorded.files);
    for (path, report) in parts.into_iter().flatten() {
        assert_whole(&path.display().to_string(), report);
    }
}
