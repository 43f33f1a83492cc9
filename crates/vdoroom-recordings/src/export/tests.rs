// SPDX-License-Identifier: MPL-2.0

use crate::manifest::Manifest;

use super::*;

const SECOND: u64 = 1_000_000_000;
const VIDEO: &str = r#"{"kind":"video","codec":"H264","sizes":["64x48"]}"#;
const AUDIO: &str = r#"{"kind":"audio","codec":"opus","rate":48000,"channels":1}"#;

/// A part of this stream in a file that is there, from and until so many seconds.
fn part(id: u64, stream: &str, from: u64, until: u64, tracks: &[&str]) -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let (start, end) = (from * SECOND, until * SECOND);
    let tracks = tracks.join(",");
    format!(
        r#"{{"event":"part-closed","part":{id},"room":"r","stream":"{stream}","label":"","file":"{file}","container":"mpegts","start":{start},"start-utc":"1970-01-01T00:01:{from:02}Z","began":"start","tracks":[{tracks}],"end":{end}}}"#
    )
}

/// Alice from 5 s to 8 s and from 10 s to 12 s, Bob from 9 s to 12 s.
fn two_people() -> Vec<String> {
    vec![
        part(1, "bob", 9, 12, &[VIDEO, AUDIO]),
        part(2, "alice", 5, 8, &[VIDEO, AUDIO]),
        part(3, "alice", 10, 12, &[VIDEO, AUDIO]),
    ]
}

fn recording(parts: &[String]) -> Recording {
    let run = r#"{"event":"run","version":1,"host":"h","pid":1}"#;
    let manifest = Manifest::parse(&format!("{run}\n{}", parts.join("\n")));
    Recording::of(&manifest, &|_| Measured {
        length: 2 * SECOND,
        sizes: vec![(64, 48), (128, 96)],
    })
}

fn plan(parts: &[String], request: &Request) -> Plan {
    Plan::of(recording(parts), request).unwrap()
}

fn to(format: Format) -> Request {
    Request {
        to: Some(format),
        ..Request::default()
    }
}

fn aligned(format: Format) -> Request {
    Request {
        align: true,
        ..to(format)
    }
}

/// Name, beginning since 1970 and length, in seconds.
fn spans(plan: &Plan) -> Vec<(&str, u64, u64)> {
    let outputs = plan.outputs.iter();
    outputs
        .map(|o| (o.file.as_str(), o.start_utc / SECOND, o.length / SECOND))
        .collect()
}

/// Zero, from and until of each piece, in seconds.
fn seconds(pieces: &[Piece]) -> Vec<[i64; 3]> {
    let second = SECOND as i64;
    let piece = |p: &Piece| [p.zero, p.from as i64, p.until as i64].map(|ns| ns / second);
    pieces.iter().map(piece).collect()
}

fn heard(output: &Output) -> Vec<[i64; 3]> {
    seconds(&output.audio.as_ref().unwrap().people[0])
}

fn why(output: &Output) -> &'static str {
    match &output.video.as_ref().unwrap().how {
        VideoWork::Copied { .. } => "copied",
        VideoWork::Encoded { why, .. } => why,
    }
}

#[test]
fn each_part_is_a_file_and_video_is_copied() {
    let plan = plan(&two_people(), &to(Format::Mp4));
    assert_eq!(
        spans(&plan),
        [
            ("Cargo.mp4", 65, 3),
            ("Cargo_2.mp4", 70, 2),
            ("Cargo_3.mp4", 69, 3)
        ]
    );
    for output in &plan.outputs {
        assert_eq!(why(output), "copied");
        let audio = output.audio.as_ref().unwrap();
        assert_eq!(audio.how, AudioWork::Encoded(AudioCodec::Aac));
        assert_eq!((audio.rate, audio.channels), (48_000, 1));
    }
}

#[test]
fn audio_files_are_one_for_each_person_from_their_first_moment() {
    let plan = plan(&two_people(), &to(Format::Wav));
    assert_eq!(spans(&plan), [("alice.wav", 65, 7), ("bob.wav", 69, 3)]);
    assert!(plan.outputs.iter().all(|o| o.video.is_none()));
    assert_eq!(heard(&plan.outputs[0]), [[0, 0, 3], [5, 5, 7]]);
}

