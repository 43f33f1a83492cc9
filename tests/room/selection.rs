// SPDX-License-Identifier: MPL-2.0
//! Stream selection: what a consumer does not choose is not sent by its publisher.

use std::sync::mpsc;

use gst::prelude::*;
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, RoomServer, manual, wait};

use crate::recording::{DEADLINE, Recording, init};

/// Of audio: half a second.
const A_WHILE: u64 = 25;

fn alice(server: &RoomServer) -> Publisher {
    let alice = Publisher::builder(server.url(), "r", "alice").codec(Codec::Vp8);
    alice.frame_rate(15).start().unwrap()
}

/// Alice, of whom video and audio are received.
fn received() -> (RoomServer, Recording, Publisher) {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = alice(&server);
    recording.wait_for_frames(&["alice"], 20);
    (server, recording, alice)
}

/// The element's pad of this kind.
fn pad(recording: &Recording, kind: &str) -> Option<gst::Pad> {
    let mut pads = recording.source.src_pads().into_iter();
    pads.find(|pad| pad.name().starts_with(kind))
}

fn stream_id(recording: &Recording, kind: &str) -> String {
    pad(recording, kind).unwrap().stream_id().unwrap().into()
}

fn select(streams: &[&str]) -> gst::Event {
    gst::event::SelectStreams::new(streams.iter().copied())
}

/// Waits until no video has been sent while audio went on for a while.
fn wait_until_no_video_is_sent(recording: &mut Recording, alice: &Publisher) {
    let audio = |recording: &Recording| recording.buffers("alice", "audio").unwrap_or(0);
    let mut since = (alice.traffic().video, audio(recording));
    recording.wait("no video is sent", |recording| {
        let now = (alice.traffic().video, audio(recording));
        if now.0 != since.0 {
            since = now;
        }
        now.1 >= since.1 + A_WHILE
    });
}

#[test]
fn what_is_not_selected_is_not_sent_until_it_is_wanted_again() {
    let (_server, mut recording, alice) = received();
    let [video, audio] = ["video_", "audio_"].map(|kind| stream_id(&recording, kind));
    let consumer = pad(&recording, "video_").unwrap();
    assert!(consumer.send_event(select(&[&audio])));
    recording.wait("its video pad goes", |r| pad(r, "video_").is_none());
    wait_until_no_video_is_sent(&mut recording, &alice);
    assert!(recording.source.send_event(select(&[&video, &audio])));
    recording.wait("more video", |r| r.buffers("alice", "video") >= Some(20));
    assert_eq!(stream_id(&recording, "video_"), video);
    let recorded = recording.finish();
    let parts = recorded.files["alice"].iter();
    let kinds = parts.map(|(_, part)| (part.video.is_some(), part.audio.is_some()));
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds, [(true, true); 2], "{:#?}", recorded.files);
    assert_eq!(recorded.complaints, Vec::<String>::new());
    assert_eq!(alice.complaints(), Vec::<String>::new());
}

/// Also a choice that is taken back before the pad has gone.
#[test]
fn a_session_of_which_nothing_is_wanted_is_kept() {
    let (_server, mut recording, alice) = received();
    let [video, audio] = ["video_", "audio_"].map(|kind| stream_id(&recording, kind));
    let nothing = select(&["r/alice/1/nothing"]);
    assert!(pad(&recording, "audio_").unwrap().send_event(nothing));
    for streams in [
        &[&video, &audio][..],
        &[&audio],
        &[&video, &audio],
        &[&audio],
    ] {
        let streams: Vec<&str> = streams.iter().map(|id| id.as_str()).collect();
        assert!(recording.source.send_event(select(&streams)));
    }
    recording.wait("its audio goes on", |r| {
        r.buffers("alice", "audio") >= Some(A_WHILE)
    });
    recording.wait("its video pad goes", |r| pad(r, "video_").is_none());
    wait_until_no_video_is_sent(&mut recording, &alice);
    assert!(pad(&recording, "video_").is_none());
    assert!(recording.source.send_event(select(&[&video, &audio])));
    recording.wait("its video goes on", |r| {
        r.buffers("alice", "video") >= Some(20)
    });
    assert_eq!(stream_id(&recording, "video_"), video);
    assert_eq!(recording.complaints, Vec::<String>::new());
    assert_eq!(alice.complaints(), Vec::<String>::new());
}

#[test]
fn a_selection_is_announced_as_gstreamer_elements_do() {
    let server = RoomServer::start(Dialect::Hosted);
    let recording = Recording::start(&server, "r", |_| {});
    let alice = alice(&server);
    let bus = recording.pipeline.bus().unwrap();
    let deadline = gst::ClockTime::from_nseconds(DEADLINE.as_nanos() as u64);
    let of_type = |kind| bus.timed_pop_filtered(deadline, &[kind]);
    let message = of_type(gst::MessageType::StreamCollection).expect("a collection");
    let gst::MessageView::StreamCollection(told) = message.view() else {
        panic!("{message:?}")
    };
    let collection = told.stream_collection();
    let ids: Vec<String> = collection
        .iter()
        .map(|stream| stream.stream_id().unwrap().into())
        .collect();
    assert_eq!(ids, ["r/alice/1/video", "r/alice/1/audio"]);
    recording.source.send_event(select(&["r/alice/1/audio"]));
    let message = of_type(gst::MessageType::StreamsSelected).expect("a selection");
    let gst::MessageView::StreamsSelected(told) = message.view() else {
        panic!("{message:?}")
    };
    assert_eq!(told.stream_collection(), collection);
    let selected: Vec<String> = told
        .streams()
        .map(|stream| stream.stream_id().unwrap().into())
        .collect();
    assert_eq!(selected, ["r/alice/1/audio"]);
    alice.stop();
    recording.stop();
}

