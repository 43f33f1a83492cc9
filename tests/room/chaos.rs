// SPDX-License-Identifier: MPL-2.0
//! A guest who sends anything costs nobody a frame.

use std::time::{Duration, Instant};

use vdoroom_testkit::{Chaos, Codec, Dialect, Password, Publisher, RoomServer};

use crate::recording::{Recording, assert_whole};

const HONEST: [(&str, Codec); 3] = [
    ("alice", Codec::H264),
    ("bob", Codec::Vp8),
    ("carol", Codec::Vp8),
];

/// Behind a relay, where anybody can speak in anybody's name, and without a password.
#[test]
fn three_people_are_recorded_whole_beside_a_guest_who_sends_anything() {
    let server = RoomServer::start(Dialect::Relay);
    let mut recording = Recording::start(&server, "r", |source| {
        gst::prelude::ObjectExt::set_property(source, "password", "false");
    });
    let people = HONEST.map(|(name, codec)| {
        Publisher::builder(server.url(), "r", name)
            .dialect(Dialect::Relay)
            .password(Password::Off)
            .codec(codec)
            .frame_rate(10)
            .start()
            .unwrap()
    });
    let names = HONEST.map(|(name, _)| name);
    recording.wait_for_frames(&names, 10);
    let chaos = Chaos::start(server.url(), "r", &names, 1).unwrap();
    let end = Instant::now() + crate::CHAOS;
    while Instant::now() < end {
        recording.read_bus(Duration::from_millis(100));
    }
    let deeds = chaos.deeds();
    eprintln!("{deeds:?} {:?}", chaos.complaints());
    assert!(
        deeds.socket_messages > 100 && deeds.channel_messages > 100 && deeds.mangled_packets > 100,
        "{deeds:?}"
    );
    assert!(deeds.datagrams > 100, "{deeds:?}");
    drop(chaos);
    for person in &people {
        person
            .wait_for_frames(20, crate::recording::DEADLINE)
            .unwrap();
    }
    let sent: Vec<_> = names.into_iter().zip(&people).collect();
    let recorded = recording.finish_arrived(&sent);
    for name in names {
        assert_whole(name, recorded.only(name));
    }
    let told = recorded.complaints.len();
    assert!(
        told < 200,
        "{told} warnings: {:#?}",
        &recorded.complaints[..200]
    );
}
