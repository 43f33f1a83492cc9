// SPDX-License-Identifier: MPL-2.0
//! The room server goes and comes back; guests go and come back; networks fail. How long it takes
//! until a guest is recorded again is printed, and has a deadline.

use std::net::SocketAddr;
use std::time::Instant;

use gst::prelude::*;
use serde_json::json;
use vdoroom_testkit::log::LogEntry;
use vdoroom_testkit::server::Certificate;
use vdoroom_testkit::{Codec, Dialect, Folder, Publisher, RoomServer};

use crate::recording::{DEADLINE, Recorded, Recording, assert_whole, source};

const FRAMES: u64 = 20;

fn alice(server: &RoomServer) -> Publisher {
    guest(server, "alice")
}

fn guest(server: &RoomServer, name: &str) -> Publisher {
    Publisher::builder(server.url(), "r", name)
        .codec(Codec::Vp8)
        .frame_rate(10)
        .start()
        .unwrap()
}

fn wait_until(recording: &mut Recording, state: &str) {
    recording.wait(state, |r| r.stats().get("state") == Ok(state));
}

fn goes_on(recording: &mut Recording) {
    let then = recording.frames("alice");
    recording.wait_for_frames(&["alice"], then + FRAMES);
}

/// Waits for alice's next part, and tells how long that took.
fn recorded_again(recording: &mut Recording, what: &str, since: Instant, part: usize) {
    recording.wait("the next part", |r| r.parts_opened() == part);
    println!("{what}: recorded again after {:?}", since.elapsed());
    recording.wait_for_frames(&["alice"], FRAMES);
}

fn assert_parts(recorded: &Recorded, count: usize) {
    let parts = &recorded.files["alice"];
    assert_eq!(parts.len(), count, "{parts:#?}");
    for (path, report) in parts {
        assert_whole(&path.display().to_string(), report);
    }
}

fn serve(at: SocketAddr, certificate: Option<&Certificate>) -> RoomServer {
    let mut builder = RoomServer::builder().listen(at).logged();
    if let Some(certificate) = certificate {
        builder = builder.certificate(certificate.clone());
    }
    builder.start().unwrap()
}

#[test]
fn a_room_server_that_starts_again_with_an_empty_memory_interrupts_nobody() {
    let server = RoomServer::start(Dialect::Hosted);
    let address = server.address();
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = alice(&server);
    recording.wait_for_frames(&["alice"], FRAMES);
    server.stop();
    wait_until(&mut recording, "disconnected");
    goes_on(&mut recording);
    let server = serve(address, None);
    wait_until(&mut recording, "joined");
    // She comes back under another UUID, and is not asked for a second connection.
    let seeds = server.wait_for(DEADLINE, |entry| entry.text.contains("seed"));
    seeds.unwrap();
    goes_on(&mut recording);
    let played = |text: &str| text.contains("\"play\"");
    assert!(!server.log().iter().any(|entry| played(&entry.text)));
    recording.complaints.clear();
    recording.finish_complete(&[("alice", &alice)]);
}

#[test]
fn a_certificate_that_changes_is_told_and_interrupts_nobody() {
    let right = Certificate::loopback();
    let folder = Folder::new();
    let cafile = folder.0.join("ca.pem");
    std::fs::write(&cafile, &right.chain).unwrap();
    let server = serve(SocketAddr::from(([127, 0, 0, 1], 0)), Some(&right));
    let address = server.address();
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("cafile", cafile.to_str().unwrap());
    });
    let alice = Publisher::builder(server.url(), "r", "alice")
        .codec(Codec::Vp8)
        .frame_rate(10)
        .ca(&right.chain)
        .start()
        .unwrap();
    recording.wait_for_frames(&["alice"], FRAMES);
    server.stop();
    let server = serve(address, Some(&Certificate::loopback()));
    recording.wait("the complaint about the certificate", |r| {
        r.complaints.iter().any(|c| c.contains("TLS failed"))
    });
    goes_on(&mut recording);
    server.stop();
    let _server = serve(address, Some(&right));
    wait_until(&mut recording, "joined");
    goes_on(&mut recording);
    recording.complaints.clear();
    recording.finish_complete(&[("alice", &alice)]);
}

