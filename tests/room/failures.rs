// SPDX-License-Identifier: MPL-2.0
//! What can be set wrongly, and what can be missing: one clear message, and no hang.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use gst::prelude::*;
use vdoroom_testkit::server::Certificate;
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Password, Publisher, RoomServer};

use crate::recording::{self, DEADLINE, Recording, init, init_with_key};

/// `vdoroomsrc` for a room on `server`, which most tests stop at once.
fn source(server: &RoomServer, room: &str) -> gst::Element {
    init_with_key();
    recording::source(server, room)
}

/// `vdoroomsrc` in a pipeline of its own, as far as PLAYING.
fn playing(set: impl FnOnce(&gst::Element)) -> Recording {
    init_with_key();
    let source = gst::ElementFactory::make("vdoroomsrc").build().unwrap();
    set(&source);
    let recording = Recording::of(source, Folder::new());
    recording.play();
    recording
}

/// The one complaint that is made, which must contain `words`; then NULL, in time.
fn complains(mut recording: Recording, words: &[&str]) {
    recording.wait("a complaint", |r| !r.complaints.is_empty());
    let [complaint] = recording.complaints.as_slice() else {
        panic!("more than one: {:?}", recording.complaints);
    };
    for word in words {
        assert!(
            complaint.contains(word),
            "\"{word}\" is not in: {complaint}"
        );
    }
    recording.stop();
}

/// A setting that cannot work fails the state change, with an error that contains `words`.
fn is_refused(set: impl FnOnce(&gst::Element), words: &[&str]) {
    init_with_key();
    let source = gst::ElementFactory::make("vdoroomsrc").build().unwrap();
    set(&source);
    let recording = Recording::of(source, Folder::new());
    assert!(recording.pipeline.set_state(gst::State::Playing).is_err());
    complains(recording, words);
}

#[test]
fn a_server_that_refuses_the_connection() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("ws://127.0.0.1:{port}");
    let recording = playing(|s| {
        s.set_property("server", &url);
        s.set_property("room", "r");
    });
    complains(recording, &[&url, "refused", "again"]);
}

#[test]
fn a_server_name_that_does_not_exist() {
    let recording = playing(|s| {
        s.set_property("server", "ws://room-server.invalid:8443");
        s.set_property("room", "r");
    });
    complains(recording, &["room-server.invalid"]);
}

#[test]
fn a_server_that_never_answers_leaves_null_a_second_away() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let recording = playing(|s| {
        s.set_property("server", &url);
        s.set_property("room", "r");
    });
    let _accepted = listener.accept().unwrap();
    recording.stop();
}

#[test]
fn a_certificate_that_nobody_vouches_for() {
    let certificate = Certificate::loopback();
    let server = RoomServer::builder()
        .certificate(certificate.clone())
        .start()
        .unwrap();
    let untrusting = Recording::of(source(&server, "r"), Folder::new());
    untrusting.play();
    complains(untrusting, &["TLS", "cafile"]);

    let folder = Folder::new();
    let cafile = folder.0.join("ca.pem");
    std::fs::write(&cafile, &certificate.chain).unwrap();
    for (property, value) in [
        ("cafile", cafile.to_str().unwrap().to_value()),
        ("insecure-tls", true.to_value()),
    ] {
        let source = source(&server, "r");
        source.set_property_from_value(property, &value);
        let mut trusting = Recording::of(source, Folder::new());
        trusting.play();
        trusting.wait("the room", |r| r.stats().get("state") == Ok("joined"));
        assert_eq!(trusting.complaints, Vec::<String>::new());
        trusting.stop();
    }
}

#[test]
fn an_empty_room_is_waited_for() {
    init_with_key();
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    recording.wait("the room", |r| r.stats().get("state") == Ok("joined"));
    let recorded = recording.finish();
    assert_eq!(recorded.complaints, Vec::<String>::new());
    assert!(recorded.files.is_empty());
}

#[test]
fn a_wrong_password_is_told_as_an_empty_room() {
    let server = RoomServer::start(Dialect::Hosted);
    let alice = Publisher::builder(server.url(), "r", "alice")
        .codec(Codec::Vp8)
        .password(Password::Own("right".into()))
        .start()
        .unwrap();
    alice.wait_until_joined(Duration::from_secs(10)).unwrap();
    let source = source(&server, "r");
    source.set_property("password", "wrong");
    let recording = Recording::of(source, Folder::new());
    recording.play();
    complains(recording, &["\"r\"", "password"]);
    assert_eq!(alice.viewers(), 0);
}

