// SPDX-License-Identifier: MPL-2.0
//! What the pads promise to whoever links them.

use std::sync::mpsc;

use gst::prelude::*;
use vdoroom_test_support::{Codec, Dialect, Folder, Publisher, RoomServer};

use crate::recording::{DEADLINE, Recording, source, structures};

/// A room with one person, and a source whose pads the test links.
struct Scene {
    recording: Recording,
    people: Vec<Publisher>,
    _server: RoomServer,
}

impl Scene {
    fn new(
        people: &[(&str, Codec)],
        link: impl Fn(&gst::Element, &gst::Pad) + Send + Sync + 'static,
    ) -> Self {
        let server = RoomServer::start(Dialect::Hosted);
        let recording = Recording::of(source(&server, "r"), Folder::new());
        recording
            .source
            .connect_pad_added(move |source, pad| link(source, pad));
        recording.play();
        let people = people
            .iter()
            .map(|(name, codec)| {
                let builder = Publisher::builder(server.url(), "r", name).codec(*codec);
                builder.label("A. Guest").start().unwrap()
            })
            .collect();
        Self {
            recording,
            people,
            _server: server,
        }
    }
}

/// Adds `description` to the source's pipeline and links the pad to it.
pub fn link_to(source: &gst::Element, pad: &gst::Pad, description: &str) -> gst::Bin {
    let bin = gst::parse::bin_from_description(description, true).unwrap();
    let pipeline = source.parent().unwrap().downcast::<gst::Bin>().unwrap();
    pipeline.add(&bin).unwrap();
    bin.sync_state_with_parent().unwrap();
    pad.link(&bin.static_pad("sink").unwrap()).unwrap();
    bin
}

pub const SINK: &str = "fakesink sync=false async=false";

#[test]
fn a_pad_that_nobody_links_stops_no_other() {
    let mut scene = Scene::new(&[("alice", Codec::H264)], |source, pad| {
        if pad.name() == "video_alice" {
            link_to(source, pad, SINK);
        }
    });
    scene.recording.wait_for_frames(&["alice"], 60);
    assert_eq!(scene.recording.complaints, Vec::<String>::new());
    scene.recording.stop();
}

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

/// The name of the thread that pushes the next buffer out of a pad.
fn thread_of(recording: &Recording, pad: &str) -> String {
    let pad = recording.source.static_pad(pad).unwrap();
    let (tell, told) = mpsc::channel();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let name = std::fs::read_to_string("/proc/thread-self/comm");
        let _ = tell.send(name.unwrap());
        gst::PadProbeReturn::Remove
    });
    told.recv_timeout(DEADLINE).unwrap()
}

#[test]
fn a_pad_that_is_recorded_has_no_thread_between_and_any_other_has_one() {
    let server = RoomServer::start(Dialect::Hosted);
    let publisher = Publisher::builder(server.url(), "r", "alice").codec(Codec::Vp8);
    let _alice = publisher.start().unwrap();
    let mut recording = Recording::start(&server, "r", |_| {});
    recording.wait_for_frames(&["alice"], 20);
    let recorded = thread_of(&recording, "video_alice");
    let mut scene = Scene::new(&[("bob", Codec::Vp8)], |source, pad| {
        link_to(source, pad, SINK);
    });
    scene.recording.wait_for_frames(&["bob"], 20);
    let other = thread_of(&scene.recording, "video_bob");
    assert!(recorded.starts_with("rtpjitterbuffer"), "{recorded}");
    assert!(other.starts_with("session"), "{other}");
}

#[test]
fn a_pad_that_is_blocked_while_it_is_recorded_costs_nobody_anything() {
    let server = RoomServer::start(Dialect::Hosted);
    let publish = |name| {
        let builder = Publisher::builder(server.url(), "r", name).codec(Codec::Vp8);
        builder.start().unwrap()
    };
    let mut recording = Recording::start(&server, "r", |_| {});
    let _alice = publish("alice");
    let bob = publish("bob");
    recording.wait_for_frames(&["alice", "bob"], 20);
    let pad = recording.source.static_pad("video_bob").unwrap();
    let (blocks, blocked) = mpsc::channel();
    let kinds = gst::PadProbeType::BLOCK_DOWNSTREAM;
    let block = pad.add_probe(kinds, move |_, _| {
        let _ = blocks.send(());
        gst::PadProbeReturn::Ok
    });
    blocked.recv_timeout(DEADLINE).unwrap();
    let then = recording.frames("alice");
    recording.wait_for_frames(&["alice"], then + 30);
    pad.remove_probe(block.unwrap());
    let then = recording.frames("bob");
    recording.wait_for_frames(&["bob"], then + 60);
    // Whoever blocked it the second time has forgotten it.
    pad.add_probe(kinds, |_, _| gst::PadProbeReturn::Ok);
    bob.stop();
    let _carol = publish("carol");
    recording.wait_for_frames(&["carol"], 20);
    recording.wait_for_news("roomfilesink-part-closed", "bob");
    recording.finish().assert_whole(&["alice", "bob", "carol"]);
}

