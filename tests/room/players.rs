// SPDX-License-Identifier: MPL-2.0
//! Players that are given a URI of a room, and know nothing else of it.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use gst::prelude::*;
use vdoroom_testkit::require;
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, PublisherBuilder, RoomServer};

use crate::recording::{DEADLINE, init};

/// What `gst-discoverer-1.0` waits for by itself.
const DISCOVERY: Duration = Duration::from_secs(15);

fn uri(server: &RoomServer, rest: &str) -> String {
    format!("{}/{rest}", server.url().replacen("ws://", "vdoroom://", 1))
}

fn guest(server: &RoomServer) -> PublisherBuilder {
    let alice = Publisher::builder(server.url(), "r", "alice").label("Alice");
    alice.codec(Codec::Vp8).frame_rate(10)
}

fn alice(server: &RoomServer) -> Publisher {
    guest(server).start().unwrap()
}

/// What a pipeline has said on its bus.
#[derive(Debug, Default)]
struct Heard {
    tags: Vec<gst::TagList>,
    streams: usize,
    eos: bool,
}

impl Heard {
    fn has<'a, T: gst::Tag<'a>>(&'a self) -> bool {
        self.tags.iter().any(|tags| tags.get::<T>().is_some())
    }

    /// Listens until `done` says so.
    fn wait(&mut self, pipeline: &gst::Element, what: &str, done: impl Fn(&Self) -> bool) {
        let (bus, until) = (pipeline.bus().unwrap(), Instant::now() + DEADLINE);
        while !done(self) {
            assert!(Instant::now() < until, "{what}: {self:#?}");
            let Some(message) = bus.timed_pop(gst::ClockTime::from_mseconds(50)) else {
                continue;
            };
            use gst::MessageView;
            match message.view() {
                MessageView::Tag(tag) => self.tags.push(tag.tags()),
                MessageView::StreamCollection(it) => self.streams = it.stream_collection().len(),
                MessageView::Eos(_) => self.eos = true,
                MessageView::Error(error) => panic!("{what}: {error:?}"),
                _ => {}
            }
        }
    }
}

/// Counts the buffers that a sink is shown.
fn counting_sink() -> (gst::Element, mpsc::Receiver<()>) {
    let (shown, buffers) = mpsc::channel();
    let sink = gst::ElementFactory::make("fakesink")
        .property("signal-handoffs", true)
        .property("sync", true)
        .build()
        .unwrap();
    sink.connect("handoff", false, move |_| {
        // Nobody listens any more once there were enough.
        let _ = shown.send(());
        None
    });
    (sink, buffers)
}

fn wait_for_buffers(buffers: &mpsc::Receiver<()>, count: usize) {
    for _ in 0..count {
        buffers.recv_timeout(DEADLINE).expect("a buffer");
    }
}

#[test]
fn playbin3_plays_a_guest_until_it_leaves() {
    init();
    let server = RoomServer::start(Dialect::Hosted);
    let alice = alice(&server);
    let ((video, frames), (audio, audio_count)) = (counting_sink(), counting_sink());
    let player = gst::ElementFactory::make("playbin3")
        .property("uri", uri(&server, "r/alice"))
        .property("video-sink", &video)
        .property("audio-sink", &audio)
        .build()
        .unwrap();
    player.set_state(gst::State::Playing).unwrap();
    wait_for_buffers(&frames, 10);
    wait_for_buffers(&audio_count, 10);
    let mut heard = Heard::default();
    heard.wait(&player, "tags and streams", |heard| {
        use gst::tags::{ApplicationName, AudioCodec, Bitrate, Title, VideoCodec};
        heard.streams == 2
            && heard.has::<Title>()
            && heard.has::<ApplicationName>()
            && heard.has::<AudioCodec>()
            && heard.has::<VideoCodec>()
            && heard.has::<Bitrate>()
    });
    let title = heard
        .tags
        .iter()
        .find_map(|tags| tags.get::<gst::tags::Title>());
    assert_eq!(title.unwrap().get(), "Alice");
    alice.stop();
    heard.wait(&player, "EOS", |heard| heard.eos);
    player.set_state(gst::State::Null).unwrap();
}

