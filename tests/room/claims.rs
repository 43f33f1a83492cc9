// SPDX-License-Identifier: MPL-2.0
//! Two who go by one ID, and who is moved from room to room.

use std::time::{Duration, Instant};

use gst::prelude::*;
use serde_json::json;
use vdoroom_testkit::log::Direction;
use vdoroom_testkit::server::Who;
use vdoroom_testkit::{Codec, Dialect, Publisher, RoomServer};

use crate::recording::{DEADLINE, Recording, assert_whole};

const FRAMES: u64 = 20;

fn person(server: &RoomServer, room: &str, name: &str, codec: Codec) -> Publisher {
    Publisher::builder(server.url(), room, name)
        .codec(codec)
        .frame_rate(10)
        .start()
        .unwrap()
}

/// Waits until the server has heard `count` publishers say who they are.
fn wait_for_publishers(server: &RoomServer, request: &str, count: usize) {
    let mut known = Vec::new();
    while known.len() < count {
        let newcomer = server.wait_for(DEADLINE, |entry| {
            entry.direction == Direction::Received
                && entry.text.contains(request)
                && entry.text.contains("streamID")
                && !known.contains(&entry.who)
        });
        known.push(newcomer.unwrap().who);
    }
}

fn relayed(server: &RoomServer, codec: Codec) -> Publisher {
    Publisher::builder(server.url(), "r", "alice")
        .codec(codec)
        .dialect(Dialect::Relay)
        .frame_rate(10)
        .start()
        .unwrap()
}

/// Says to everybody behind the relay that the recorder asks for an offer.
fn ask_for_offers(server: &RoomServer) {
    let is_ours = |text: &str| text.contains("joinroom") && !text.contains("streamID");
    let log = server.log();
    let join = log.iter().find(|entry| is_ours(&entry.text)).unwrap();
    let join: serde_json::Value = serde_json::from_str(&join.text).unwrap();
    let ask = json!({"request": "offerSDP", "from": join["from"]});
    server.say(Who::Everyone, ask);
}

#[test]
fn who_offers_under_a_taken_id_gets_a_part_and_the_person_loses_nothing() {
    let server = RoomServer::start(Dialect::Relay);
    server.faults(|faults| faults.allow_duplicate_streams = true);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property_from_str("dialect", "relay");
    });
    let alice = relayed(&server, Codec::Vp8);
    recording.wait_for_frames(&["alice"], FRAMES);
    let mallory = relayed(&server, Codec::H264);
    wait_for_publishers(&server, "joinroom", 2);
    ask_for_offers(&server);
    recording.wait("the newcomer's part", |r| r.parts_opened() == 2);
    mallory.wait_for_frames(FRAMES, DEADLINE).unwrap();
    let newcomers = mallory.frames_sent();
    // It leaves, and she goes on.
    mallory.stop();
    recording.wait_for_news("roomfilesink-part-closed", "alice");
    let pad = recording.source.static_pad("video_alice").unwrap();
    assert_eq!(pad.property::<u32>("session"), 1);
    alice.wait_for_frames(FRAMES, DEADLINE).unwrap();
    let sent = alice.frames_sent();
    let recorded = recording.finish();
    let [newcomer, person] = &recorded.files["alice"][..] else {
        panic!("two parts, not {:#?}", recorded.files);
    };
    for ((path, report), container, least) in [
        (newcomer, "MPEG-TS", newcomers.min(FRAMES)),
        (person, "Matroska", sent - 5),
    ] {
        assert_whole(&path.display().to_string(), report);
        assert!(
            report.container.as_deref().unwrap().contains(container),
            "{report:#?}"
        );
        let frames = report.video.as_ref().unwrap().frames_decoded;
        assert!(frames >= least, "{frames} of {least}: {report:#?}");
    }
}

