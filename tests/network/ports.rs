// SPDX-License-Identifier: MPL-2.0
//! The local ports that connections take.

use std::ops::RangeInclusive;

use gst::prelude::*;
use vdoroom_testkit::by_webrtcbin;
use vdoroom_testkit::netns::Family;

use crate::recording::Recording;
use crate::scene::Scene;
use crate::states::transport;

const FRAMES: u64 = 30;

pub fn use_ports(source: &gst::Element, ports: &RangeInclusive<u16>) {
    source.set_property("min-rtp-port", u32::from(*ports.start()));
    source.set_property("max-rtp-port", u32::from(*ports.end()));
}

fn port_in_use(recording: &Recording, stream: &str) -> Option<u16> {
    let local = transport(recording, stream)?.get::<gst::Structure>("local-candidate");
    u16::try_from(local.ok()?.get::<u32>("port").ok()?).ok()
}

#[test]
fn all_connections_keep_to_the_range_of_ports() {
    let Some(scene) = Scene::new() else {
        return;
    };
    // Each connection takes one port, of all addresses.
    let ports = 50_000..=50_001;
    let (guests, recorder) = (
        scene.internet.host("guests"),
        scene.internet.host("recorder"),
    );
    let _people = ["alice", "bob"].map(|name| scene.publish(&guests, name, |guest| guest));
    let mut recording = scene.record(&recorder, |source| use_ports(source, &ports));
    recording.wait_for_frames(&["alice", "bob"], FRAMES);
    let used = |r: &Recording| ["alice", "bob"].map(|name| port_in_use(r, name));
    recording.wait("the ports in use", |r| used(r).iter().all(Option::is_some));
    for port in used(&recording).into_iter().flatten() {
        assert!(ports.contains(&port), "{port} is not in {ports:?}");
    }
    let open = recorder.udp_ports();
    assert!(!open.is_empty());
    assert!(
        open.iter().all(|port| ports.contains(port)),
        "{open:?} are not all in {ports:?}"
    );
    recording.stop();
    assert_eq!(recorder.udp_ports(), Vec::<u16>::new(), "sockets are left");
}

#[test]
fn a_guest_for_whom_no_port_is_free_is_named_and_recorded_when_one_is() {
    let Some(scene) = Scene::of(Family::Ipv4) else {
        return;
    };
    let host = |name| scene.internet.host_of(name, Family::Ipv4);
    let (guests, recorder) = (host("guests"), host("recorder"));
    let ports = 50_000..=50_000;
    let mut recording = scene.record(&recorder, |source| {
        by_webrtcbin(source);
        use_ports(source, &ports);
        source.set_property("max-streams", 2u32);
        // A goodbye may get lost.
        source.set_property("stream-timeout", 2_000u32);
    });
    let publish = |name| scene.publish(&guests, name, |guest| guest);
    let alice = publish("alice");
    recording.wait_for_frames(&["alice"], FRAMES);
    let bob = publish("bob");
    recording.wait("a second complaint", |r| r.complaints.len() > 1);
    let [at_the_start, said] = &recording.complaints[..] else {
        panic!("{:#?}", recording.complaints);
    };
    assert!(at_the_start.contains("max-streams is 2"), "{at_the_start}");
    for part in ["\"bob\"", "50000 to 50000", "min-rtp-port"] {
        assert!(said.contains(part), "\"{part}\" is not in: {said}");
    }
    alice.stop();
    recording.wait_for_frames(&["bob"], FRAMES);
    assert_eq!(recording.complaints.len(), 2, "{:#?}", recording.complaints);
    drop(bob);
}

#[test]
fn a_range_that_is_none_is_an_error_at_the_start() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let source = crate::recording::source(&scene.room, "r");
    source.set_property("min-rtp-port", 50_001u32);
    source.set_property("max-rtp-port", 50_000u32);
    let mut recording = Recording::of(source, vdoroom_testkit::Folder::new());
    assert!(recording.pipeline.set_state(gst::State::Playing).is_err());
    recording.wait("an error", |r| !r.complaints.is_empty());
    let said = recording.complaints.join("\n");
    assert!(
        said.contains("min-rtp-port=50001") && said.contains("max-rtp-port=50000"),
        "{said}"
    );
}
