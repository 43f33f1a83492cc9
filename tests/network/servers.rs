// SPDX-License-Identifier: MPL-2.0
//! Which servers a recorder speaks to: those that were set, for each guest, and no others.

use std::net::{TcpListener, UdpSocket};

use gst::prelude::*;
use vdoroom_testkit::holdings::alone;
use vdoroom_testkit::{Password, Publisher};

use crate::recording::Recording;
use crate::scene::{Scene, use_only_turn, use_turn};

const FRAMES: u64 = 15;

/// The candidates of ours that the publisher has heard of, in a room without encryption.
fn heard_candidates(publisher: &Publisher) -> Vec<String> {
    let log = publisher.log();
    let texts = log.iter().map(|entry| entry.text.as_str());
    let candidates = texts.flat_map(|text| text.split("candidate:").skip(1));
    candidates.map(str::to_owned).collect()
}

#[test]
fn every_guest_hears_of_the_address_that_the_stun_server_sees() {
    let Some((scene, turn)) = Scene::with_turn() else {
        return;
    };
    let guests = scene.internet.host("guests");
    let recorder = scene.internet.host_behind_nat("recorder");
    let mut recording = scene.record(&recorder, |source| {
        source.set_property("stun-server", turn.stun_url());
        source.set_property("password", "off");
    });
    for name in ["alice", "bob"] {
        let guest = scene.publish(&guests, name, |guest| guest.password(Password::Off));
        recording.wait_for_frames(&[name], FRAMES);
        let heard = heard_candidates(&guest);
        let seen: Vec<_> = heard
            .iter()
            .filter(|text| text.contains("typ srflx"))
            .collect();
        assert!(!seen.is_empty(), "{name} heard of {heard:#?}");
        guest.stop();
    }
}

#[test]
fn without_servers_nobody_is_contacted_but_the_room_and_its_guests() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let (alice, recorder) = (
        scene.internet.host("alice"),
        scene.internet.host("recorder"),
    );
    let trap = recorder.trap(&[&scene.room_host, &alice]);
    let _publisher = scene.publish(&alice, "alice", |alice| alice);
    let mut recording = scene.record(&recorder, |_| {});
    recording.wait_for_frames(&["alice"], FRAMES);
    recording.stop();
    assert_eq!(trap.packets(), 0, "packets left for elsewhere");
    let elsewhere = scene.internet.host("elsewhere").port(3478);
    let sent = recorder.run(|| UdpSocket::bind("0.0.0.0:0")?.send_to(b"?", elsewhere));
    assert!(sent.is_err(), "the trap lets everything through");
    assert_eq!(trap.packets(), 1, "the trap counts nothing");
}

/// Servers that take a connection and never say a word, and one whose name is never resolved.
#[test]
fn servers_that_never_answer_are_named_and_hold_nothing_up() {
    // The threads that look names up are the process's, and stay in the network of the first test.
    if !alone("servers::servers_that_never_answer_are_named_and_hold_nothing_up") {
        return;
    }
    let Some(scene) = Scene::new() else {
        return;
    };
    let (alice, mute) = (scene.internet.host("alice"), scene.internet.host("mute"));
    let recorder = scene.internet.host_behind_nat("recorder");
    // From GLib 2.78 on, threads that look names up are begun by a thread that the first pool begins.
    let _pool = recorder.run(|| gst::glib::ThreadPool::shared(Some(1)).unwrap());
    let _silent = [3478, 5349].map(|port| mute.run(|| TcpListener::bind(mute.port(port)).unwrap()));
    let dns = recorder.mute_name_server();
    let _publisher = scene.publish(&alice, "alice", |alice| alice);
    let urls = [
        format!("turn:{}?transport=tcp", mute.port(3478)),
        format!("turns:{}", mute.port(5349)),
    ];
    let mut recording = scene.record(&recorder, |source| {
        use_turn(source, &urls);
        source.set_property("stun-server", "stun:stun.example.org");
    });
    recording.wait_for_frames(&["alice"], FRAMES);
    recording.stop();
    assert_eq!(recorder.tcp_ports(), Vec::<u16>::new(), "sockets are left");
    if let Some(dns) = dns {
        dns.set_nonblocking(true).unwrap();
        assert!(dns.recv(&mut [0; 512]).is_ok(), "nobody asked for the name");
    }
    let mut recording = scene.record(&recorder, |source| use_only_turn(source, &urls));
    let named = |r: &Recording, url: &str| r.complaints.iter().any(|said| said.contains(url));
    recording.wait("complaints about both", |r| {
        urls.iter().all(|url| named(r, url))
    });
    recording.stop();
    assert_eq!(recorder.tcp_ports(), Vec::<u16>::new(), "sockets are left");
}
