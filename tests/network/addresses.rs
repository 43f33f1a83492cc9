// SPDX-License-Identifier: MPL-2.0
//! A room server with several addresses, one of which is a black hole: nothing comes from there, not
//! even a refusal.

use std::time::{Duration, Instant};

use vdoroom_testkit::{Folder, Launch};

use crate::recording::DEADLINE;
use crate::scene::Scene;

/// Less than a single attempt may take.
const SOON: Duration = Duration::from_secs(8);

#[test]
fn a_room_server_whose_first_address_is_a_black_hole_is_joined_soon() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let (alice, recorder) = (
        scene.internet.host("alice"),
        scene.internet.host("recorder"),
    );
    let room = &scene.room_host;
    room.block_tcp_over_ipv6();
    let _names = recorder.name_addresses("rooms.example", &[room.address_v6(), room.address()]);
    let folder = Folder::new();
    let url = scene.room.url();
    let (_, port) = url.rsplit_once(':').unwrap();
    let line = format!(
        "{recorder} getent ahosts rooms.example; exec {recorder} gst-launch-1.0 \
         vdoroomsrc server=ws://rooms.example:{port} room=r : fakesink",
        recorder = recorder.command(),
    );
    let _publisher = scene.publish(&alice, "alice", |alice| alice);
    let since = Instant::now();
    let mut program = Launch::shell(&folder.0, &line, |command| {
        command.env("GST_DEBUG", "vdoroomsrc:4");
        command.env("GST_DEBUG_NO_COLOR", "1");
    });
    program.wait_for_line("alice is in the room", SOON);
    println!("joined after {:?}", since.elapsed());
    program.signal("INT");
    let (_, printed) = program.wait(DEADLINE);
    // Otherwise nothing was shown.
    let first = printed.lines().find(|line| line.contains("STREAM"));
    let hole = room.address_v6().to_string();
    assert!(
        first.is_some_and(|first| first.contains(&hole)),
        "{printed}"
    );
}
