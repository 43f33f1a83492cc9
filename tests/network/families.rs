// SPDX-License-Identifier: MPL-2.0
//! Networks with addresses of one family only.

use vdoroom_testkit::netns::Family;

use crate::scene::Scene;

const FRAMES: u64 = 60;

fn records_with(family: Family) {
    let Some(scene) = Scene::of(family) else {
        return;
    };
    let host = |name| scene.internet.host_of(name, family);
    let (alice, recorder) = (host("alice"), host("recorder"));
    let publisher = scene.publish(&alice, "alice", |alice| alice);
    let mut recording = scene.record(&recorder, |_| {});
    recording.wait_for_frames(&["alice"], FRAMES);
    recording.finish_complete(&[("alice", &publisher)]);
}

#[test]
fn a_room_without_ipv6_is_recorded() {
    records_with(Family::Ipv4);
}

#[test]
fn a_room_without_ipv4_is_recorded() {
    records_with(Family::Ipv6);
}
