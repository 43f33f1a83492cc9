// SPDX-License-Identifier: MPL-2.0
//! People come, go, come back, and change; filters and limits.

use gst::prelude::*;
use vdoroom_testkit::check::size_in_header;
use vdoroom_testkit::{Codec, Dialect, Publisher, RoomServer};

use crate::recording::{DEADLINE, Recording, assert_whole};

const FRAMES: u64 = 45;

fn person(server: &RoomServer, name: &str, codec: Codec) -> Publisher {
    Publisher::builder(server.url(), "r", name)
        .codec(codec)
        .label(&format!("{name}'s label"))
        .start()
        .unwrap()
}

#[test]
fn a_fourth_joins_and_one_leaves_and_the_others_never_notice() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = person(&server, "alice", Codec::H264);
    let bob = person(&server, "bob", Codec::Vp8);
    let charlie = person(&server, "charlie", Codec::Vp9);
    recording.wait_for_frames(&["alice", "bob", "charlie"], FRAMES);

    let dora = person(&server, "dora", Codec::Vp8);
    recording.wait_for_frames(&["dora"], FRAMES);
    let of_bob = bob.sent();
    // What he has sent is not yet on its way.
    recording.wait_for_frames(&["bob"], of_bob.frames() as u64);
    bob.stop();
    recording.wait_for_news("roomfilesink-part-closed", "bob");
    recording.wait_for_news("vdoroom-stream-removed", "bob");
    let then = recording.frames("alice");
    recording.wait_for_frames(&["alice"], then + FRAMES);

    let stayed = [("alice", &alice), ("charlie", &charlie), ("dora", &dora)];
    let recorded = recording.finish_complete(&stayed);
    recorded.assert_whole(&["bob"]);
    recorded.assert_complete("bob", &of_bob);
}

#[test]
fn a_guest_who_reloads_gets_a_second_part() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = person(&server, "alice", Codec::H264);
    recording.wait_for_frames(&["alice"], FRAMES);
    alice.reload();
    recording.wait_for_news("roomfilesink-part-closed", "alice");
    recording.wait("the second part", |r| {
        let opened = |s: &&gst::Structure| s.name() == "roomfilesink-part-opened";
        r.news.iter().filter(opened).count() == 2 && r.frames("alice") >= FRAMES
    });
    let recorded = recording.finish();
    let parts = &recorded.files["alice"];
    assert_eq!(parts.len(), 2, "{parts:#?}");
    for (path, report) in parts {
        assert_whole(&path.display().to_string(), report);
    }
}

#[test]
fn a_browser_that_offers_its_tracks_one_by_one_gets_one_part() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = Publisher::builder(server.url(), "r", "alice")
        .codec(Codec::H264)
        .split_offers()
        .start()
        .unwrap();
    recording.wait_for_frames(&["alice"], FRAMES);
    recording.finish_complete(&[("alice", &alice)]);
}

#[test]
fn a_shared_screen_is_recorded_beside_the_camera() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = Publisher::builder(server.url(), "r", "alice")
        .codec(Codec::Vp8)
        .with_screen()
        .start()
        .unwrap();
    recording.wait_for_frames(&["alice"], FRAMES);
    assert!(recording.source.static_pad("screen_alice").is_some());
    let recorded = recording.finish();
    let closed = recorded.manifest.last().unwrap();
    let tracks = closed["tracks"].as_array().unwrap();
    let mut names: Vec<_> = tracks.iter().map(|track| &track["name"]).collect();
    names.sort_by_key(|name| name.to_string());
    assert_eq!(names, ["camera", "microphone", "screen"], "{closed}");
    drop(alice);
}

#[test]
fn the_header_has_the_largest_size_that_the_camera_sent() {
    const SIZES: [(i32, i32); 3] = [(320, 180), (640, 360), (160, 90)];
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = person(&server, "alice", Codec::Vp8);
    for (width, height) in SIZES {
        alice.resize(width, height);
        recording.wait(&format!("{width}x{height}"), |recording| {
            recording.size("alice") == Some((width, height))
        });
        let then = recording.frames("alice");
        recording.wait_for_frames(&["alice"], then + 15);
    }
    let recorded = recording.finish();
    let [(file, _)] = recorded.files["alice"].as_slice() else {
        panic!("one part, not {:#?}", recorded.files);
    };
    assert_eq!(size_in_header(file), Some((640, 360)));
    drop(alice);
}

