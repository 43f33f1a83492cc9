// SPDX-License-Identifier: MPL-2.0
//! People may call themselves what they like.

use std::path::Path;

use gst::prelude::*;
use vdoroom_testkit::{Codec, Dialect, Password, Publisher, RoomServer};

use crate::recording::{Recording, source};

#[test]
fn odd_names_of_a_room_become_plain_names_of_files() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::into_sink(source(&server, "r"), |sink, folder| {
        let location = folder.join("room/%l-%s.%e");
        sink.set_property("location", location.to_str().unwrap());
        sink.set_property("manifest", folder.join("m.jsonl").to_str().unwrap());
    });
    let people = [
        ("Alice", "../../etc/passwd"),
        ("alice", "a\0b\nc 👩\u{200d}💻"),
        ("CON", &"🎥".repeat(300)),
    ];
    let publishers = people.map(|(stream, label)| {
        let builder = Publisher::builder(server.url(), "r", stream).label(label);
        builder.codec(Codec::Vp8).start().unwrap()
    });
    recording.wait_for_frames(&people.map(|(stream, _)| stream), 30);
    let recorded = recording.finish();
    let room = recording_folder(&recorded.manifest[0]["location"]);
    let closed = recorded
        .manifest
        .iter()
        .filter(|l| l["event"] == "part-closed");
    let files: Vec<_> = closed
        .map(|l| Path::new(l["file"].as_str().unwrap()))
        .collect();
    assert_eq!(files.len(), people.len(), "{files:?}");
    for file in &files {
        assert_eq!(file.parent(), Some(room.as_path()), "{file:?}");
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(
            !name.contains(char::is_control) && name.len() < 255,
            "{name:?}"
        );
    }
    drop(publishers);
}

#[test]
fn a_room_is_a_folder_where_the_location_says_so_and_its_password_is_in_no_name() {
    const ROOM: &str = "Studio 1";
    let server = RoomServer::start(Dialect::Hosted);
    let source = source(&server, ROOM);
    source.set_property("password", "hunter2");
    let mut recording = Recording::into_sink(source, |sink, folder| {
        let location = folder.join("%r/%s.%e");
        sink.set_property("location", location.to_str().unwrap());
        sink.set_property("manifest", folder.join("m.jsonl").to_str().unwrap());
    });
    let alice = Publisher::builder(server.url(), ROOM, "alice")
        .password(Password::own("hunter2"))
        .codec(Codec::Vp8)
        .start()
        .unwrap();
    recording.wait_for_frames(&["alice"], 30);
    let folder = recording.folder.clone();
    let recorded = recording.finish();
    let closed = recorded.manifest.last().unwrap();
    assert_eq!(closed["relative-file"], "Studio_1/alice.mkv", "{closed}");
    assert!(folder.0.join("Studio_1/alice.mkv").exists());
    let manifest = format!("{:?}", recorded.manifest);
    assert!(!manifest.contains("hunter2"), "{manifest}");
    drop(alice);
}

fn recording_folder(location: &serde_json::Value) -> std::path::PathBuf {
    let location = Path::new(location.as_str().unwrap());
    location.parent().unwrap().to_owned()
}