#[test]
fn aligned_files_begin_and_end_together() {
    let plan = plan(&two_people(), &aligned(Format::Mov));
    assert_eq!(spans(&plan), [("alice.mov", 65, 7), ("bob.mov", 65, 7)]);
    assert_eq!(heard(&plan.outputs[1]), [[4, 4, 7]]);
    assert_eq!(why(&plan.outputs[1]), "files are aligned");
}

#[test]
fn a_stretch_is_cut_out_by_times_after_the_beginning_or_of_the_day() {
    let request = Request {
        from: Some(Moment::After(2 * SECOND)),
        until: Some("1970-01-01T00:01:11Z".parse().unwrap()),
        ..aligned(Format::Wav)
    };
    let plan = plan(&two_people(), &request);
    assert_eq!(spans(&plan), [("alice.wav", 67, 4), ("bob.wav", 67, 4)]);
    assert_eq!(heard(&plan.outputs[0]), [[-2, 0, 1], [3, 3, 4]]);
}

#[test]
fn a_part_that_is_cut_is_encoded() {
    let request = Request {
        from: Some(Moment::After(SECOND)),
        ..to(Format::Mkv)
    };
    let plan = plan(&two_people(), &request);
    assert_eq!(why(&plan.outputs[0]), "a part is cut");
    assert_eq!(why(&plan.outputs[1]), "copied");
    let copied = plan.outputs[1].audio.as_ref().unwrap();
    assert_eq!(copied.how, AudioWork::Copied);
}

