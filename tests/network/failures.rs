// SPDX-License-Identifier: MPL-2.0
//! What is said of connections that are not made.

use gst::prelude::*;
use vdoroom_testkit::turn;

use crate::scene::{Scene, use_only_turn};

#[test]
fn who_cannot_be_reached_is_told_with_the_stage_and_what_to_check() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let far = scene.internet.host_behind_nat("far");
    let (mute, deaf) = (scene.internet.host("mute"), scene.internet.host("deaf"));
    deaf.block_dtls();
    let recorder = scene.internet.host_behind_nat("recorder");
    let _people = [
        scene.publish(&far, "far", |guest| guest),
        scene.publish(&mute, "mute", |guest| guest.with_hidden_addresses()),
        scene.publish(&deaf, "deaf", |guest| guest),
    ];
    let mut recording = scene.record(&recorder, |_| {});
    let told = [
        ("far", ["with local addresses alone", "stun-server"]),
        ("mute", ["no usable ICE candidates", "mDNS"]),
        ("deaf", ["ICE is connected", "DTLS is \"connecting\""]),
    ];
    recording.wait("three complaints", |r| r.complaints.len() == told.len());
    for (name, parts) in told {
        let name = format!("\"{name}\"");
        let mut complaints = recording.complaints.iter();
        let said = complaints.find(|said| said.contains(&name));
        let said = said.unwrap_or_else(|| panic!("{name}: {:#?}", recording.complaints));
        for part in parts {
            assert!(said.contains(part), "\"{part}\" is not in: {said}");
        }
    }
}

#[test]
fn wrong_credentials_are_told_with_the_answer_of_the_turn_server() {
    let Some((scene, turn)) = Scene::with_turn() else {
        return;
    };
    let alice = scene.internet.host_behind_nat("alice");
    let recorder = scene.internet.host_behind_nat("recorder");
    let _publisher = scene.publish(&alice, "alice", |alice| alice);
    let mut recording = scene.record(&recorder, |source| {
        use_only_turn(source, &[turn.url("udp")]);
        source.set_property("turn-password", "open");
    });
    recording.wait("a complaint", |r| !r.complaints.is_empty());
    let said = recording.complaints.join("\n");
    for part in ["401", "turn-password", &turn.url("udp")] {
        assert!(said.contains(part), "\"{part}\" is not in: {said}");
    }
    assert!(
        !said.contains(turn::PASSWORD) && !said.contains("open"),
        "{said}"
    );
}