#[test]
fn a_pad_that_is_blocked_in_the_middle_of_a_push_holds_nobody_else_up() {
    block_in_the_middle_of_a_push(0);
}

#[test]
fn one_that_waits_for_the_next_session_holds_nobody_else_up_either() {
    block_in_the_middle_of_a_push(2_000);
}

fn block_in_the_middle_of_a_push(rejoin_window: u32) {
    let server = RoomServer::start(Dialect::Hosted);
    let publish = |name| {
        let builder = Publisher::builder(server.url(), "r", name).codec(Codec::Vp8);
        builder.start().unwrap()
    };
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("rejoin-window", rejoin_window);
    });
    let bob = publish("bob");
    recording.wait_for_frames(&["bob"], 60);
    let pad = recording.source.static_pad("video_bob").unwrap();
    let ghost = pad.downcast::<gst::GhostPad>().unwrap();
    let (blocks, blocked) = mpsc::channel();
    // Between queue and pad: what comes here is on its way already.
    let inside = ghost.internal().unwrap();
    inside.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let blocks = blocks.clone();
        ghost.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, move |_, _| {
            let _ = blocks.send(());
            gst::PadProbeReturn::Ok
        });
        gst::PadProbeReturn::Remove
    });
    blocked.recv_timeout(DEADLINE).unwrap();
    bob.stop();
    let _carol = publish("carol");
    recording.wait_for_frames(&["carol"], 60);
    recording.wait_for_news("roomfilesink-part-closed", "bob");
    recording.finish().assert_whole(&["bob", "carol"]);
}

#[test]
fn a_consumer_that_never_returns_costs_nobody_else_anything() {
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Arc::new(std::sync::Mutex::new(held));
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
        },
    );
    let server = scene._server.url().to_owned();
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
fn a_consumer_that_refuses_the_caps_stops_no_other_pad() {
    let mut scene = Scene::new(&[("alice", Codec::Vp8)], |source, pad| {
        let wants = match pad.name().as_str() {
            "video_alice" => "capsfilter caps=video/x-vp8,width=1280 ! fakesink async=false",
            _ => SINK,
        };
        link_to(source, pad, wants);
    });
    scene
        .recording
        .wait("her sound", |r| r.buffers("alice", "audio") >= Some(100));
    let alice = scene.recording.stream("alice").unwrap();
    assert_eq!(alice.get::<u32>("sessions-so-far"), Ok(1), "{alice}");
    assert!(
        scene
            .recording
            .complaints
            .iter()
            .any(|c| c.contains("video_alice"))
    );
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
        let before = std::time::Instant::now();
        let branch = tee.request_pad_simple("src_%u").unwrap();
        let frames = frames_behind(&tee, &branch);
        let first = frames.recv_timeout(DEADLINE).expect("video");
        assert!(!first.contains(gst::BufferFlags::DELTA_UNIT), "{first:?}");
        let took = before.elapsed();
        assert!(took < std::time::Duration::from_secs(1), "{took:?}");
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
    let refused = std::sync::atomic::AtomicBool::new(false);
    let refused = std::sync::Arc::new(refused);
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
                    let is_first = !refused.swap(true, std::sync::atomic::Ordering::Relaxed);
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
    scene.recording.read_bus(std::time::Duration::ZERO);
    scene.recording.stop();
}

#[test]
fn h264_pads_have_the_form_that_the_consumer_wants() {
    for (wanted, form) in [
        ("video/x-h264,stream-format=avc", "avc"),
        ("video/x-h264,stream-format=byte-stream", "byte-stream"),
    ] {
        let (tx, rx) = mpsc::channel();
        let description =
            format!("capsfilter caps={wanted} ! appsink name=s sync=false async=false");
        let scene = Scene::new(&[("alice", Codec::H264)], move |source, pad| {
            if pad.name() != "video_alice" {
                return;
            }
            let bin = link_to(source, pad, &description);
            let sink = bin.by_name("s").unwrap().downcast::<gst_app::AppSink>();
            let tx = tx.clone();
            sink.unwrap().set_callbacks(
                gst_app::AppSinkCallbacks::builder()
                    .new_sample(move |sink| {
                        // Only the first one is waited for.
                        let _ = tx.send(sink.pull_sample().unwrap());
                        Ok(gst::FlowSuccess::Ok)
                    })
                    .build(),
            );
        });
        let first = rx.recv_timeout(DEADLINE).expect("a first frame");
        let caps = first.caps().unwrap().structure(0).unwrap();
        assert_eq!(caps.get::<&str>("stream-format"), Ok(form), "{caps}");
        assert_eq!(caps.get::<&str>("alignment"), Ok("au"), "{caps}");
        assert_eq!(caps.get::<i32>("width"), Ok(320), "{caps}");
        let flags = first.buffer().unwrap().flags();
        assert!(!flags.contains(gst::BufferFlags::DELTA_UNIT), "a keyframe");
        scene.recording.stop();
    }
}

