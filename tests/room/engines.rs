// SPDX-License-Identifier: MPL-2.0
//! What one engine has and the other has not. That the native one does everything else as well, the
//! other tests prove when they are built with it for the default engine (`scripts/test-long`).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, RoomServer, by_webrtcbin};

use crate::failures::plugins_without;
use crate::recording::{DEADLINE, Recording, assert_all_whole, interrupt, launch_line};

/// More than two seconds.
const FRAMES: u64 = 40;

fn native(source: &gst::Element) {
    source.set_property_from_str("engine", "native");
}

fn publish(server: &RoomServer, name: &str, codec: Codec) -> Publisher {
    let person = Publisher::builder(server.url(), "r", name).codec(codec);
    person.frame_rate(15).start().unwrap()
}

fn launch(
    server: &RoomServer,
    folder: &Path,
    set: impl FnOnce(&mut std::process::Command),
) -> Launch {
    let line = launch_line(server).replace("vdoroomsrc ", "vdoroomsrc engine=native ");
    assert!(line.contains("engine=native"), "{line}");
    Launch::shell(folder, &format!("exec gst-launch-1.0 {line}"), set)
}

#[test]
fn people_are_recorded_complete_by_the_native_engine() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", native);
    let alice = publish(&server, "alice", Codec::H264);
    let bob = publish(&server, "bob", Codec::Vp8);
    recording.wait_for_frames(&["alice", "bob"], FRAMES);
    assert_eq!(recording.complaints, Vec::<String>::new());
    recording.finish_complete(&[("alice", &alice), ("bob", &bob)]);
}

/// Nothing of GStreamer that makes connections is there.
#[test]
fn the_native_engine_needs_none_of_the_plugins_of_webrtcbin() {
    let (folder, plugins) = (Folder::new(), Folder::new());
    plugins_without(
        &plugins.0,
        &["nice", "webrtc", "dtls", "srtp", "sctp", "rtpmanager"],
    );
    let server = RoomServer::start(Dialect::Hosted);
    let mut recorder = launch(&server, &folder.0, |command| {
        command.env("GST_PLUGIN_SYSTEM_PATH_1_0", &plugins.0);
        command.env("GST_REGISTRY", folder.0.join("registry.bin"));
    });
    let alice = publish(&server, "alice", Codec::Vp8);
    recorder.wait_for_line("roomfilesink-part-opened", DEADLINE);
    alice.wait_for_frames(60, DEADLINE).unwrap();
    let files = interrupt(recorder, &folder, Duration::from_secs(5));
    assert_all_whole(&files, 1);
}

/// The names of a process's threads.
fn threads(pid: u32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let names = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
    // One may end while the others are looked at.
    names.flatten().map(|name| name.trim().to_owned()).collect()
}

/// How many sockets a process has.
fn sockets(pid: u32) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let targets = descriptors.filter_map(|one| std::fs::read_link(one.ok()?.path()).ok());
    let is_socket = |target: &std::path::PathBuf| target.to_string_lossy().starts_with("socket:");
    targets.filter(is_socket).count()
}

#[test]
fn a_further_person_costs_no_thread_and_no_port() {
    let (folder, server) = (Folder::new(), RoomServer::start(Dialect::Hosted));
    let mut recorder = launch(&server, &folder.0, |_| {});
    let mut people = Vec::new();
    let mut sockets_with = |name: &str| {
        people.push(publish(&server, name, Codec::Vp8));
        recorder.wait_for_line("roomfilesink-part-opened", DEADLINE);
        sockets(recorder.pid())
    };
    let counts = ["alice", "bob", "carol", "dave"].map(&mut sockets_with);
    assert_eq!(counts, [counts[0]; 4]);
    let names = threads(recorder.pid());
    let receive = names.iter().filter(|name| *name == "vdoroom:rtc");
    assert_eq!(receive.count(), 1, "{names:?}");
    // A queue's thread has the name of its session's element.
    let of_people = names.iter().filter(|name| name.starts_with("session"));
    assert_eq!(of_people.count(), 0, "{names:?}");
    let files = interrupt(recorder, &folder, Duration::from_secs(5));
    assert_eq!(files.len(), 4);
}

#[test]
fn pads_of_the_native_engine_tell_its_latency() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", native);
    let alice = publish(&server, "alice", Codec::Vp8);
    recording.wait_for_frames(&["alice"], 5);
    let latency = |recording: &Recording| {
        let pad = recording.source.static_pad("video_alice").unwrap();
        let mut query = gst::query::Latency::new();
        assert!(pad.query(&mut query));
        let (live, min, _) = query.result();
        (live, min)
    };
    // Its thread takes packets every 20 ms.
    let live = |ms: u64| (true, gst::ClockTime::from_mseconds(ms + 20));
    assert_eq!(latency(&recording), live(500));
    recording.source.set_property("latency", 1000u32);
    let longer = live(1000);
    recording.wait("the new latency", |r| latency(r) == longer);
    recording.wait_for_frames(&["alice"], FRAMES);
    recording.finish_complete(&[("alice", &alice)]);
}

/// Its queue is found by names that are webrtcbin's own: with another release they may be others.
#[test]
fn media_passes_webrtcbins_queue() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", by_webrtcbin);
    let alice = publish(&server, "alice", Codec::Vp8);
    // In the first 5 s, which are 75 frames, media goes by the queue.
    recording.wait_for_frames(&["alice"], 100);
    let queues = recording.elements("queue");
    let in_receiver =
        |queue: &&gst::Element| queue.parent().unwrap().type_().name() == "TransportReceiveBin";
    let queue = queues.iter().find(in_receiver).unwrap();
    let queued = Arc::new(AtomicU32::new(0));
    let count = queued.clone();
    let of_media = move |_: &gst::Pad, info: &mut gst::PadProbeInfo<'_>| {
        let packet = info.buffer().unwrap().map_readable().unwrap();
        let is_rtcp = packet
            .get(1)
            .is_some_and(|second| (192..224).contains(second));
        if packet.first().is_some_and(|first| *first >= 128) && !is_rtcp {
            count.fetch_add(1, Relaxed);
        }
        gst::PadProbeReturn::Ok
    };
    let out = queue.static_pad("src").unwrap();
    out.add_probe(gst::PadProbeType::BUFFER, of_media);
    recording.wait_for_frames(&["alice"], 100 + FRAMES);
    assert_eq!(queued.load(Relaxed), 0);
    recording.finish_complete(&[("alice", &alice)]);
}

/// The data channel is the first m-line here, as in every offer of VDO.Ninja.
#[test]
fn webrtcbin_sends_feedback_of_reduced_size() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", by_webrtcbin);
    let alice = publish(&server, "alice", Codec::Vp8);
    recording.wait_for_frames(&["alice"], FRAMES);
    let session = recording.elements("rtpsession").remove(0);
    let session = session.property::<glib::Object>("internal-session");
    assert!(session.property::<bool>("rtcp-reduced-size"));
    recording.finish_complete(&[("alice", &alice)]);
}
