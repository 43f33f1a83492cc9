// SPDX-License-Identifier: MPL-2.0
//! Both ends are behind symmetric NATs, so that nothing but a TURN server connects them.

use std::time::Instant;

use vdoroom_testkit::TurnServer;

use crate::recording::Recording;
use crate::recovery::AGAIN_WITHIN;
use crate::scene::{Scene, use_only_turn};
use crate::states::transport;

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
    recording.finish_complete(&[("alice", &publisher)]);
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

/// A second guest comes later, and is reached by the same servers.
#[test]
fn who_comes_later_is_reached_over_the_same_servers() {
    let Some((scene, turn)) = Scene::with_turn() else {
        return;
    };
    let recorder = scene.internet.host_behind_nat("recorder");
    let hosts = ["alice", "bob"].map(|name| (name, scene.internet.host_behind_nat(name)));
    let mut recording = scene.record(&recorder, |source| {
        use_only_turn(source, &[turn.url("udp")])
    });
    let stun = turn.stun_url().replace("stun:", "stun://");
    let mut publishers = Vec::new();
    for (name, host) in &hosts {
        publishers.push(scene.publish(host, name, |guest| guest.ice_server(&stun)));
        recording.wait_for_frames(&[name], FRAMES);
    }
    recording.finish_complete(&[("alice", &publishers[0]), ("bob", &publishers[1])]);
}

#[test]
fn a_relay_that_dies_is_replaced_by_another() {
    let Some((scene, first)) = Scene::with_turn() else {
        return;
    };
    let second = scene.turn("turn2");
    let alice = scene.internet.host("alice");
    let recorder = scene.internet.host_behind_nat("recorder");
    let publisher = scene.publish(&alice, "alice", |alice| alice);
    let urls = [first.url("udp"), second.url("udp")];
    let mut recording = scene.record(&recorder, |source| use_only_turn(source, &urls));
    recording.wait_for_frames(&["alice"], FRAMES);
    let used = |r: &Recording| relay_in_use(r, "alice");
    recording.wait("the relay in use", |r| used(r).is_some());
    let (dying, staying) = match used(&recording) == Some(first.ip()) {
        true => (first, second),
        false => (second, first),
    };
    let died = Instant::now();
    dying.kill();
    recording.wait("the other relay", |r| used(r) == Some(staying.ip()));
    let took = died.elapsed();
    println!("the relay died: the other one is used after {took:?}");
    assert!(took < AGAIN_WITHIN, "{took:?}");
    recording.wait_for_frames(&["alice"], FRAMES);
    drop(publisher);
    recording.finish();
}

/// The address of the relay that a stream's newest session uses.
fn relay_in_use(recording: &Recording, stream: &str) -> Option<String> {
    let local = transport(recording, stream)?;
    let local = local.get::<gst::Structure>("local-candidate").ok()?;
    local.get("address").ok()
}
