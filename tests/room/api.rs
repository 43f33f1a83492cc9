// SPDX-License-Identifier: MPL-2.0
//! What applications have of the source beside its pads: the webrtcbin of each connection, the room's
//! state, and what publishers say.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use serde_json::json;
use vdoroom_testkit::{Codec, Dialect, Publisher, RoomServer, by_webrtcbin};

use crate::recording::Recording;

/// What handlers have noted, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, note: String) {
        self.0.lock().unwrap().push(note);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn alice(server: &RoomServer) -> Publisher {
    Publisher::builder(server.url(), "r", "alice")
        .codec(Codec::Vp8)
        .frame_rate(10)
        .start()
        .unwrap()
}

#[test]
fn an_application_sees_each_webrtcbin_before_it_runs() {
    let server = RoomServer::start(Dialect::Hosted);
    let seen = Notes::default();
    let mut recording = Recording::start(&server, "r", |source| {
        by_webrtcbin(source);
        let seen = seen.clone();
        source.connect("webrtcbin-ready", false, move |values| {
            let stream = values[1].get::<String>().unwrap();
            let webrtcbin = values[2].get::<gst::Element>().unwrap();
            assert_eq!(webrtcbin.current_state(), gst::State::Null);
            let state = webrtcbin.property_value("signaling-state");
            seen.add(format!("{stream} {:?}", state.serialize().unwrap()));
            // A setting of the application's own.
            webrtcbin.set_property("latency", 700u32);
            None
        });
    });
    let alice = alice(&server);
    recording.wait_for_frames(&["alice"], 10);
    assert_eq!(seen.all(), ["alice \"stable\""]);
    assert_eq!(latencies(&recording, "webrtcbin"), [700]);
    drop(alice);
    recording.finish();
}

#[test]
fn the_state_of_the_room_is_a_property_a_message_and_progress() {
    let server = RoomServer::start(Dialect::Hosted);
    let notified = Notes::default();
    let mut recording = Recording::start(&server, "r", |source| {
        assert_eq!(source.property::<String>("room-state"), "stopped");
        let notified = notified.clone();
        source.connect_notify(Some("room-state"), move |source, _| {
            notified.add(source.property("room-state"));
        });
    });
    let states = |recording: &Recording| -> Vec<String> {
        let told = recording
            .news
            .iter()
            .filter(|s| s.name() == "vdoroom-room-state");
        told.map(|told| told.get("state").unwrap()).collect()
    };
    let is = |state: &'static str| {
        move |recording: &Recording| states(recording).last().is_some_and(|last| last == state)
    };
    recording.wait("to be in the room", is("joined"));
    assert_eq!(recording.source.property::<String>("room-state"), "joined");
    let before = states(&recording);
    let first: Vec<_> = before.iter().map(String::as_str).take(2).collect();
    assert_eq!(first, ["connecting", "joining"]);
    let address = server.address();
    drop(server);
    recording.wait("the loss of the server", is("disconnected"));
    let told = recording
        .news
        .iter()
        .rfind(|s| s.name() == "vdoroom-room-state");
    let reason = told.unwrap().get::<String>("reason").unwrap();
    assert!(reason.contains("room server"), "{reason}");
    let _server = RoomServer::builder().listen(address).start().unwrap();
    recording.wait("to be back in the room", is("joined"));
    recording.stop();
    let notified = notified.all();
    for state in ["joining", "joined", "disconnected"] {
        assert!(notified.contains(&state.into()), "{state}: {notified:?}");
    }
}

#[test]
fn a_chat_goes_both_ways() {
    let server = RoomServer::start(Dialect::Hosted);
    let heard = Notes::default();
    let mut recording = Recording::start(&server, "r", |source| {
        let heard = heard.clone();
        source.connect("channel-message", false, move |values| {
            let stream = values[1].get::<String>().unwrap();
            let text = values[2].get::<String>().unwrap();
            heard.add(format!("{stream}: {text}"));
            None
        });
    });
    let alice = alice(&server);
    recording.wait_for_frames(&["alice"], 5);
    alice.tell_viewers(json!({ "chat": "hello" }));
    let chat = "alice: {\"chat\":\"hello\"}";
    recording.wait("the chat", |_| heard.all().iter().any(|text| text == chat));
    let all = heard.all();
    let pongs = all.iter().filter(|text| text.contains("pong"));
    assert_eq!(pongs.count(), 0, "{all:?}");
    let say = |text: &str| {
        let source = &recording.source;
        source.emit_by_name::<()>("send-message", &[&"alice", &text]);
    };
    say("{\"chat\":\"hello, alice\"}");
    say("no JSON");
    recording.wait("the answer, and a word on what is no JSON", |recording| {
        alice.conversation().contains("hello, alice") && recording.complaints.len() == 1
    });
    assert!(
        recording.complaints[0].contains("was not sent"),
        "{:?}",
        recording.complaints
    );
}

#[test]
fn a_property_that_is_set_too_late_is_told() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("label", "in time");
    });
    recording.source.set_property("room", "another");
    recording.source.set_property("video-bitrate", 500u32);
    recording.wait("the warning", |recording| !recording.complaints.is_empty());
    let complaints = &recording.complaints;
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(
        complaints[0].contains("the property room"),
        "{complaints:?}"
    );
}

#[test]
fn a_pad_says_which_m_line_and_rtp_stream_it_carries() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let _alice = alice(&server);
    recording.wait_for_frames(&["alice"], 5);
    let of = |name: &str| {
        let pad = recording.source.static_pad(name).unwrap();
        let mid = pad.property::<Option<String>>("mid");
        (mid.unwrap(), pad.property::<u32>("ssrc"))
    };
    let (video, audio) = (of("video_alice"), of("audio_alice"));
    assert!(
        video.0 != audio.0 && video.1 != audio.1,
        "{video:?} {audio:?}"
    );
    assert!(video.1 != 0 && audio.1 != 0, "{video:?} {audio:?}");
}

/// What the elements of a factory have for `latency`.
fn latencies(recording: &Recording, factory: &str) -> Vec<u32> {
    let all = recording.elements(factory).into_iter();
    all.map(|element| element.property("latency")).collect()
}

#[test]
fn the_latency_can_change_while_somebody_is_recorded() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", by_webrtcbin);
    let alice = alice(&server);
    recording.wait_for_frames(&["alice"], 5);
    let latencies = |recording: &Recording| latencies(recording, "rtpjitterbuffer");
    assert_eq!(latencies(&recording), [500, 500]);
    recording.source.set_property("latency", 1000u32);
    recording.wait("the new latency", |r| latencies(r) == [1000, 1000]);
    let then = recording.frames("alice");
    recording.wait_for_frames(&["alice"], then + 20);
    recording.finish_complete(&[("alice", &alice)]);
}