#[test]
fn an_h264_pad_that_nobody_has_linked_offers_byte_stream() {
    let mut scene = Scene::new(&[("alice", Codec::H264)], |_, _| {});
    let source = scene.recording.source.clone();
    let caps = || source.static_pad("video_alice")?.current_caps();
    scene.recording.wait("caps", |_| caps().is_some());
    let caps = caps().unwrap();
    let form = caps.structure(0).unwrap().get::<&str>("stream-format");
    assert_eq!(form, Ok("byte-stream"), "{caps}");
    scene.recording.stop();
}

#[test]
fn pads_say_whose_media_they_carry() {
    let (tx, rx) = mpsc::channel();
    let scene = Scene::new(&[("alice", Codec::Vp8)], move |source, pad| {
        link_to(source, pad, SINK);
        let (id, tx) = (pad.name().to_string(), tx.clone());
        let label: Option<String> = pad.property("label");
        assert_eq!(label.as_deref(), Some("A. Guest"));
        assert_eq!(pad.property::<String>("stream-id"), "alice");
        assert_eq!(pad.property::<u32>("session"), 1);
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
            let start = pad.sticky_event::<gst::event::StreamStart>(0).unwrap();
            let collection = pad.sticky_event::<gst::event::StreamCollection>(0).unwrap();
            let details = pad
                .sticky_event::<gst::event::CustomDownstreamSticky>(0)
                .unwrap();
            let _ = tx.send((
                id.clone(),
                start.stream_id().to_string(),
                start.group_id(),
                collection.stream_collection().len(),
                details.structure().unwrap().to_owned(),
            ));
            gst::PadProbeReturn::Remove
        });
    });
    let mut seen: Vec<_> = (0..2).map(|_| rx.recv_timeout(DEADLINE).unwrap()).collect();
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    let (audio, video) = (&seen[0], &seen[1]);
    assert_eq!(
        (audio.1.as_str(), video.1.as_str()),
        ("r/alice/1/audio", "r/alice/1/video")
    );
    assert!(
        audio.2.is_some() && audio.2 == video.2,
        "one group for a session"
    );
    assert_eq!((audio.3, video.3), (2, 2), "both know of both tracks");
    assert_eq!(audio.4.name(), "vdoroom-stream");
    assert_eq!(audio.4.get::<&str>("label"), Ok("A. Guest"));
    scene.recording.stop();
}

#[test]
fn a_keyframe_comes_when_the_application_asks() {
    let mut scene = Scene::new(&[("alice", Codec::Vp8)], |source, pad| {
        link_to(source, pad, SINK);
    });
    scene
        .recording
        .source
        .set_property("keyframe-interval", 0u32);
    scene.recording.wait_for_frames(&["alice"], 30);
    let before = scene.people[0].keyframe_requests();
    let source = scene.recording.source.clone();
    source.emit_by_name::<()>("request-keyframe", &[&"alice"]);
    let alice = &scene.people[0];
    scene.recording.wait("the request at the publisher", |_| {
        alice.keyframe_requests() > before
    });
    scene.recording.stop();
}

#[test]
fn pads_say_that_they_are_live_and_how_late() {
    let (tx, rx) = mpsc::channel();
    let scene = Scene::new(&[("alice", Codec::Vp8)], move |source, pad| {
        link_to(source, pad, SINK);
        let tx = tx.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
            let mut latency = gst::query::Latency::new();
            let answered = pad.query(&mut latency);
            let _ = tx.send((answered, latency.result()));
            gst::PadProbeReturn::Remove
        });
    });
    for _ in 0..2 {
        let (answered, (live, least, _)) = rx.recv_timeout(DEADLINE).unwrap();
        assert!(answered && live);
        assert!(least >= gst::ClockTime::from_mseconds(500), "{least}");
    }
    scene.recording.stop();
}