#[test]
fn video_is_encoded_where_it_cannot_be_copied() {
    let resized = VIDEO.replace(r#""64x48""#, r#""64x48","128x97""#);
    let vp8 = VIDEO.replace("H264", "VP8");
    let parts = [
        part(1, "a", 0, 1, &[&resized]),
        part(2, "b", 0, 1, &[&vp8]),
        part(3, "c", 0, 1, &[VIDEO]),
    ];
    let encoded = plan(&parts, &to(Format::Mp4));
    let all: Vec<_> = encoded.outputs.iter().map(why).collect();
    let codec = "the container does not take the codec";
    assert_eq!(all, ["its size changes", codec, "copied"]);
    let VideoWork::Encoded { size, .. } = encoded.outputs[0].video.as_ref().unwrap().how else {
        panic!("{:?}", encoded.outputs[0]);
    };
    assert_eq!(size, (128, 98));
    let request = Request {
        rate: Some("25".parse().unwrap()),
        ..to(Format::Mp4)
    };
    let rated = plan(&parts, &request);
    assert_eq!(why(&rated.outputs[2]), "a constant frame rate is asked for");
}

#[test]
fn a_part_that_begins_before_the_last_has_ended_is_seen_from_there() {
    let parts = [
        part(1, "alice", 0, 5, &[VIDEO]),
        part(2, "alice", 3, 9, &[VIDEO]),
        part(3, "alice", 6, 8, &[VIDEO]),
    ];
    let plan = plan(&parts, &aligned(Format::Mkv));
    let video = plan.outputs[0].video.as_ref().unwrap();
    assert_eq!(seconds(&video.people[0]), [[0, 0, 5], [3, 5, 9]]);
    assert_eq!(plan.notes.len(), 1, "{:?}", plan.notes);
}

#[test]
fn what_was_never_closed_is_measured_and_told() {
    let mut parts = two_people();
    let text = parts[2].replace("part-closed", "part-opened");
    let (open, _) = text.split_once(r#","end""#).unwrap();
    parts[2] = format!("{open}}}");
    let aligned = plan(&parts, &aligned(Format::Wav));
    assert_eq!(heard(&aligned.outputs[0]), [[0, 0, 3], [5, 5, 7]]);
    assert_eq!(aligned.warnings.len(), 1, "{:?}", aligned.warnings);
    let copies = plan(&parts, &to(Format::Mp4));
    let all: Vec<_> = copies.outputs.iter().map(why).collect();
    assert_eq!(all, ["copied", "its size changes", "copied"]);
}

#[test]
fn what_cannot_be_copied_can_be_encoded() {
    let plan = plan(&two_people(), &to(Format::Mp4));
    let encoded = plan.outputs[0].encoded().unwrap();
    assert_eq!(why(&encoded), "it cannot be copied");
    let VideoWork::Encoded { size, codec, .. } = encoded.video.as_ref().unwrap().how else {
        panic!("{encoded:?}");
    };
    assert_eq!((size, codec), ((64, 48), VideoCodec::H264));
    assert!(encoded.encoded().is_none());
}

#[test]
fn all_begin_with_the_first_part_even_if_that_is_lost() {
    let mut parts = two_people();
    parts[1] = parts[1].replace("/Cargo.toml", "/lost.ts");
    let plan = plan(&parts, &aligned(Format::Wav));
    assert_eq!(spans(&plan), [("bob.wav", 65, 7), ("alice.wav", 65, 7)]);
    assert_eq!(heard(&plan.outputs[1]), [[5, 5, 7]]);
}

#[test]
fn only_whom_one_asks_for_is_exported_on_the_timeline_of_all() {
    let request = Request {
        people: vec!["bob".into()],
        ..aligned(Format::Flac)
    };
    assert_eq!(spans(&plan(&two_people(), &request)), [("bob.flac", 65, 7)]);
    let request = Request {
        people: vec!["carol".into()],
        ..request
    };
    let error = Plan::of(recording(&two_people()), &request).unwrap_err();
    let told = "nobody is called carol; there are: alice, bob";
    assert_eq!(error, Refused::NotThere(told.into()));
}

#[test]
fn a_mix_has_everybody_and_speech_is_mono() {
    let request = Request {
        mix: true,
        transcript_audio: true,
        ..Request::default()
    };
    let plan = plan(&two_people(), &request);
    assert_eq!(
        spans(&plan),
        [
            ("alice-speech.wav", 65, 7),
            ("bob-speech.wav", 69, 3),
            ("mix.mp4", 65, 7),
            ("mix.wav", 65, 7)
        ]
    );
    let speech = plan.outputs[0].audio.as_ref().unwrap();
    assert_eq!((speech.rate, speech.channels), (16_000, 1));
    assert_eq!(plan.outputs[2].video.as_ref().unwrap().people.len(), 2);
    assert_eq!(plan.outputs[3].audio.as_ref().unwrap().people.len(), 2);
}

#[test]
fn a_time_without_a_recording_is_told() {
    let request = Request {
        from: Some(Moment::After(60 * SECOND)),
        ..to(Format::Mov)
    };
    let error = Plan::of(recording(&two_people()), &request).unwrap_err();
    let Refused::NotThere(error) = error else {
        panic!("{error}")
    };
    assert!(error.starts_with("there is nothing to export"), "{error}");
}

#[test]
fn marks_are_chapters_of_the_files_that_go_on_then() {
    let mark = |number: u64, at: u64, text: &str| {
        let at = at * SECOND;
        format!(r#"{{"event":"mark","mark":{number},"at":{at},"at-utc":"t","text":"{text}"}}"#)
    };
    let marks = [
        mark(1, 11, "last"),
        mark(2, 6, "first"),
        mark(3, 1, "before all"),
        mark(4, 12, "after all"),
    ];
    let lines = [two_people(), marks.to_vec()].concat();
    let chapters = |plan: &Plan| -> Vec<(String, Vec<(u64, String)>)> {
        let outputs = plan.outputs.iter();
        let of = |o: &Output| {
            let chapters = o.chapters.iter();
            let chapters = chapters.map(|c| (c.at / SECOND, c.title.clone()));
            (o.file.clone(), chapters.collect())
        };
        outputs.map(of).collect()
    };
    let (first, last) = ("first".to_owned(), "last".to_owned());
    assert_eq!(
        chapters(&plan(&lines, &aligned(Format::Mp4))),
        [
            (
                "alice.mp4".into(),
                vec![(1, first.clone()), (6, last.clone())]
            ),
            (
                "bob.mp4".into(),
                vec![(1, first.clone()), (6, last.clone())]
            ),
        ]
    );
    let request = Request {
        people: vec!["bob".into()],
        ..to(Format::Mkv)
    };
    let single = chapters(&plan(&lines, &request));
    assert_eq!(single.len(), 1);
    assert_eq!(single[0].1, [(2, last)]);
}
