// SPDX-License-Identifier: MPL-2.0
//! The list of what was recorded: as published, whole whatever happens, and the same as what
//! applications are told.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gst::prelude::*;
use serde_json::{Value, json};
use vdoroom_testkit::{Launch, manifest};

use crate::media;
use crate::room::{Folder, Part, Recorder, Sender, send_until, wait_for};

fn events(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|l| l["event"].as_str().unwrap()).collect()
}

/// What a structure holds, as the manifest writes it.
fn as_json(value: &gst::glib::SendValue) -> Value {
    if let Ok(structure) = value.get::<gst::Structure>() {
        let fields = structure.iter();
        return Value::Object(fields.map(|(k, v)| (k.to_string(), as_json(v))).collect());
    }
    if let Ok(array) = value.get::<gst::Array>() {
        return array.iter().map(as_json).collect();
    }
    let number = value.get::<u64>().map(Value::from);
    let number = number.or_else(|_| value.get::<i64>().map(Value::from));
    number.unwrap_or_else(|_| value.get::<String>().unwrap().into())
}

#[test]
fn messages_and_signals_have_the_fields_of_the_manifest() {
    let signals = Arc::new(Mutex::new(Vec::new()));
    let heard = signals.clone();
    let mut recorder = Recorder::with(|sink, _| {
        for event in ["part-opened", "part-closed", "part-failed"] {
            let heard = heard.clone();
            sink.connect(event, false, move |values| {
                let fields = values[1].get::<gst::Structure>().unwrap();
                heard.lock().unwrap().push(fields);
                None
            });
        }
    });
    let mut video = Sender::named(&recorder, "video_alice", media::h264());
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(1500, &mut [&mut video, &mut audio]);
    let opened = recorder.next("part-opened");
    let closed = recorder.end().remove(0);
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    let lines = recorder.folder.manifest();
    assert_eq!(events(&lines), ["run", "part-opened", "part-closed"]);
    let signals = signals.lock().unwrap();
    assert_eq!(signals.len(), 2, "{signals:?}");
    for ((Part { fields }, signal), line) in [opened, closed].iter().zip(&*signals).zip(&lines[1..])
    {
        assert_eq!(json!(signal.name().as_str()), line["event"]);
        for structure in [fields, signal] {
            let mut said: serde_json::Map<_, _> = structure
                .iter()
                .map(|(k, v)| (k.to_string(), as_json(v)))
                .collect();
            said.insert("event".into(), line["event"].clone());
            assert_eq!(Value::Object(said), *line);
        }
    }
}

#[test]
fn a_part_says_where_it_lies_what_it_holds_and_how_long_it_is() {
    let mut recorder = Recorder::with(|sink, folder| {
        let location = folder.join("%s/%n.%e");
        sink.set_property("location", location.to_str().unwrap());
    });
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(2000, &mut [&mut audio]);
    let closed = recorder.end().remove(0);
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    let line = recorder.folder.manifest().remove(2);
    assert_eq!(line["relative-file"], "alice/1.mka");
    assert_eq!(line["file"], json!(closed.file()));
    assert_eq!(line["bytes"], closed.file().metadata().unwrap().len());
    let duration = line["duration"].as_u64().unwrap();
    let sent = 2_000_000_000_u64;
    assert!(duration.abs_diff(sent) < 50_000_000, "{line:#}");
    let track = &line["tracks"][0];
    assert_eq!(track["pad"], "audio_alice");
    assert_eq!(
        (&track["rate"], &track["channels"]),
        (&json!(48_000), &json!(2))
    );
}

#[test]
fn a_part_that_fails_and_parts_of_a_split_follow_the_schema() {
    let mut recorder = Recorder::with(|sink, folder| {
        std::fs::create_dir(folder.join("bob")).unwrap();
        let location = folder.join("%s/%n.%e");
        sink.set_property("location", location.to_str().unwrap());
        sink.set_property("create-folders", false);
        sink.set_property("max-size-time", 1_000_000_000_u64);
    });
    let mut alice = Sender::named(&recorder, "video_alice", media::vp8());
    let mut bob = Sender::named(&recorder, "video_bob", media::h264());
    send_until(2500, &mut [&mut alice, &mut bob]);
    recorder.next("part-failed");
    recorder.end();
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    let lines = recorder.folder.manifest();
    let of = |event: &str| lines.iter().filter(|l| l["event"] == event).count();
    assert!(of("part-failed") >= 1, "{lines:#?}");
    assert_eq!(of("part-closed"), 3, "{lines:#?}");
}

#[test]
fn readers_may_meet_fields_that_writers_must_not_use() {
    let mut recorder = Recorder::new();
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(500, &mut [&mut audio]);
    recorder.end();
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    let mut line = recorder.folder.manifest().remove(2);
    line["from-the-future"] = json!(1);
    assert_eq!(manifest::violation(manifest::schema(), &line), None);
    let refused = std::panic::catch_unwind(|| manifest::assert_follows_schema(&line));
    assert!(refused.is_err());
    line.as_object_mut().unwrap().remove("bytes");
    assert!(manifest::violation(manifest::schema(), &line).is_some());
}

#[test]
fn after_a_kill_the_manifest_is_whole_and_lists_every_file() {
    const PEOPLE: usize = 4;
    let folder = Folder::new();
    let live = (0..PEOPLE).map(|n| {
        format!("audiotestsrc is-live=true samplesperbuffer=960 ! opusenc ! r.audio_{n} ")
    });
    let line = live.collect::<String>()
        + &format!(
            "roomfilesink name=r location={}/ max-size-time=500000000",
            folder.0.display()
        );
    let launch = Launch::start(&folder.0, &line);
    let listed = |lines: &str| -> Vec<PathBuf> {
        let lines = lines
            .lines()
            .map(|l| serde_json::from_str::<Value>(l).unwrap());
        let files = lines.filter(|l| l["event"] == "part-opened");
        files.map(|l| l["file"].as_str().unwrap().into()).collect()
    };
    let read = || std::fs::read_to_string(folder.files(&["jsonl"]).first()?).ok();
    wait_for("several parts of each", || {
        let text = read()?;
        (text.matches("part-closed").count() >= 2 * PEOPLE).then_some(())
    });
    launch.signal("KILL");
    launch.wait(Duration::from_secs(5));
    let text = read().unwrap();
    // The last line may be cut.
    let whole = &text[..text.rfind('\n').unwrap()];
    for line in whole.lines() {
        manifest::assert_follows_schema(&serde_json::from_str(line).unwrap());
    }
    let listed = listed(whole);
    for file in folder.recordings() {
        // A file is created a moment before its line is written.
        let is_new = file.metadata().unwrap().len() == 0;
        assert!(
            is_new || listed.contains(&file),
            "{file:?} is not in\n{text}"
        );
    }
}