#[test]
fn the_manifest_has_the_names_that_people_gave() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = person(&server, "alice", Codec::Vp8);
    recording.wait_for_frames(&["alice"], FRAMES);
    let recorded = recording.finish();
    let closed = recorded.manifest.last().unwrap();
    assert_eq!(closed["event"], "part-closed", "{closed}");
    assert_eq!(closed["label"], "alice's label", "{closed}");
    assert_eq!(closed["room"], "r", "{closed}");
    drop(alice);
}

#[test]
fn filters_keep_unwanted_people_out_and_cost_them_nothing() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("streams", gst::Array::new(["al*", "bob"]));
        source.set_property("exclude-streams", gst::Array::new(["?ob"]));
    });
    let bob = person(&server, "bob", Codec::Vp8);
    let zoe = person(&server, "zoe", Codec::Vp8);
    let alice = person(&server, "alice", Codec::Vp8);
    recording.wait_for_frames(&["alice"], FRAMES);
    assert_eq!((bob.viewers(), zoe.viewers()), (0, 0));

    // Wanted after all, while the room is recorded.
    recording
        .source
        .set_property("exclude-streams", gst::Array::new(["zoe"]));
    recording.wait_for_frames(&["bob"], FRAMES);
    let recorded = recording.finish_complete(&[("alice", &alice), ("bob", &bob)]);
    assert!(!recorded.files.contains_key("zoe"));
    drop(zoe);
}

#[test]
fn the_application_may_refuse_a_stream() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        source.connect("accept-stream", false, |values| {
            Some((values[1].get::<&str>() != Ok("bob")).to_value())
        });
    });
    let bob = person(&server, "bob", Codec::Vp8);
    let alice = person(&server, "alice", Codec::Vp8);
    recording.wait_for_frames(&["alice"], FRAMES);
    assert_eq!(bob.viewers(), 0);
    // The application changes its mind.
    recording.source.emit_by_name::<()>("play", &[&"bob"]);
    recording.wait_for_frames(&["bob"], FRAMES);
    recording.source.emit_by_name::<()>("stop", &[&"alice"]);
    alice.wait_for_no_viewer(DEADLINE).unwrap();
    let recorded = recording.finish_complete(&[("bob", &bob)]);
    recorded.assert_whole(&["alice"]);
}

#[test]
fn beyond_max_streams_people_wait_until_somebody_leaves() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("max-streams", 1u32);
    });
    let alice = person(&server, "alice", Codec::Vp8);
    recording.wait_for_frames(&["alice"], FRAMES);
    let bob = person(&server, "bob", Codec::Vp8);
    recording.wait_for_news("vdoroom-stream-added", "bob");
    assert_eq!(bob.viewers(), 0);
    alice.stop();
    recording.wait_for_frames(&["bob"], FRAMES);
    let recorded = recording.finish_complete(&[("bob", &bob)]);
    recorded.assert_whole(&["alice"]);
}

#[test]
fn audio_alone_when_no_video_is_wanted() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("receive-video", false);
    });
    let alice = person(&server, "alice", Codec::Vp8);
    recording.wait_for_frames(&["alice"], 100);
    let asked = alice.media_request().unwrap();
    assert_eq!(asked["video"], false, "{asked}");
    assert_eq!(asked["audio"], true, "{asked}");
    let recorded = recording.finish();
    let report = recorded.only("alice");
    assert!(
        report.video.is_none() && report.audio.is_some(),
        "{report:#?}"
    );
    let (file, _) = &recorded.files["alice"][0];
    assert_eq!(file.extension().and_then(|e| e.to_str()), Some("mka"));
}

#[test]
fn stopping_says_goodbye_and_keeps_the_file() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = person(&server, "alice", Codec::Vp8);
    recording.wait_for_frames(&["alice"], FRAMES);
    recording.stop();
    // Our `bye` ends the connection at once; a lost peer would be noticed much later.
    alice
        .wait_for_no_viewer(std::time::Duration::from_secs(2))
        .unwrap();
    recording.recorded().assert_whole(&["alice"]);
}
