// SPDX-License-Identifier: MPL-2.0
//! What files and their tracks say of themselves.

use std::path::Path;
use std::process::Command;

use gst::prelude::*;
use serde_json::{Value, json};
use vdoroom_testkit::require;

use crate::media;
use crate::room::{Intro, Recorder, Sender, send_until};

/// Alice's camera and microphone, as a room and its `kinds` of tracks introduce them, with these
/// tags; gives her file and what the manifest says of it.
fn recorded(container: &str, kinds: [Option<&str>; 2], tags: [Tags; 2]) -> Recorded {
    let mut recorder = Recorder::with(|sink, _| {
        sink.set_property_from_str("container", container);
    });
    let group = Some(gst::GroupId::next());
    let media = [media::h264(), media::opus()];
    let ids = ["r/alice/1/a", "r/alice/1/b"];
    let mut senders = [0, 1].map(|number| {
        let intro = Intro {
            stream_id: ids[number],
            group,
            promised: &ids,
            person: Some(("r", "alice", 1, "Alice Ångström")),
        };
        let sender = Sender::connect(&recorder, None, media[number], &intro);
        if let Some(kind) = kinds[number] {
            let person = gst::Structure::builder("vdoroom-stream").field("kind", kind);
            sender.send(gst::event::CustomDownstreamSticky::new(person.build()));
        }
        sender.send(gst::event::Tag::new(tags[number].list()));
        sender
    });
    send_until(1500, &mut senders.each_mut());
    recorder.end();
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    let line = recorder.folder.manifest().pop().unwrap();
    Recorded { recorder, line }
}

/// What a source says of a stream.
#[derive(Clone, Copy, Default)]
struct Tags {
    title: Option<&'static str>,
    language: Option<&'static str>,
}

impl Tags {
    fn list(self) -> gst::TagList {
        use gst::tags::{LanguageCode, Title};
        let mut tags = gst::TagList::new();
        let list = tags.get_mut().unwrap();
        list.set_scope(gst::TagScope::Stream);
        if let Some(title) = self.title {
            list.add::<Title>(&title, gst::TagMergeMode::Replace);
        }
        if let Some(language) = self.language {
            list.add::<LanguageCode>(&language, gst::TagMergeMode::Replace);
        }
        tags
    }
}

struct Recorded {
    recorder: Recorder,
    /// The manifest's last line.
    line: Value,
}

impl Recorded {
    /// `name` and `language` of each track, as the manifest has them.
    fn listed(&self) -> Vec<[Value; 2]> {
        let tracks = self.line["tracks"].as_array().unwrap().iter();
        let caption = |track: &Value| ["name", "language"].map(|field| track[field].clone());
        tracks.map(caption).collect()
    }

    /// What FFmpeg finds; `None` where it is not installed.
    fn probed(&self) -> Option<Value> {
        let file = self.line["file"].as_str().unwrap();
        let probed = probe(Path::new(file));
        assert!(!self.recorder.folder.recordings().is_empty());
        probed
    }
}

fn probe(file: &Path) -> Option<Value> {
    if !require::program_of("ffprobe", "-version") {
        return None;
    }
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-of",
            "json",
            "-show_format",
            "-show_streams",
        ])
        .arg(file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.stderr.is_empty() && output.status.success(),
        "{output:?}"
    );
    Some(serde_json::from_str(&said).unwrap())
}

#[test]
fn a_track_of_a_room_is_called_what_it_is() {
    let kinds = [Some("screen"), Some("screenaudio")];
    let recorded = recorded("matroska", kinds, Default::default());
    let listed = recorded.listed();
    assert_eq!(listed[0], [json!("screen"), Value::Null]);
    assert_eq!(listed[1], [json!("screen audio"), Value::Null]);
    let Some(probed) = recorded.probed() else {
        return;
    };
    let streams = &probed["streams"];
    assert_eq!(streams[0]["tags"]["title"], "screen", "{probed:#}");
    assert_eq!(streams[1]["tags"]["title"], "screen audio", "{probed:#}");
    // "und" is what FFmpeg shows as none.
    assert_eq!(streams[1]["tags"]["language"], Value::Null, "{probed:#}");
}

#[test]
fn a_file_has_a_title_and_a_date() {
    let recorded = recorded("matroska", [None, None], Default::default());
    let Some(probed) = recorded.probed() else {
        return;
    };
    let tags = &probed["format"]["tags"];
    // FFmpeg has one name for the title of the segment and the tag, and spells it as the last.
    assert_eq!(tags["TITLE"], "Alice Ångström", "{probed:#}");
    let start = recorded.line["start-utc"].as_str().unwrap();
    let date = start.replace('T', " ").replace('Z', "");
    assert_eq!(tags["DATE_RECORDED"], json!(date), "{probed:#}");
    let created = tags["creation_time"].as_str().unwrap();
    assert!(created.starts_with(&start[..start.len() - 1]), "{probed:#}");
}

#[test]
fn names_and_languages_come_from_the_tags_of_any_source() {
    let tags = [
        Tags {
            title: Some("Left camera"),
            language: None,
        },
        Tags {
            title: Some("Interpreter"),
            language: Some("de-AT"),
        },
    ];
    let recorded = recorded("matroska", [None, None], tags);
    let listed = recorded.listed();
    assert_eq!(listed[0], [json!("Left camera"), Value::Null]);
    assert_eq!(listed[1], [json!("Interpreter"), json!("de")]);
    let Some(probed) = recorded.probed() else {
        return;
    };
    let streams = &probed["streams"];
    assert_eq!(streams[0]["tags"]["title"], "Left camera", "{probed:#}");
    assert_eq!(streams[1]["tags"]["title"], "Interpreter", "{probed:#}");
    assert_eq!(streams[1]["tags"]["language"], "ger", "{probed:#}");
}

#[test]
fn a_transport_stream_has_the_language_of_its_audio() {
    let german = Tags {
        title: None,
        language: Some("de"),
    };
    let tags = [Tags::default(), german];
    let recorded = recorded("mpegts", [Some("video"), Some("audio")], tags);
    assert_eq!(recorded.listed()[1], [json!("microphone"), json!("de")]);
    let Some(probed) = recorded.probed() else {
        return;
    };
    let streams = probed["streams"].as_array().unwrap();
    let audio = streams.iter().find(|s| s["codec_type"] == "audio").unwrap();
    // Either code of ISO 639-2 will do (ETSI EN 300 468).
    let language = audio["tags"]["language"].as_str();
    assert!(matches!(language, Some("ger" | "deu")), "{probed:#}");
}
