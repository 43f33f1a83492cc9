// SPDX-License-Identifier: MPL-2.0
//! The signal `mark`: moments of a recording that somebody wants to find again.

use gst::prelude::*;
use serde_json::{Value, json};

use crate::media;
use crate::room::{Recorder, Sender, send_until};

fn mark(recorder: &Recorder, text: Option<&str>) -> bool {
    recorder.sink.emit_by_name("mark", &[&text])
}

fn marks(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|l| l["event"] == "mark").collect()
}

#[test]
fn a_mark_is_a_line_and_a_message_at_its_moment() {
    let mut recorder = Recorder::new();
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(500, &mut [&mut audio]);
    recorder.next("part-opened");
    let now = || recorder.pipeline.current_running_time().unwrap().nseconds() as i64;
    let before = now();
    assert!(mark(&recorder, Some(" \"Yes\",\nshe said ")));
    let after = now();
    let message = recorder.next("mark").fields;
    let at: i64 = message.get("at").unwrap();
    assert!(
        (before..=after).contains(&at),
        "{before} {message:?} {after}"
    );
    assert_eq!(message.get::<u64>("mark"), Ok(1));
    assert_eq!(message.get::<&str>("text"), Ok("\"Yes\",\nshe said"));

    assert!(mark(&recorder, None));
    assert_eq!(recorder.next("mark").text("text"), "mark 2");
    recorder.end();
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    let lines = recorder.folder.manifest();
    let marks = marks(&lines);
    assert_eq!(marks.len(), 2, "{lines:#?}");
    assert_eq!(marks[0]["at"], json!(at));
    assert_eq!(
        marks[0]["at-utc"],
        json!(message.get::<&str>("at-utc").unwrap())
    );
    assert_eq!(marks[0]["text"], "\"Yes\",\nshe said");
    assert_eq!(marks[1]["mark"], 2);
}

#[test]
fn a_long_text_is_cut_between_letters() {
    let mut recorder = Recorder::new();
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(500, &mut [&mut audio]);
    recorder.next("part-opened");
    assert!(mark(&recorder, Some(&"€".repeat(5000))));
    assert_eq!(recorder.next("mark").text("text"), "€".repeat(333));
    recorder.end();
}

#[test]
fn while_nothing_is_recorded_there_is_no_mark() {
    let mut recorder = Recorder::new();
    assert!(!mark(&recorder, Some("too early")));
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(500, &mut [&mut audio]);
    recorder.next("part-opened");
    recorder.end();
    assert!(!mark(&recorder, Some("too late")));
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    assert!(!mark(&recorder, Some("much too late")));
    let lines = recorder.folder.manifest();
    assert_eq!(marks(&lines), Vec::<&Value>::new());
}

#[test]
fn without_a_manifest_a_mark_is_a_message() {
    let mut recorder = Recorder::with(|sink, _| sink.set_property("manifest", ""));
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(500, &mut [&mut audio]);
    recorder.next("part-opened");
    assert!(mark(&recorder, None));
    assert_eq!(recorder.next("mark").text("text"), "mark 1");
    recorder.end();
}
