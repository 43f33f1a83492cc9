// SPDX-License-Identifier: MPL-2.0
//! Guests who take more than a recorder gives: it costs them their own stream at most.

use serde_json::json;
use vdoroom_testkit::{Codec, Dialect, Publisher, PublisherBuilder, RoomServer, Who};

use crate::recording::{Recording, assert_whole};

fn guest(server: &RoomServer, name: &str) -> PublisherBuilder {
    Publisher::builder(server.url(), "r", name)
        .codec(Codec::Vp8)
        .frame_rate(10)
}

/// Mallory costs Alice nothing; `done` says when enough was done.
fn nobody_else_notices(
    greedy: impl FnOnce(PublisherBuilder) -> PublisherBuilder,
    done: impl FnOnce(&mut Recording, &Publisher),
) {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = guest(&server, "alice").start().unwrap();
    recording.wait_for_frames(&["alice"], 5);
    let mallory = greedy(guest(&server, "mallory")).start().unwrap();
    done(&mut recording, &mallory);
    let frames = recording.frames("alice");
    recording.wait_for_frames(&["alice"], frames + 20);
    drop(mallory);
    let recorded = recording.finish_arrived(&[("alice", &alice)]);
    assert_whole("alice", recorded.only("alice"));
    let about_others = |warning: &&String| !warning.contains("\"mallory\"");
    let about_others: Vec<_> = recorded.complaints.iter().filter(about_others).collect();
    assert_eq!(about_others, Vec::<&String>::new());
    assert_eq!(alice.complaints(), Vec::<String>::new());
}

#[test]
fn a_guest_who_opens_channel_after_channel_is_hung_up_on() {
    let told = |recording: &Recording| {
        let mut told = recording.complaints.iter();
        told.any(|warning| warning.contains("data channels"))
    };
    nobody_else_notices(
        |mallory| mallory.with_more_channels(100),
        |recording, _| recording.wait("a warning", told),
    );
}

/// webrtcbin itself would end the process.
#[test]
fn a_guest_whose_media_is_not_in_its_offer_costs_nobody_a_frame() {
    nobody_else_notices(
        |mallory| mallory.with_many_ssrcs(500),
        |recording, mallory| {
            recording.wait("a warning, or media in vain", |recording| {
                !recording.complaints.is_empty() || mallory.frames_sent() >= 20
            });
        },
    );
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
    let recorded = recording.finish_arrived(&[("alice", &alice)]);
    assert_whole("alice", recorded.only("alice"));
    assert_eq!(alice.complaints(), Vec::<String>::new());
}
