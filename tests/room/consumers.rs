// SPDX-License-Identifier: MPL-2.0
//! Consumers that fail, refuse, come later or never return.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use gst::prelude::*;
use vdoroom_testkit::{Codec, Publisher};

use crate::pads::{SINK, Scene, link_to};
use crate::recording::{DEADLINE, Recording, structures};

#[test]
fn a_consumer_that_fails_stops_no_other_pad() {
    let mut scene = Scene::new(
        &[("alice", Codec::Vp8), ("bob", Codec::Vp8)],
        |source, pad| {
            if pad.name() != "video_bob" {
                link_to(source, pad, SINK);
                return;
            }
            let bin = link_to(source, pad, "appsink name=s sync=false async=false");
            let sink = bin.by_name("s").unwrap().downcast::<gst_app::AppSink>();
            sink.unwrap().set_callbacks(
                gst_app::AppSinkCallbacks::builder()
                    .new_sample(|_| Err(gst::FlowError::Error))
                    .build(),
            );
        },
    );
    scene.recording.wait_for_frames(&["alice"], 60);
    scene
        .recording
        .wait("a warning that names the pad", |recording| {
            recording.complaints.iter().any(|c| c.contains("video_bob"))
        });
    let then = scene.recording.frames("alice");
    scene.recording.wait_for_frames(&["alice"], then + 30);
    assert_eq!(scene.people[1].viewers(), 1, "bob is still connected");
    scene.recording.stop();
}

#[test]
fn a_consumer_that_never_returns_costs_nobody_else_anything() {
    let (release, held) = mpsc::channel::<()>();
    let consumers = Mutex::<Vec<gst::Pad>>::default();
    let held = Arc::new(Mutex::new(held));
    let (tell, told) = mpsc::channel();
    let mut scene = Scene::new(
        &[("alice", Codec::Vp8), ("bob", Codec::Vp8)],
        move |source, pad| {
            if !pad.name().starts_with("video_") || pad.name() == "video_alice" {
                link_to(source, pad, SINK);
                return;
            }
            let (held, tell, name) = (held.clone(), tell.clone(), pad.name());
            let consumer = gst::Pad::builder(gst::PadDirection::Sink)
                .chain_function(move |_, _, _| {
                    let _ = tell.send(name.to_string());
                    let _ = held.lock().unwrap().recv();
                    Ok(gst::FlowSuccess::Ok)
                })
                .build();
            consumer.set_active(true).unwrap();
            pad.link(&consumer).unwrap();
            consumers.lock().unwrap().push(consumer);
        },
    );
    let server = scene.server.url().to_owned();
    let publish = |name| {
        let builder = Publisher::builder(&server, "r", name).codec(Codec::Vp8);
        builder.start().unwrap()
    };
    assert_eq!(told.recv_timeout(DEADLINE).unwrap(), "video_bob");
    scene.people.pop().unwrap().stop();
    scene
        .recording
        .wait_for_news("vdoroom-stream-removed", "bob");
    assert!(scene.recording.source.static_pad("video_bob").is_none());
    // Others come, and he does too; with consumers that are no better.
    let people = ["bob", "carol"].map(publish);
    scene.recording.wait("the audio of both", |r| {
        let audio = |name| r.buffers(name, "audio") >= Some(50);
        audio("bob") && audio("carol")
    });
    let then = scene.recording.frames("alice");
    scene.recording.wait_for_frames(&["alice"], then + 30);
    scene.recording.stop();
    // The element is as good as new.
    drop(people);
    scene.recording.play();
    scene.recording.wait_for_frames(&["alice"], 20);
    scene.recording.stop();
    drop(release);
}

#[test]
fn a_guest_who_comes_again_while_the_old_pad_drains_is_told_to_have_left_before() {
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let (tell, told) = mpsc::channel();
    let mut scene = Scene::new(&[("bob", Codec::Vp8)], move |source, pad| {
        let bin = link_to(source, pad, SINK);
        if !pad.name().starts_with("video_") {
            return;
        }
        // EOS does not leave the old pad before the test lets it.
        let (held, tell) = (held.clone(), tell.clone());
        let entry = bin.static_pad("sink").unwrap();
        entry.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if info.event().map(|event| event.type_()) == Some(gst::EventType::Eos) {
                let _ = tell.send(());
                let _ = held.lock().unwrap().recv();
            }
            gst::PadProbeReturn::Ok
        });
    });
    scene.recording.wait_for_frames(&["bob"], 10);
    scene.people.pop().unwrap().stop();
    told.recv_timeout(DEADLINE).unwrap();
    let builder = Publisher::builder(scene.server.url(), "r", "bob").codec(Codec::Vp8);
    let _bob = builder.start().unwrap();
    let told = |recording: &Recording| -> Vec<String> {
        let news = recording.news.iter().map(|one| one.name().to_string());
        news.filter(|name| name.starts_with("vdoroom-stream-") && !name.ends_with("changed"))
            .collect()
    };
    scene
        .recording
        .wait("bob is there again", |recording| told(recording).len() >= 3);
    let order = ["added", "removed", "added"].map(|what| format!("vdoroom-stream-{what}"));
    assert_eq!(told(&scene.recording), order);
    drop(release);
    scene.recording.stop();
}