#[test]
fn uridecodebin3_decodes_video_and_audio_of_a_room() {
    init();
    let server = RoomServer::start(Dialect::Hosted);
    let _alice = alice(&server);
    let pipeline = gst::Pipeline::new();
    let decoder = gst::ElementFactory::make("uridecodebin3")
        .property("uri", uri(&server, "r?receive-screen=false"))
        .build()
        .unwrap();
    pipeline.add(&decoder).unwrap();
    let (pads, decoded) = mpsc::channel();
    let within = pipeline.downgrade();
    decoder.connect_pad_added(move |_, pad| {
        let (sink, buffers) = counting_sink();
        within.upgrade().unwrap().add(&sink).unwrap();
        sink.sync_state_with_parent().unwrap();
        pad.link(&sink.static_pad("sink").unwrap()).unwrap();
        pads.send(buffers).unwrap();
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    for _ in ["video", "audio"] {
        wait_for_buffers(&decoded.recv_timeout(DEADLINE).unwrap(), 5);
    }
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn no_more_pads_are_announced_once_a_guest_has_all_of_them() {
    init();
    let server = RoomServer::start(Dialect::Hosted);
    // One after the other.
    let _alice = guest(&server).split_offers().start().unwrap();
    let uri = uri(&server, "r/alice");
    let source = gst::Element::make_from_uri(gst::URIType::Src, &uri, None).unwrap();
    let handler = source.dynamic_cast_ref::<gst::URIHandler>().unwrap();
    assert_eq!(handler.uri().as_deref(), Some(&*uri));
    assert_eq!(source.property::<String>("room"), "r");
    let (told, complete) = mpsc::channel();
    source.connect_no_more_pads(move |source| told.send(source.src_pads().len()).unwrap());
    let pipeline = gst::Pipeline::new();
    pipeline.add(&source).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    assert_eq!(complete.recv_timeout(DEADLINE), Ok(2));
    let error = handler.set_uri("vdoroom://h/r").unwrap_err();
    assert!(error.matches(gst::URIError::BadState), "{error:?}");
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(complete.try_recv().is_err(), "said twice");
    source.set_property("room", "q");
    assert_eq!(handler.uri(), None);
}

#[test]
fn an_element_is_not_made_from_a_uri_that_says_nothing() {
    init();
    for (uri, word) in [
        ("vdoroom://h", "room"),
        ("vdorooms://h/r?colour=red", "colour"),
    ] {
        let error = gst::Element::make_from_uri(gst::URIType::Src, uri, None).unwrap_err();
        assert!(error.matches(gst::URIError::BadUri), "{error:?}");
        assert!(error.message().contains(word), "{error}");
    }
}

/// `None` if the program is not installed.
fn program(line: &str) -> Option<(Folder, Launch)> {
    let name = line.split(' ').next()?;
    require::program(name).then_some(())?;
    let folder = Folder::new();
    let launch = Launch::shell(&folder.0, &format!("exec {line}"), |_| {});
    Some((folder, launch))
}

#[test]
fn gst_discoverer_tells_what_a_guest_sends_and_ends() {
    let server = RoomServer::start(Dialect::Hosted);
    let _alice = alice(&server);
    let line = format!("gst-discoverer-1.0 -v {}", uri(&server, "r/alice"));
    let Some((_folder, program)) = program(&line) else {
        return;
    };
    let (status, printed) = program.wait(DISCOVERY);
    assert!(status.success(), "{printed}");
    for found in [
        "Live: yes",
        "video/x-vp8",
        "audio/x-opus",
        "title: Alice",
        "audio codec: Opus",
    ] {
        assert!(printed.contains(found), "no {found}: {printed}");
    }
    assert!(!printed.contains("timed out"), "{printed}");
}

#[test]
fn gst_play_ends_when_the_guest_leaves() {
    let server = RoomServer::start(Dialect::Hosted);
    let alice = alice(&server);
    let line = format!(
        "gst-play-1.0 --no-interactive --videosink=fakesink --audiosink=fakesink {}",
        uri(&server, "r/alice")
    );
    let Some((_folder, program)) = program(&line) else {
        return;
    };
    alice.wait_for_frames(20, DEADLINE).unwrap();
    alice.stop();
    let (status, printed) = program.wait(DEADLINE);
    assert!(status.success(), "{printed}");
    assert!(printed.contains("Reached end of play list"), "{printed}");
}
