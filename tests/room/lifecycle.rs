// SPDX-License-Identifier: MPL-2.0
//! The element comes and goes many times in one process, and leaves nothing behind.

use vdoroom_testkit::holdings::{alone, assert_heap_left, heap_bytes};
use vdoroom_testkit::launch::example;
use vdoroom_testkit::{Codec, Dialect, Folder, Holdings, Launch, Publisher, RoomServer};

use gst::prelude::*;

use crate::recording::{DEADLINE, Recording, assert_whole, source};

/// alice, who publishes in a process of her own: what she holds is not counted here.
pub struct Elsewhere {
    pub server: RoomServer,
    pub publisher: Launch,
    _folder: Folder,
}

impl Elsewhere {
    pub fn alice() -> Self {
        let server = RoomServer::start(Dialect::Hosted);
        let folder = Folder::new();
        let publish = example("publish").display().to_string();
        let line = format!(
            "exec {publish} --server {} --room r alice:vp8",
            server.url()
        );
        let publisher = Launch::shell(&folder.0, &line, |_| {});
        let seeds = server.wait_for(DEADLINE, |entry| entry.text.contains("seed"));
        seeds.unwrap();
        Self {
            server,
            publisher,
            _folder: folder,
        }
    }
}

/// Joins the room, waits for media of alice with `media`, and stops.
fn visit(server: &RoomServer, media: bool) {
    let mut recording = Recording::of(source(server, "r"), Folder::new());
    recording.source.connect_pad_added(|source, pad| {
        let sink = gst::ElementFactory::make("fakesink")
            .property("async", false)
            .build()
            .unwrap();
        let pipeline = source.parent().unwrap().downcast::<gst::Bin>().unwrap();
        pipeline.add(&sink).unwrap();
        sink.sync_state_with_parent().unwrap();
        pad.link(&sink.static_pad("sink").unwrap()).unwrap();
    });
    recording.play();
    match media {
        true => recording.wait_for_frames(&["alice"], 5),
        false => recording.wait("the room", |r| r.stats().get("state") == Ok("joined")),
    }
    recording.stop();
}

/// Bytes that a visit may leave on the heap.
const LEFT_BY_A_VISIT: usize = 8 * 1024;

#[test]
fn a_hundred_visits_leave_nothing_behind() {
    if !alone("lifecycle::a_hundred_visits_leave_nothing_behind") {
        return;
    }
    let elsewhere = Elsewhere::alice();
    let server = &elsewhere.server;

    let mut after_ten = None;
    for visited in 1..=100 {
        visit(server, visited <= 10 || visited % 5 == 0);
        if visited == 10 {
            after_ten = Some((Holdings::now(), heap_bytes()));
        }
    }
    let (before, heap) = after_ten.unwrap();
    Holdings::settled(std::process::id(), &before, DEADLINE).assert_within(&before);
    assert_heap_left(heap, 90, LEFT_BY_A_VISIT);
}

#[test]
fn two_recordings_of_one_room_in_one_process() {
    let elsewhere = Elsewhere::alice();
    let server = &elsewhere.server;
    let mut first = Recording::start(server, "r", |_| {});
    let mut second = Recording::start(server, "r", |_| {});
    first.wait_for_frames(&["alice"], 45);
    second.wait_for_frames(&["alice"], 45);
    first.finish().assert_whole(&["alice"]);
    let then = second.frames("alice");
    second.wait_for_frames(&["alice"], then + 30);
    second.finish().assert_whole(&["alice"]);
}

#[test]
fn after_a_pause_everybody_is_recorded_again() {
    let elsewhere = Elsewhere::alice();
    let server = &elsewhere.server;
    let mut recording = Recording::start(server, "r", |_| {});
    recording.wait_for_frames(&["alice"], 45);
    recording.pipeline.set_state(gst::State::Paused).unwrap();
    recording.pipeline.set_state(gst::State::Playing).unwrap();
    recording.wait("a new connection", |r| {
        let stats = r.stream("alice");
        stats.is_some_and(|s| s.get::<u32>("sessions-so-far") == Ok(2))
    });
    recording.wait_for_frames(&["alice"], 45);
    let recorded = recording.finish();
    let parts = &recorded.files["alice"];
    assert_eq!(parts.len(), 2, "{parts:#?}");
    for (path, report) in parts {
        assert_whole(&path.display().to_string(), report);
    }
}

#[test]
fn eos_that_comes_before_the_room_is_joined_ends_it_all_the_same() {
    let server = RoomServer::start(Dialect::Hosted);
    let ended = Recording::of(source(&server, "r"), Folder::new());
    ended.pipeline.set_state(gst::State::Paused).unwrap();
    assert!(ended.pipeline.send_event(gst::event::Eos::new()));
    ended.play();
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = Publisher::builder(server.url(), "r", "alice").codec(Codec::Vp8);
    let alice = alice.start().unwrap();
    recording.wait_for_frames(&["alice"], 20);
    assert_eq!(alice.viewers(), 1);
    recording.stop();
    ended.stop();
}
