// SPDX-License-Identifier: MPL-2.0
//! What publishers tell of their addresses, and when.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use vdoroom_testkit::netns::Family;
use vdoroom_testkit::publisher::Moment;
use vdoroom_testkit::server::Candidates;
use vdoroom_testkit::{Flavour, Internet, Publisher};

use crate::ports::use_ports;
use crate::recording::DEADLINE;
use crate::scene::{Scene, use_only_turn};

const FRAMES: u64 = 45;

/// In which forms candidates come: many in a message, lists of one, and single ones.
const FORMS: [(&str, Flavour); 3] = [
    ("browser", Flavour::Browser),
    ("raspberry", Flavour::Raspberry),
    ("obs", Flavour::Obs),
];

/// A socket at which nobody is, and the candidate that leads there.
fn decoy(internet: &Internet, name: &str) -> (UdpSocket, String) {
    let host = internet.host(name);
    let socket = host.run(|| UdpSocket::bind(host.port(9000)).unwrap());
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let candidate = format!(
        "candidate:77 1 UDP 2130706431 {} 9000 typ host",
        host.address()
    );
    (socket, candidate)
}

/// Every publisher names an address that it does not have, at this moment. The recorder's ICE agent
/// tries all that it is told of, unless it finds a way in that very moment: so it finds none before,
/// except to the channel.
fn every_form_reaches_the_agent(moment: Moment, order: Candidates) {
    let Some(scene) = Scene::of(Family::Ipv4) else {
        return;
    };
    scene.room.faults(|faults| faults.candidates = order);
    let host = |name| scene.internet.host_of(name, Family::Ipv4);
    let (guests, recorder) = (host("guests"), host("recorder"));
    let is_connected = moment == Moment::OverTheChannel;
    if !is_connected {
        recorder.block_udp("!= 0");
    }
    let mut recording = scene.record(&recorder, |_| {});
    let tell = |(name, flavour): (&'static str, Flavour)| {
        let (decoy, candidate) = decoy(&scene.internet, &format!("decoy-{name}"));
        let publisher = scene.publish(&guests, name, |guest| {
            let guest = guest.flavour(flavour).frame_rate(10);
            guest.with_candidate(moment, &candidate)
        });
        (decoy, publisher)
    };
    let people: Vec<(UdpSocket, Publisher)> = FORMS.map(tell).into();
    for ((name, _), (decoy, publisher)) in FORMS.iter().zip(&people) {
        let mut check = [0; 1500];
        let length = decoy.recv(&mut check).unwrap_or_else(|error| {
            panic!(
                "{name} {moment:?}: no check comes: {error}\n{}",
                publisher.conversation()
            )
        });
        assert!(
            length >= 20 && check[4..8] == [0x21, 0x12, 0xa4, 0x42],
            "{name}: no STUN"
        );
        assert_eq!(publisher.complaints(), Vec::<String>::new());
    }
    if !is_connected {
        recorder.unblock();
    }
    recording.wait_for_frames(&FORMS.map(|(name, _)| name), 10);
    assert_eq!(recording.complaints, Vec::<String>::new());
}

#[test]
fn candidates_before_the_offer_reach_the_agent() {
    every_form_reaches_the_agent(Moment::AfterTheOffer, Candidates::BeforeOffer);
}

#[test]
fn candidates_after_the_offer_reach_the_agent() {
    every_form_reaches_the_agent(Moment::AfterTheOffer, Candidates::default());
}

#[test]
fn candidates_after_the_answer_reach_the_agent() {
    every_form_reaches_the_agent(Moment::AfterTheAnswer, Candidates::default());
}

#[test]
fn candidates_over_the_channel_reach_the_agent() {
    every_form_reaches_the_agent(Moment::OverTheChannel, Candidates::default());
}

/// It finds the way by itself, if the firewall leaves it one.
#[test]
fn a_guest_that_names_no_address_is_recorded_if_it_reaches_the_recorder() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let hosts = [
        scene.internet.host("near"),
        scene.internet.host_behind_nat("far"),
    ];
    let recorder = scene.internet.host("recorder");
    recorder.block_udp("!= 50000-50003");
    let names = ["near", "far"];
    let publish = |(name, host)| scene.publish(host, name, |guest| guest.with_hidden_addresses());
    let people: Vec<_> = names.into_iter().zip(&hosts).map(publish).collect();
    let mut recording = scene.record(&recorder, |source| use_ports(source, &(50_000..=50_003)));
    recording.wait_for_frames(&names, FRAMES);
    recording.finish_complete(&names.into_iter().zip(&people).collect::<Vec<_>>());
}

/// A TURN server lets through only whom the recorder has named to it (RFC 8656 section 9): the
/// address that a STUN server has seen is enough.
#[test]
fn a_guest_that_hides_its_own_addresses_is_recorded_over_a_relay() {
    let Some((scene, turn)) = Scene::with_turn() else {
        return;
    };
    let recorder = scene.internet.host_behind_nat("recorder");
    let alice = scene.internet.host_behind_nat("alice");
    let publisher = scene.publish(&alice, "alice", |alice| {
        let stun = turn.stun_url().replace("stun:", "stun://");
        alice.with_hidden_addresses().ice_server(&stun)
    });
    let start = Instant::now();
    let mut recording = scene.record(&recorder, |source| {
        use_only_turn(source, &[turn.url("udp")])
    });
    recording.wait_for_frames(&["alice"], FRAMES);
    assert!(start.elapsed() < Duration::from_secs(15));
    recording.finish_complete(&[("alice", &publisher)]);
}
