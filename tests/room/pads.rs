// SPDX-License-Identifier: MPL-2.0
//! What the pads promise to whoever links them.

use std::sync::mpsc;

use gst::prelude::*;
use vdoroom_testkit::chromium::{self, Chromium};
use vdoroom_testkit::{Codec, Dialect, Folder, Publisher, RoomServer, is_native};

use crate::recording::{DEADLINE, Recording, source};

/// A room with one person, and a source whose pads the test links.
pub struct Scene {
    pub recording: Recording,
    pub people: Vec<Publisher>,
    pub server: RoomServer,
}

impl Scene {
    pub fn new(
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
            server,
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
    let receives = match is_native() {
        true => "vdoroom:rtc",
        false => "rtpjitterbuffer",
    };
    assert!(recorded.starts_with(receives), "{recorded}");
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
    let alice = publish("alice");
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
    let carol = publish("carol");
    recording.wait_for_frames(&["carol"], 20);
    recording.wait_for_news("roomfilesink-part-closed", "bob");
    let recorded = recording.finish_complete(&[("alice", &alice), ("carol", &carol)]);
    recorded.assert_whole(&["bob"]);
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
    let carol = publish("carol");
    recording.wait_for_frames(&["carol"], 60);
    recording.wait_for_news("roomfilesink-part-closed", "bob");
    let recorded = recording.finish_complete(&[("carol", &carol)]);
    recorded.assert_whole(&["bob"]);
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
        .wait("her audio", |r| r.buffers("alice", "audio") >= Some(100));
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
    let kinds = [audio, video].map(|seen| seen.4.get::<&str>("kind"));
    assert_eq!(kinds, [Ok("audio"), Ok("video")]);
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
    scene.recording.wait_for_frames(&["alice"], 45);
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

/// Browsers send it by themselves (RFC 6464).
#[test]
fn audio_has_the_level_that_its_publisher_measured() {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let recording = Recording::start(&server, "r", |_| {});
    let (tell, levels) = mpsc::channel();
    recording.source.connect_pad_added(move |_, pad| {
        let tell = tell.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let meta = info
                .buffer()
                .and_then(|b| b.meta::<gst_audio::AudioLevelMeta>());
            if let Some(meta) = meta {
                // The test ends once it has enough of them.
                let _ = tell.send((pad.name().to_string(), meta.level()));
            }
            gst::PadProbeReturn::Ok
        });
    });
    let _browser = Chromium::builder(server.url(), "r", "browser")
        .start()
        .unwrap();
    for _ in 0..20 {
        let (pad, level) = levels.recv_timeout(DEADLINE).expect("a level");
        assert_eq!(pad, "audio_browser");
        // 127 is silence, in dB below the largest amplitude.
        assert!(level <= 127, "{level}");
    }
}