#[test]
fn of_two_pages_with_one_id_one_is_recorded_and_the_other_takes_over() {
    let server = RoomServer::start(Dialect::Hosted);
    server.faults(|faults| faults.allow_duplicate_streams = true);
    let person = || person(&server, "r", "alice", Codec::Vp8);
    let mut pages = vec![person(), person()];
    // A page that comes when the other is connected already is another case: it gets a part.
    wait_for_publishers(&server, "seed", 2);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("stream-timeout", 1000u32);
    });
    recording.wait_for_frames(&["alice"], FRAMES);
    recording.wait("the first part", |r| r.parts_opened() == 1);
    let sends = pages.iter().position(|page| page.frames_sent() > 0);
    pages.remove(sends.unwrap()).crash();
    let since = Instant::now();
    recording.wait("the other page", |r| r.parts_opened() == 2);
    let took = since.elapsed();
    println!("crash, and another page of the same ID: recorded again after {took:?}");
    recording.wait_for_frames(&["alice"], FRAMES);
    let recorded = recording.finish();
    let parts = &recorded.files["alice"];
    assert_eq!(parts.len(), 2, "{parts:#?}");
    for (path, report) in parts {
        assert_whole(&path.display().to_string(), report);
    }
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// The name of the room of whoever joined last, as the server knows it.
fn newest_room(server: &RoomServer) -> String {
    let log = server.log();
    let mut joins = log.iter().rev().filter(|e| e.text.contains("joinroom"));
    let join: serde_json::Value = serde_json::from_str(&joins.next().unwrap().text).unwrap();
    join["roomid"].as_str().unwrap().to_owned()
}

#[test]
fn a_recorder_that_is_moved_records_the_other_room() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = person(&server, "r", "alice", Codec::Vp8);
    recording.wait_for_frames(&["alice"], FRAMES);
    let bob = person(&server, "q", "bob", Codec::Vp8);
    wait_for_publishers(&server, "seed", 2);
    server.transfer(Who::Viewers, &newest_room(&server));
    let since = Instant::now();
    recording.wait_for_news("roomfilesink-part-opened", "bob");
    println!(
        "recorder moved to another room: recorded again after {:?}",
        since.elapsed()
    );
    assert!(since.elapsed() < Duration::from_secs(3));
    recording.wait_for_news("roomfilesink-part-closed", "alice");
    recording.wait_for_frames(&["bob"], FRAMES);
    let recorded = recording.finish_complete(&[("bob", &bob)]);
    recorded.assert_whole(&["alice"]);
    drop(alice);
}

#[test]
fn a_guest_who_is_moved_into_the_room_is_recorded_at_once() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = person(&server, "r", "alice", Codec::Vp8);
    recording.wait_for_frames(&["alice"], 1);
    let room = newest_room(&server);
    let bob = person(&server, "q", "bob", Codec::Vp8);
    wait_for_publishers(&server, "seed", 2);
    server.transfer(Who::stream("bob"), &room);
    let since = Instant::now();
    recording.wait_for_news("roomfilesink-part-opened", "bob");
    println!(
        "guest moved into the room: recorded after {:?}",
        since.elapsed()
    );
    assert!(since.elapsed() < Duration::from_secs(3));
    recording.wait_for_frames(&["alice", "bob"], FRAMES);
    recording.finish_complete(&[("alice", &alice), ("bob", &bob)]);
}

#[test]
fn a_server_that_does_not_want_us_ends_nothing_and_is_told_once_the_media_is_over() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = person(&server, "r", "alice", Codec::Vp8);
    recording.wait_for_frames(&["alice"], FRAMES);
    server.alert(Who::Viewers, "Client not approved");
    recording.wait("the warning", |r| r.complaints.len() == 1);
    let then = recording.frames("alice");
    recording.wait_for_frames(&["alice"], then + FRAMES);
    alice.stop();
    recording.wait("the error", |r| r.complaints.len() == 2);
    let told = recording.complaints.clone();
    assert!(told.iter().all(|c| c.contains("not approved")), "{told:?}");
    recording.stop();
    let recorded = recording.recorded();
    assert_whole("alice", recorded.only("alice"));
}
