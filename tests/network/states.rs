// SPDX-License-Identifier: MPL-2.0
//! What one can see of a connection.

use std::time::Duration;

use vdoroom_testkit::netns::{Family, Impairment};
use vdoroom_testkit::{Folder, Launch};

use crate::recording::{DEADLINE, Recording};
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
    for side in ["local-candidate", "remote-candidate"] {
        let candidate = shown.get::<gst::Structure>(side).unwrap();
        assert_eq!(candidate.get::<&str>("protocol"), Ok("udp"), "{shown}");
    }
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

/// Each change is a line of its own in the log, at the level that the manual names.
#[test]
fn every_state_is_one_line_of_the_log() {
    let Some(scene) = Scene::of(Family::Ipv4) else {
        return;
    };
    let host = |name| scene.internet.host_of(name, Family::Ipv4);
    let (alice, recorder) = (host("alice"), host("recorder"));
    let folder = Folder::new();
    let line = format!(
        "exec {} gst-launch-1.0 vdoroomsrc server={} room=r : roomfilesink location=rec",
        recorder.command(),
        scene.room.url()
    );
    let mut program = Launch::shell(&folder.0, &line, |command| {
        command.env("GST_DEBUG", "vdoroomsrc:4");
        command.env("GST_DEBUG_NO_COLOR", "1");
    });
    let _publisher = scene.publish(&alice, "alice", |alice| alice);
    program.wait_for_line("alice: from host", DEADLINE);
    program.signal("INT");
    let (_, printed) = program.wait(DEADLINE);
    let (ours, theirs) = (recorder.address(), alice.address());
    let pair = format!("alice: from host {ours} port ");
    for line in [
        "alice: gathering gathering",
        "alice: gathering complete",
        "alice: ice checking",
        "alice: ice connected",
        "alice: dtls connecting",
        "alice: dtls connected",
        "alice: connection connecting",
        "alice: connection connected",
        "alice: round trip ",
        &pair,
    ] {
        let lines: Vec<_> = printed.lines().filter(|l| l.contains(line)).collect();
        let [line] = lines[..] else {
            panic!("\"{line}\" is on {} lines:\n{printed}", lines.len());
        };
        assert!(line.contains(" INFO "), "{line}");
    }
    assert!(
        printed.contains(&format!("to host {theirs} port ")),
        "{printed}"
    );
}

#[test]
fn without_an_answer_there_is_no_round_trip() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let (alice, recorder) = (
        scene.internet.host("alice"),
        scene.internet.host("recorder"),
    );
    let publisher = scene.publish(&alice, "alice", |alice| alice.without_pongs());
    let mut recording = scene.record(&recorder, |_| {});
    let pinged = || {
        let log = publisher.log();
        log.iter().any(|entry| entry.text.contains("\"ping\":"))
    };
    recording.wait("a ping", |_| pinged());
    recording.wait_for_frames(&["alice"], 45);
    let shown = transport(&recording, "alice").unwrap();
    assert!(shown.has_field("connection"), "{shown}");
    assert!(!shown.has_field("round-trip-time"), "{shown}");
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