/// Waits until so many buffers of this kind were shown, and for nothing else before that.
fn wait_for(shown: &mpsc::Receiver<String>, kind: &str, count: usize) {
    let of_kind = |pad: &String| pad.starts_with(kind);
    let buffers = std::iter::from_fn(|| shown.recv_timeout(DEADLINE).ok());
    assert_eq!(buffers.filter(of_kind).take(count).count(), count, "{kind}");
}

/// It knows nothing of the room but a URI, and of the streams but their collection.
#[test]
fn uridecodebin3_leaves_the_choice_to_the_source() {
    init();
    let server = RoomServer::start(Dialect::Hosted);
    let alice = alice(&server);
    let pipeline = gst::Pipeline::new();
    let uri = server.url().replacen("ws://", "vdoroom://", 1) + "/r/alice";
    let decoder = gst::ElementFactory::make("uridecodebin3")
        .property("uri", uri)
        .build()
        .unwrap();
    pipeline.add(&decoder).unwrap();
    let (shows, shown) = mpsc::channel();
    let within = pipeline.downgrade();
    decoder.connect_pad_added(move |_, pad| {
        let (name, shows) = (pad.name().to_string(), shows.clone());
        let sink = gst::ElementFactory::make("fakesink")
            .property("signal-handoffs", true)
            .build()
            .unwrap();
        sink.connect("handoff", false, move |_| {
            // Nobody listens any more once the test is over.
            let _ = shows.send(name.clone());
            None
        });
        within.upgrade().unwrap().add(&sink).unwrap();
        sink.sync_state_with_parent().unwrap();
        pad.link(&sink.static_pad("sink").unwrap()).unwrap();
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    for kind in ["video", "audio"] {
        wait_for(&shown, kind, 5);
    }
    let pads = decoder.src_pads();
    let pad = |kind: &str| {
        pads.iter()
            .find(|pad| pad.name().starts_with(kind))
            .unwrap()
    };
    let [video, audio] = ["video", "audio"].map(|kind| pad(kind).stream_id().unwrap());
    assert!(pad("video").send_event(select(&[&audio])));
    let mut sent = alice.traffic().video;
    loop {
        wait_for(&shown, "audio", A_WHILE as usize);
        let now = alice.traffic().video;
        if now == std::mem::replace(&mut sent, now) {
            break;
        }
    }
    while shown.try_recv().is_ok() {}
    assert!(pad("audio").send_event(select(&[&audio, &video])));
    wait_for(&shown, "video", 5);
    pipeline.set_state(gst::State::Null).unwrap();
}

/// What the manual's lines need around them.
const PLAYER: [&str; 2] = [
    r#"
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst
Gst.init(None)
"#,
    r#"
def on_pad_added(_, pad):
    sink = Gst.ElementFactory.make("fakesink")
    pipeline.add(sink)
    sink.sync_state_with_parent()
    pad.link(sink.get_static_pad("sink"))

pipeline = Gst.Pipeline()
source = Gst.ElementFactory.make("vdoroomsrc")
for name, value in [("server", sys.argv[1]), ("room", "r")]:
    source.set_property(name, value)
source.connect("pad-added", on_pad_added)
pipeline.add(source)
pipeline.get_bus().add_signal_watch()
pipeline.get_bus().connect("message", on_message)
pipeline.set_state(Gst.State.PLAYING)
GLib.MainLoop().run()
"#,
];

/// Of audio at 64 kbit/s: half a second.
const A_WHILE_IN_BYTES: u64 = 4000;

#[test]
fn the_manuals_player_of_voices_is_sent_no_video() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let section = manual::section("Choosing streams").join("\n");
    let lines = manual::blocks(&section, &["python"]);
    let [head, tail] = PLAYER;
    let program = format!("{head}{}\n{tail}", lines.join("\n"));
    std::fs::write(folder.0.join("player.py"), program).unwrap();
    // Debian's own Python, which has the GStreamer bindings.
    let line = format!("exec /usr/bin/python3 player.py {}", server.url());
    let _player = Launch::shell(&folder.0, &line, |_| {});
    let alice = alice(&server);
    alice.wait_for_viewer(DEADLINE).unwrap();
    let mut since = alice.traffic();
    wait::wait_until("no video is sent, but audio", DEADLINE, || {
        let now = alice.traffic();
        if now.video != since.video {
            since = now;
        }
        now.video > 0 && now.others >= since.others + A_WHILE_IN_BYTES
    });
}