/// Takes the frames of alice's video that get out of `element` from now on.
fn frames_behind(element: &gst::Element, pad: &gst::Pad) -> mpsc::Receiver<gst::BufferFlags> {
    let (tell, told) = mpsc::channel();
    let bin = element.parent().unwrap().downcast::<gst::Bin>().unwrap();
    let sink = gst::ElementFactory::make("fakesink").property("async", false);
    let sink = sink.property("sync", false).build().unwrap();
    bin.add(&sink).unwrap();
    sink.sync_state_with_parent().unwrap();
    let entry = sink.static_pad("sink").unwrap();
    entry.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let _ = tell.send(info.buffer().unwrap().flags());
        gst::PadProbeReturn::Ok
    });
    pad.link(&entry).unwrap();
    told
}

#[test]
fn a_branch_that_comes_later_gets_video_at_once() {
    let (tell, told) = mpsc::channel();
    let mut scene = Scene::new(&[("alice", Codec::Vp8)], move |source, pad| {
        source.set_property("keyframe-interval", 0u32);
        let tee = match pad.name() == "video_alice" {
            true => link_to(source, pad, "tee name=t").by_name("t"),
            false => link_to(source, pad, SINK).by_name("t"),
        };
        tee.into_iter().for_each(|tee| drop(tell.send(tee)));
    });
    let tee = told.recv_timeout(DEADLINE).unwrap();
    let dropped = |recording: &Recording| {
        let stream = recording.stream("alice")?;
        let sessions = structures(&stream, "sessions");
        let tracks = structures(sessions.last()?, "tracks");
        let mut video = tracks.iter().filter(|t| t.get("kind") == Ok("video"));
        video.next()?.get::<u64>("dropped").ok()
    };
    scene
        .recording
        .wait("frames that go nowhere", |r| dropped(r) > Some(30));
    for _ in 0..2 {
        let before = Instant::now();
        let branch = tee.request_pad_simple("src_%u").unwrap();
        let frames = frames_behind(&tee, &branch);
        let first = frames.recv_timeout(DEADLINE).expect("video");
        assert!(!first.contains(gst::BufferFlags::DELTA_UNIT), "{first:?}");
        let took = before.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
        // Nobody takes anything once more.
        tee.release_request_pad(&branch);
        let then = dropped(&scene.recording);
        scene
            .recording
            .wait("frames that go nowhere", |r| dropped(r) > then);
    }
    scene.recording.stop();
}

#[test]
fn a_consumer_that_refuses_one_frame_gets_the_next_keyframe() {
    let (tell, told) = mpsc::channel();
    let refused = AtomicBool::new(false);
    let refused = Arc::new(refused);
    let mut scene = Scene::new(&[("alice", Codec::Vp8)], move |source, pad| {
        source.set_property("keyframe-interval", 0u32);
        if pad.name() != "video_alice" {
            link_to(source, pad, SINK);
            return;
        }
        let bin = link_to(source, pad, "appsink name=s sync=false async=false");
        let sink = bin.by_name("s").unwrap().downcast::<gst_app::AppSink>();
        let (tell, refused) = (tell.clone(), refused.clone());
        sink.unwrap().set_callbacks(
            gst_app::AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let _ = sink.pull_sample();
                    let _ = tell.send(());
                    let is_first = !refused.swap(true, Relaxed);
                    match is_first {
                        true => Err(gst::FlowError::CustomError),
                        false => Ok(gst::FlowSuccess::Ok),
                    }
                })
                .build(),
        );
    });
    for frame in 0..30 {
        told.recv_timeout(DEADLINE)
            .unwrap_or_else(|_| panic!("frame {frame}: {:#?}", scene.recording.stats()));
    }
    scene.recording.read_bus(Duration::ZERO);
    scene.recording.stop();
}
