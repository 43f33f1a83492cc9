// SPDX-License-Identifier: MPL-2.0
//! A guest whose browser encrypts each frame from end to end (`&e2ee`): nobody can play that.

use gst::prelude::*;
use serde_json::{Value, json};
use vdoroom_testkit::chromium::{self, Chromium};
use vdoroom_testkit::{Dialect, Publisher, RoomServer};

use crate::recording::{Recording, structures};

/// Of somebody who encrypts nothing, after the warning.
const FRAMES: u64 = 60;

/// Whether `stats` say that it cannot be decoded, of each track.
fn undecodable(recording: &Recording, stream: &str) -> Vec<(String, bool)> {
    let stats = recording.stream(stream).unwrap();
    let sessions = structures(&stats, "sessions");
    let tracks = structures(sessions.last().unwrap(), "tracks");
    let tracks = tracks.iter().map(|track| {
        let kind = track.get::<String>("kind").unwrap();
        (kind, track.get("undecodable").unwrap())
    });
    tracks.collect()
}

/// What the manifest says of it, of each track.
fn listed(manifest: &[Value], stream: &str) -> Vec<(String, Value)> {
    let closed = |line: &&Value| line["event"] == "part-closed" && line["stream"] == stream;
    let parts = manifest.iter().filter(closed);
    let tracks = parts.flat_map(|part| part["tracks"].as_array().unwrap());
    let tracks = tracks.map(|track| {
        let kind = track["kind"].as_str().unwrap().to_owned();
        (kind, track["undecodable"].clone())
    });
    tracks.collect()
}

/// `kinds`: the tracks that `stats` call so.
fn is_told(codec: &str, audio_codec: &str, kinds: &[&str]) {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        let codecs = gst::Array::new([audio_codec, "PCMA", "OPUS"]);
        source.set_property("audio-codecs", codecs);
    });
    let alice = Publisher::builder(server.url(), "r", "alice")
        .frame_rate(15)
        .start()
        .unwrap();
    let browser = Chromium::builder(server.url(), "r", "sealed")
        .codec(codec)
        .video(320, 180, 15)
        .e2ee()
        .start()
        .unwrap();
    recording.wait("all is called undecodable", |r| {
        let is_there =
            r.buffers("sealed", "audio") > Some(50) && r.buffers("alice", "video").is_some();
        let found = match is_there {
            true => undecodable(r, "sealed"),
            false => Default::default(),
        };
        let found = found
            .iter()
            .filter(|(_, is)| *is)
            .map(|(kind, _)| kind.as_str());
        let mut found: Vec<_> = found.collect();
        found.sort_unstable();
        found == kinds
    });
    let since = recording.frames("alice");
    recording.wait_for_frames(&["alice"], since + FRAMES);
    let honest = undecodable(&recording, "alice");
    assert!(honest.iter().all(|(_, is)| !is), "{honest:?}");
    let recorded = recording.finish_arrived(&[("alice", &alice)]);
    let [warning] = recorded.complaints.as_slice() else {
        panic!("one warning, not {:#?}", recorded.complaints);
    };
    println!("{codec} and {audio_codec}: {warning}");
    for part in ["stream \"sealed\": ", "end to end", "&e2ee"] {
        assert!(warning.contains(part), "{warning}");
    }
    let honest = [("video", Value::Null), ("audio", Value::Null)];
    assert_eq!(
        listed(&recorded.manifest, "alice"),
        honest.map(|(k, v)| (k.to_owned(), v))
    );
    // Its video seldom has what looks like a keyframe, and then begins in a file.
    let sealed = listed(&recorded.manifest, "sealed");
    assert!(!sealed.is_empty());
    assert!(
        sealed.iter().all(|(_, is)| *is == json!(true)),
        "{sealed:?}"
    );
    assert_eq!(browser.complaints(), Vec::<Value>::new());
}

#[test]
fn vp8_and_opus_that_are_encrypted_from_end_to_end_are_told_of() {
    is_told("VP8", "OPUS", &["audio", "video"]);
}

#[test]
fn vp9_and_pcmu_that_are_encrypted_from_end_to_end_are_told_of() {
    is_told("VP9", "PCMU", &["audio", "video"]);
}

#[test]
fn av1_that_is_encrypted_from_end_to_end_is_told_of() {
    is_told("AV1", "OPUS", &["audio", "video"]);
}

/// Chromium finds no NAL units in what it is to send, and sends nothing (156).
#[test]
fn encrypted_h264_does_not_come_and_its_audio_is_told_of() {
    is_told("H264", "OPUS", &["audio"]);
}
