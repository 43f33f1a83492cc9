// SPDX-License-Identifier: MPL-2.0
//! Guests who take more than a recorder gives: it costs them their own stream at most.

use serde_json::json;
use vdoroom_test_support::{Codec, Dialect, Publisher, PublisherBuilder, RoomServer, Who};

use crate::recording::{Recording, assert_whole};

fn guest(server: &RoomServer, name: &str) -> PublisherBuilder {
    Publisher::builder(server.url(), "r", name)
        .codec(Codec::Vp8)
        .frame_rate(10)
}

#[test]
fn a_guest_who_opens_channel_after_channel_is_hung_up_on() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = guest(&server, "alice").start().unwrap();
    recording.wait_for_frames(&["alice"], 5);
    let mallory = guest(&server, "mallory").with_more_channels(100);
    let mallory = mallory.start().unwrap();
    recording.wait("a warning", |recording| !recording.complaints.is_empty());
    let frames = recording.frames("alice");
    recording.wait_for_frames(&["alice"], frames + 20);
    drop(mallory);
    let recorded = recording.finish();
    assert_whole("alice", recorded.only("alice"));
    let told = &recorded.complaints[..];
    assert!(
        matches!(told, [warning] if warning.contains("data channels")),
        "{told:?}"
    );
    assert_eq!(alice.complaints(), Vec::<String>::new());
}

/// webrtcbin itself would end the process.
#[test]
fn a_guest_whose_media_is_not_in_its_offer_is_hung_up_on() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = guest(&server, "alice").start().unwrap();
    recording.wait_for_frames(&["alice"], 5);
    let mallory = guest(&server, "mallory").with_many_ssrcs(500);
    let mallory = mallory.start().unwrap();
    recording.wait("a warning", |recording| !recording.complaints.is_empty());
    let frames = recording.frames("alice");
    recording.wait_for_frames(&["alice"], frames + 20);
    drop(mallory);
    let recorded = recording.finish();
    assert_whole("alice", recorded.only("alice"));
    let told = &recorded.complaints[..];
    assert!(
        matches!(told, [warning] if warning.contains("not in its offer")),
        "{told:?}"
    );
    assert_eq!(alice.complaints(), Vec::<String>::new());
}

#[test]
fn a_message_that_is_too_long_closes_no_websocket_and_an_enormous_one_costs_nobody_a_frame() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = guest(&server, "alice").start().unwrap();
    recording.wait_for_frames(&["alice"], 5);
    let said = |megabytes: usize| json!({"UUID": "m", "info": "x".repeat(megabytes << 20)});
    let reconnects = |recording: &Recording| recording.stats().get::<u32>("reconnects").unwrap();
    for _ in 0..3 {
        server.say(Who::Viewers, said(2));
    }
    recording.wait("the long messages", |recording| {
        recording.stats().get::<u64>("ignored-messages") == Ok(3)
    });
    assert_eq!(reconnects(&recording), 0);
    let complaints = recording.complaints.len();
    assert_eq!(complaints, 1, "{:?}", recording.complaints);
    server.say(Who::Viewers, said(17));
    recording.wait("another websocket", |recording| reconnects(recording) == 1);
    let frames = recording.frames("alice");
    recording.wait_for_frames(&["alice"], frames + 20);
    let recorded = recording.finish();
    assert_whole("alice", recorded.only("alice"));
    assert_eq!(alice.complaints(), Vec::<String>::new());
}