#[test]
fn a_server_that_accepts_and_never_answers_is_given_up_and_tried_again() {
    let server = RoomServer::start(Dialect::Hosted);
    server.faults(|faults| faults.ignore_handshakes = true);
    let mut recording = Recording::of(source(&server, "r"), Folder::new());
    recording.play();
    recording.wait("the complaint", |r| !r.complaints.is_empty());
    assert!(
        recording.complaints[0].contains("no answer within"),
        "{:?}",
        recording.complaints
    );
    server.faults(|faults| faults.ignore_handshakes = false);
    wait_until(&mut recording, "joined");
    recording.stop();
}

#[test]
fn guests_who_come_back_are_recorded_again_at_once() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let first = alice(&server);
    recording.wait_for_frames(&["alice"], FRAMES);

    let since = Instant::now();
    first.reload();
    recorded_again(&mut recording, "reload", since, 2);

    let since = Instant::now();
    first.reload_silently();
    recorded_again(&mut recording, "reload without a goodbye", since, 3);

    first.tell_viewers(json!({"bye": true}));
    recording.wait("the end of her part", |r| {
        r.stream("alice")
            .is_some_and(|s| s.get("state") == Ok("away"))
    });
    let since = Instant::now();
    first.reload();
    recorded_again(&mut recording, "back after a goodbye", since, 4);

    first.crash();
    let since = Instant::now();
    let second = alice(&server);
    recorded_again(&mut recording, "crash, and a new page at once", since, 5);

    let recorded = recording.finish();
    assert_parts(&recorded, 5);
    drop(second);
}

#[test]
fn a_guest_who_loses_only_the_websocket_stays_in_one_part() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = alice(&server);
    recording.wait_for_frames(&["alice"], FRAMES);
    alice.drop_socket();
    let seeds = |server: &RoomServer| {
        let log = server.log();
        log.iter().filter(|e| e.text.contains("\"seed\"")).count()
    };
    recording.wait("her way back", |_| seeds(&server) == 2);
    goes_on(&mut recording);
    recording.finish_complete(&[("alice", &alice)]);
    alice.wait_for_no_viewer(DEADLINE).unwrap();
}

#[test]
fn a_guest_without_tracks_is_left_in_peace() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("stream-timeout", 1000u32);
    });
    let _silent = Publisher::builder(server.url(), "r", "alice")
        .without_audio()
        .without_video()
        .start()
        .unwrap();
    recording.wait("the connection", |r| {
        r.stream("alice")
            .is_some_and(|s| s.get("state") == Ok("connected"))
    });
    let bob = Publisher::builder(server.url(), "r", "bob")
        .codec(Codec::Vp8)
        .frame_rate(10)
        .start()
        .unwrap();
    // Longer than the timeout.
    recording.wait_for_frames(&["bob"], 3 * 10);
    let sessions = recording
        .stream("alice")
        .unwrap()
        .get::<u32>("sessions-so-far");
    assert_eq!(sessions, Ok(1));
    recording.finish_complete(&[("bob", &bob)]);
}

/// She sends nothing, and her connection confirms our pings.
#[test]
fn a_guest_who_pauses_is_not_taken_for_gone() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let (alice, bob) = (alice(&server), guest(&server, "bob"));
    recording.wait_for_frames(&["alice", "bob"], FRAMES);
    let pause = |paused| {
        alice.pause_video(paused);
        alice.pause_audio(paused);
    };
    pause(true);
    let then = recording.frames("bob");
    recording.wait_for_frames(&["bob"], then + 5 * 10);
    let stalled = recording.stream("alice").unwrap();
    assert_eq!(stalled.get("state"), Ok("stalled"));
    pause(false);
    goes_on(&mut recording);
    let said = |entry: &LogEntry| entry.text.contains("\"bye\"");
    assert!(!server.log().iter().any(said), "{}", server.conversation());
    assert_eq!(recording.finish().files["alice"].len(), 1);
    drop((alice, bob));
}

#[test]
fn twelve_who_join_in_the_same_second_are_all_received_once() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    wait_until(&mut recording, "joined");
    let names: Vec<String> = (0..12).map(|n| format!("guest{n}")).collect();
    let person = |name: &String| {
        let builder = Publisher::builder(server.url(), "r", name);
        builder.without_video().start().unwrap()
    };
    let people: Vec<Publisher> = names.iter().map(person).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    recording.wait_for_frames(&names, 10);
    let played = server.log();
    let plays = played.iter().filter(|e| e.text.contains("\"play\""));
    assert_eq!(plays.count(), names.len());
    let recorded = recording.finish();
    for name in names {
        assert!(recorded.only(name).audio.is_some(), "{name}");
    }
    drop(people);
}
