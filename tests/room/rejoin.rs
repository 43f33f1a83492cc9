// SPDX-License-Identifier: MPL-2.0
//! `rejoin-window`: who comes back in time goes on where they were.

use std::sync::mpsc;
use std::time::Duration;

use gst::prelude::*;
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, RoomServer, check};

use crate::pads::{SINK, link_to};
use crate::recording::{DEADLINE, Recording, source};

/// What a pad says.
enum Said {
    Buffer { pts: gst::ClockTime, discont: bool },
    Event(gst::EventType),
}

fn alice(server: &RoomServer, codec: Codec) -> Publisher {
    Publisher::builder(server.url(), "r", "alice")
        .codec(codec)
        .start()
        .unwrap()
}

/// Records alice with this window, until 45 of her frames are there.
fn recording(server: &RoomServer, window: u32) -> Recording {
    Recording::start(server, "r", |source| {
        source.set_property("rejoin-window", window);
    })
}

fn wait_for_session(recording: &mut Recording, number: u32) {
    recording.wait("the next session's media", |r| {
        let stream = r.stream("alice");
        let begun = |s: &gst::Structure| s.get::<u32>("sessions-so-far") == Ok(number);
        stream.is_some_and(|s| begun(&s) && s.get("state") == Ok("flowing"))
    });
}

#[test]
fn who_reloads_within_the_window_stays_in_one_part() {
    for codec in [Codec::H264, Codec::Vp8] {
        let server = RoomServer::start(Dialect::Hosted);
        let mut recording = recording(&server, 20_000);
        let alice = alice(&server, codec);
        recording.wait_for_frames(&["alice"], 45);
        for session in 2..=3 {
            alice.reload();
            wait_for_session(&mut recording, session);
            let then = recording.frames("alice");
            recording.wait_for_frames(&["alice"], then + 45);
        }
        let recorded = recording.finish();
        let report = recorded.only("alice");
        assert!(
            report.video.is_some() && report.audio.is_some(),
            "{report:#?}"
        );
        // What was sent while nobody was connected is missing, and nothing else.
        let video = report.video.as_ref().unwrap();
        let counters = video.counters.as_ref().unwrap();
        let wrong = (counters.doubled, counters.out_of_order, counters.bad);
        assert_eq!(
            (wrong, video.backward, video.damaged),
            ((0, 0, 0), 0, 0),
            "{report:#?}"
        );
        assert_eq!(recorded.complaints, Vec::<String>::new());
    }
}

#[test]
fn a_pad_that_goes_on_says_whose_it_is_now_and_nothing_else_but_discont() {
    let server = RoomServer::start(Dialect::Hosted);
    let source = source(&server, "r");
    source.set_property("rejoin-window", 20_000u32);
    let (said, heard) = mpsc::channel();
    source.connect_pad_added(move |source, pad| {
        link_to(source, pad, SINK);
        let said = said.clone();
        let name = pad.name();
        let types = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        pad.add_probe(types, move |_, info| {
            let what = match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => Said::Buffer {
                    pts: buffer.pts().unwrap(),
                    discont: buffer.flags().contains(gst::BufferFlags::DISCONT),
                },
                Some(gst::PadProbeData::Event(event)) => Said::Event(event.type_()),
                _ => return gst::PadProbeReturn::Ok,
            };
            // Nobody listens to the end.
            let _ = said.send((name.to_string(), what));
            gst::PadProbeReturn::Ok
        });
    });
    let mut recording = Recording::of(source, Folder::new());
    recording.play();
    let alice = alice(&server, Codec::Vp8);
    recording.wait_for_frames(&["alice"], 45);
    let before: Vec<_> = heard.try_iter().collect();
    alice.reload();
    wait_for_session(&mut recording, 2);
    let then = recording.frames("alice");
    recording.wait_for_frames(&["alice"], then + 30);
    let after: Vec<_> = heard.try_iter().collect();
    for name in ["video_alice", "audio_alice"] {
        let buffers = |all: &[(String, Said)]| -> Vec<(gst::ClockTime, bool)> {
            let of = all.iter().filter(|(pad, _)| pad == name);
            of.filter_map(|(_, what)| match what {
                Said::Buffer { pts, discont } => Some((*pts, *discont)),
                Said::Event(_) => None,
            })
            .collect()
        };
        let events: Vec<_> = after
            .iter()
            .filter_map(|(pad, what)| match what {
                Said::Event(kind) if pad == name => Some(*kind),
                _ => None,
            })
            .filter(|kind| *kind != gst::EventType::Gap && *kind != gst::EventType::Tag)
            .collect();
        assert_eq!(events, [gst::EventType::CustomDownstreamSticky], "{name}");
        let pad = recording.source.static_pad(name).unwrap();
        assert_eq!(pad.property::<u32>("session"), 2, "{name}");
        let person = pad.sticky_event::<gst::event::CustomDownstreamSticky>(0);
        let person = person.unwrap();
        let session = person.structure().unwrap().get::<u32>("session");
        assert_eq!(session, Ok(2), "{name}");
        let all = [buffers(&before), buffers(&after)].concat();
        assert!(all.is_sorted_by_key(|(pts, _)| *pts), "{name}: {all:?}");
        // The change is where most time passed.
        let gap = |pair: &&[(gst::ClockTime, bool)]| pair[1].0 - pair[0].0;
        let change = all.windows(2).max_by_key(gap).unwrap();
        assert!(change[1].1, "{name}: no DISCONT at {:?}", change[1].0);
    }
    recording.stop();
}

