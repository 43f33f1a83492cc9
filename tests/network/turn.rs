// SPDX-License-Identifier: MPL-2.0
//! Both ends are behind symmetric NATs, so that nothing but a TURN server connects them.

use crate::scene::{Scene, use_only_turn};
use vdoroom_test_support::TurnServer;

const FRAMES: u64 = 60;

fn records_over(url: impl Fn(&TurnServer) -> String) {
    let Some((scene, turn)) = Scene::with_turn() else {
        return;
    };
    let alice = scene.internet.host_behind_nat("alice");
    let recorder = scene.internet.host_behind_nat("recorder");
    let publisher = scene.publish(&alice, "alice", |alice| {
        alice.ice_server(&turn.stun_url().replace("stun:", "stun://"))
    });
    let mut recording = scene.record(&recorder, |source| {
        use_only_turn(source, &[url(&turn)]);
        gst::prelude::ObjectExt::set_property(source, "cafile", turn.cafile().to_str().unwrap());
    });
    recording.wait_for_frames(&["alice"], FRAMES);
    let recorded = recording.finish();
    recorded.assert_whole(&["alice"]);
    drop(publisher);
}

#[test]
fn two_symmetric_nats_are_crossed_by_a_relay_over_udp() {
    records_over(|turn| turn.url("udp"));
}

#[test]
fn two_symmetric_nats_are_crossed_by_a_relay_over_tcp() {
    records_over(|turn| turn.url("tcp"));
}

#[test]
fn two_symmetric_nats_are_crossed_by_a_relay_over_tls() {
    records_over(TurnServer::tls_url);
}
