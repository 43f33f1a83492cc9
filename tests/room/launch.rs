// SPDX-License-Identifier: MPL-2.0
//! The lines of the README, as a person runs them.

use std::time::Duration;

use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, RoomServer};

use crate::recording::{DEADLINE, assert_all_whole, interrupt, launch};

/// How long gst-launch may take to finalise every file.
const END: Duration = Duration::from_secs(2);

fn people(server: &RoomServer) -> Vec<Publisher> {
    let people = [
        ("alice", Codec::H264),
        ("bob", Codec::Vp8),
        ("charlie", Codec::Vp9),
    ];
    let start = |(name, codec)| {
        Publisher::builder(server.url(), "r", name)
            .codec(codec)
            .start()
    };
    people.map(|person| start(person).unwrap()).into()
}

/// Waits until so many people are being written.
fn wait_for_parts(launch: &mut Launch, count: usize) {
    for _ in 0..count {
        launch.wait_for_line("roomfilesink-part-opened", DEADLINE);
    }
}

#[test]
fn everybody_is_recorded_and_an_interrupt_finalises_every_file() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let mut launch = launch(&server, &folder);
    let people = people(&server);
    wait_for_parts(&mut launch, people.len());
    for person in &people {
        person.wait_for_frames(60, DEADLINE).unwrap();
    }
    assert_all_whole(&interrupt(launch, &folder, END), 3);
}

#[test]
fn a_guest_whose_connection_dies_ends_neither_the_room_nor_the_next_recording() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let mut launch = launch(&server, &folder);
    let alice = || {
        Publisher::builder(server.url(), "r", "alice")
            .codec(Codec::Vp8)
            .start()
            .unwrap()
    };
    for _ in 0..2 {
        let alice = alice();
        launch.wait_for_line("roomfilesink-part-opened", DEADLINE);
        alice.wait_for_frames(60, DEADLINE).unwrap();
        alice.crash();
        launch.wait_for_line("roomfilesink-part-closed", DEADLINE);
    }
    assert_all_whole(&interrupt(launch, &folder, END), 2);
}

#[test]
fn an_interrupt_ends_a_room_to_which_nobody_came() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let mut launch = launch(&server, &folder);
    launch.wait_for_line("Setting pipeline to PLAYING", DEADLINE);
    server
        .wait_for(DEADLINE, |entry| entry.text.contains("joinroom"))
        .unwrap();
    assert_all_whole(&interrupt(launch, &folder, END), 0);
}

#[test]
fn one_person_is_recorded_by_the_names_of_their_pads() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let mut launch = Launch::start(
        &folder.0,
        &format!(
            "-e -m vdoroomsrc server={} room=r name=r \
             r.video_alice ! queue ! h264parse ! mpegtsmux name=m latency=500000000 ! filesink async=false location=alice.ts \
             r.audio_alice ! queue ! m.",
            server.url()
        ),
    );
    let people = people(&server);
    launch.wait_for_line("vdoroom-stream-added", DEADLINE);
    people[0].wait_for_frames(120, DEADLINE).unwrap();
    assert_all_whole(&interrupt(launch, &folder, END), 1);
}