#[test]
fn settings_that_cannot_work_are_refused_with_a_reason() {
    is_refused(|_| {}, &["room"]);
    is_refused(
        |s| {
            s.set_property("room", "r");
            s.set_property("server", "http://example.org");
        },
        &["http://example.org", "ws://"],
    );
    is_refused(
        |s| {
            s.set_property("room", "r");
            s.set_property("password-env", "VDOROOM_TEST_IS_NOT_SET");
        },
        &["VDOROOM_TEST_IS_NOT_SET"],
    );
    is_refused(
        |s| {
            s.set_property("room", "r");
            s.set_property("video-codecs", gst::Array::new(["VP8", "H.264"]));
        },
        &["video-codecs", "H.264", "H264"],
    );
    is_refused(
        |s| {
            s.set_property("room", "r");
            s.set_property("turn-servers", gst::Array::new(["turn:relay.example.org"]));
        },
        &["turn:relay.example.org", "turn-user"],
    );
    is_refused(
        |s| {
            s.set_property("room", "r");
            s.set_property("shard-index", 3u32);
            s.set_property("shard-count", 3u32);
        },
        &["shard-index is 3", "shard-count 3"],
    );
}

#[test]
fn secrets_do_not_read_back() {
    init();
    let source = gst::ElementFactory::make("vdoroomsrc").build().unwrap();
    source.set_property("password", "sesame");
    source.set_property("turn-servers", gst::Array::new(["turn://me:sesame@h:1"]));
    source.set_property("turn-password", "sesame");
    for property in source.list_properties() {
        if property.flags().contains(gst::glib::ParamFlags::READABLE) {
            let value = source.property_value(property.name());
            assert!(
                !format!("{value:?}").contains("sesame"),
                "{}",
                property.name()
            );
        }
    }
    assert_eq!(
        source.property::<Option<String>>("password").as_deref(),
        Some("***")
    );
}

#[test]
fn a_number_out_of_range_is_told_and_not_taken() {
    let folder = Folder::new();
    let line = "exec gst-launch-1.0 vdoroomsrc room=r stream-timeout=5 ! fakesink";
    // A warning of GLib 2.74, and a critical one of 2.84.
    let mut launch = Launch::shell(&folder.0, line, |command| {
        command.env_remove("G_DEBUG");
    });
    launch.wait_for_line("out of range for property 'stream-timeout'", DEADLINE);
    launch.wait_for_line("Setting pipeline to PLAYING", DEADLINE);
    launch.signal("INT");
    let (_, printed) = launch.wait(Duration::from_secs(2));
    assert!(printed.contains("Setting pipeline to NULL"), "{printed}");
}

/// All system plugins but these.
pub fn plugins_without(folder: &Path, left_out: &[&str]) {
    let library = system_plugins();
    let left_out: Vec<String> = left_out
        .iter()
        .map(|name| format!("libgst{name}.so"))
        .collect();
    for entry in std::fs::read_dir(library).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        let is_left_out = left_out.iter().any(|other| name == other.as_str());
        if !is_left_out && entry.path().extension().is_some_and(|e| e == "so") {
            std::os::unix::fs::symlink(entry.path(), folder.join(name)).unwrap();
        }
    }
}

/// Where the system keeps its plugins.
fn system_plugins() -> std::path::PathBuf {
    init();
    let core = gst::Registry::get().find_plugin("coreelements").unwrap();
    core.filename().unwrap().parent().unwrap().to_owned()
}

#[test]
fn a_missing_plugin_is_named_with_its_debian_package() {
    let (folder, plugins) = (Folder::new(), Folder::new());
    plugins_without(&plugins.0, &["nice"]);
    let launch = Launch::shell(
        &folder.0,
        "exec gst-launch-1.0 vdoroomsrc room=r engine=webrtcbin ! fakesink",
        |command| {
            command.env("GST_PLUGIN_SYSTEM_PATH_1_0", &plugins.0);
            command.env("GST_REGISTRY", folder.0.join("registry.bin"));
        },
    );
    let (status, printed) = launch.wait(Duration::from_secs(30));
    assert!(!status.success());
    assert!(printed.contains("gstreamer1.0-nice"), "{printed}");
}
