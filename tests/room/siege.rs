// SPDX-License-Identifier: MPL-2.0
//! Hostile clients do to the room server what they can, and the recorder of an honest room misses
//! nothing.

use std::time::{Duration, Instant};

use gst::prelude::*;
use vdoroom_testkit::{Codec, Folder, Publisher};

use crate::besiege::Siege;
use crate::crowd::resident_kib;
use crate::recording::{DEADLINE, Recording, assert_whole, init};
use crate::server;

/// All that the server's limits let hostile clients of some ten addresses fill.
const MEMORY_KIB: u64 = 256 * 1024;

#[test]
fn hostile_clients_cost_the_recorder_of_an_honest_room_nothing() {
    init();
    let folder = Folder::new();
    let (address, room_server) = server::start(&folder.0, "");
    let url = format!("ws://{address}");
    let source = gst::ElementFactory::make("vdoroomsrc")
        .property("server", &url)
        .property("room", "honest")
        .build()
        .unwrap();
    let mut recording = Recording::into_sink(source.clone(), |_, _| {});
    let publish = |name| {
        let person = Publisher::builder(&url, "honest", name).codec(Codec::Vp8);
        person.frame_rate(10).start().unwrap()
    };
    let alice = publish("alice");
    recording.wait_for_frames(&["alice"], 10);
    let siege = Siege::begin(address);
    let begun = Instant::now();
    let end = begun + crate::SIEGE;
    // Who comes meanwhile is recorded too.
    let bob = publish("bob");
    recording.wait_for_frames(&["bob"], 10);
    let mut most = 0;
    while Instant::now() < end {
        recording.read_bus(Duration::from_millis(100));
        most = most.max(resident_kib(room_server.pid()));
    }
    let deeds = siege.end();
    let joins = deeds["joins"] as f64 / begun.elapsed().as_secs_f64();
    eprintln!(
        "{:?}: {deeds:?}, {joins:.0} joins a second, server {most} KiB at most",
        crate::SIEGE
    );
    for (deed, times) in &deeds {
        assert!(*times > 5, "{deed}: {deeds:?}");
    }
    assert!(most < MEMORY_KIB, "{most} KiB");
    for person in [&alice, &bob] {
        person.wait_for_frames(20, DEADLINE).unwrap();
    }
    let stats: gst::Structure = source.property("stats");
    assert_eq!(stats.get::<u32>("reconnects"), Ok(0), "{stats}");
    let recorded = recording.finish_arrived(&[("alice", &alice), ("bob", &bob)]);
    for name in ["alice", "bob"] {
        assert_whole(name, recorded.only(name));
    }
}