#[test]
fn past_the_window_the_part_ends_and_the_next_session_gets_its_own() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = recording(&server, 500);
    let first = alice(&server, Codec::Vp8);
    recording.wait_for_frames(&["alice"], 45);
    first.stop();
    recording.wait_for_news("roomfilesink-part-closed", "alice");
    let second = alice(&server, Codec::Vp8);
    recording.wait("the second part", |r| r.parts_opened() == 2);
    assert_eq!(recording.finish().files["alice"].len(), 2);
    drop(second);
}

#[test]
fn another_codec_ends_the_window_early() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = recording(&server, 60_000);
    let first = alice(&server, Codec::Vp8);
    recording.wait_for_frames(&["alice"], 45);
    first.stop();
    let second = alice(&server, Codec::H264);
    recording.wait("the second part", |r| r.parts_opened() == 2);
    assert_eq!(recording.finish().files["alice"].len(), 2);
    drop(second);
}

#[test]
fn an_element_that_stops_does_not_wait_for_who_may_come_back() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = recording(&server, 60_000);
    let alice = alice(&server, Codec::Vp8);
    recording.wait_for_frames(&["alice"], 45);
    alice.stop();
    recording.wait("the end of the session", |r| {
        r.stream("alice")
            .is_some_and(|s| s.get("state") == Ok("away"))
    });
    assert!(!recording.heard("roomfilesink-part-closed", "alice"));
    recording.stop();
    assert_eq!(recording.recorded().files["alice"].len(), 1);
}

#[test]
fn named_pads_of_a_launch_line_record_a_guest_who_comes_back() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let line = format!(
        "-e -m vdoroomsrc server={} room=r name=r rejoin-window=20000 \
         r.video_alice ! queue ! h264parse ! mpegtsmux name=m \
         ! filesink async=false location=alice.ts  r.audio_alice ! queue ! m.",
        server.url()
    );
    let launch = Launch::start(&folder.0, &line);
    let alice = alice(&server, Codec::H264);
    alice.wait_for_frames(90, DEADLINE).unwrap();
    alice.reload();
    if let Err(error) = alice.wait_for_frames(120, Duration::from_secs(8)) {
        launch.signal("INT");
        let (_, printed) = launch.wait(Duration::from_secs(5));
        panic!("{error}: {printed} {}", alice.conversation());
    }
    launch.signal("INT");
    let (status, printed) = launch.wait(Duration::from_secs(5));
    assert!(status.success(), "{printed}");
    let report = check::inspect(folder.0.join("alice.ts"));
    let video = report.video.as_ref().unwrap();
    assert!(report.audio.is_some(), "{report:#?}");
    // Of both sessions: the first alone would be three seconds.
    let seconds = video.last_pts.seconds() - video.first_pts.seconds();
    assert!(seconds >= 5, "{report:#?}");
    assert_eq!(video.backward, 0, "{report:#?}");
}
