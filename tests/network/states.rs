// SPDX-License-Identifier: MPL-2.0
//! What one can see of a connection, and what is said of one that is not made.

use std::time::Duration;

use gst::prelude::*;
use vdoroom_test_support::netns::Impairment;
use vdoroom_test_support::turn;

use crate::recording::Recording;
use crate::scene::{Scene, use_only_turn};

/// `transport` of a stream's newest session in `stats`.
pub fn transport(recording: &Recording, stream: &str) -> Option<gst::Structure> {
    let sessions = recording
        .stream(stream)?
        .get::<gst::Array>("sessions")
        .ok()?;
    let newest = sessions.last()?.get::<gst::Structure>().ok()?;
    newest.get("transport").ok()
}

fn kind_of(transport: &gst::Structure, side: &str) -> Option<String> {
    let candidate = transport.get::<gst::Structure>(side).ok()?;
    candidate.get("type").ok()
}

#[test]
fn the_way_that_media_takes_is_shown() {
    let Some((scene, turn)) = Scene::with_turn() else {
        return;
    };
    let alice = scene.internet.host("alice");
    let recorder = scene.internet.host_behind_nat("recorder");
    let _publisher = scene.publish(&alice, "alice", |alice| alice);
    let mut recording = scene.record(&recorder, |source| {
        use_only_turn(source, &[turn.url("udp")])
    });
    recording.wait("the candidate pair and the round trip", |r| {
        transport(r, "alice").is_some_and(|shown| {
            kind_of(&shown, "local-candidate").is_some()
                && shown.get::<u64>("round-trip-time").is_ok()
        })
    });
    let shown = transport(&recording, "alice").unwrap();
    assert_eq!(
        kind_of(&shown, "local-candidate").as_deref(),
        Some("relay"),
        "{shown}"
    );
    assert_eq!(
        kind_of(&shown, "remote-candidate").as_deref(),
        Some("host"),
        "{shown}"
    );
    let round_trip = Duration::from_nanos(shown.get("round-trip-time").unwrap());
    assert!(round_trip < Duration::from_secs(5), "{shown}");
    recording.wait("all layers", |r| {
        transport(r, "alice").is_some_and(|shown| {
            ["dtls", "connection"]
                .iter()
                .all(|l| shown.get::<&str>(*l) == Ok("connected"))
        })
    });
    assert!(recording.heard("vdoroom-connection", "alice"));
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

#[test]
fn the_round_trip_of_a_slow_wire_is_shown() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let delay = Duration::from_millis(50);
    let (alice, _wire) = scene.internet.host_over(
        "alice",
        Impairment {
            delay,
            ..Default::default()
        },
    );
    let recorder = scene.internet.host("recorder");
    let _publisher = scene.publish(&alice, "alice", |alice| alice);
    let mut recording = scene.record(&recorder, |_| {});
    let round_trip = |r: &Recording| transport(r, "alice")?.get::<u64>("round-trip-time").ok();
    recording.wait("the round trip", |r| round_trip(r).is_some());
    let shown = Duration::from_nanos(round_trip(&recording).unwrap());
    assert!(shown >= 2 * delay, "{shown:?}");
}
