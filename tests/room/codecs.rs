// SPDX-License-Identifier: MPL-2.0
//! Each codec, from a publisher to a file that two players take.

use gst::prelude::*;
use serde_json::Value;
use vdoroom_testkit::check::second_opinion;
use vdoroom_testkit::{AudioCodec, Codec, Dialect, Publisher, RoomServer};

use crate::recording::{Recorded, Recording, source};

/// Three seconds.
const FRAMES: u64 = 45;
const RATE: u32 = 15;

struct Person {
    name: &'static str,
    codec: Codec,
    audio: AudioCodec,
    /// The extension of the file, and the codecs in the manifest.
    file: &'static str,
    listed: [&'static str; 2],
}

const PEOPLE: [Person; 7] = [
    Person {
        name: "main",
        codec: Codec::H264Main,
        audio: AudioCodec::OpusMono,
        file: "ts",
        listed: ["H264", "opus"],
    },
    Person {
        name: "high",
        codec: Codec::H264High,
        audio: AudioCodec::OpusDtx,
        file: "ts",
        listed: ["H264", "opus"],
    },
    Person {
        name: "hevc",
        codec: Codec::H265,
        audio: AudioCodec::Opus,
        file: "ts",
        listed: ["H265", "opus"],
    },
    Person {
        name: "vp8",
        codec: Codec::Vp8,
        audio: AudioCodec::Pcmu,
        file: "mkv",
        listed: ["VP8", "PCMU"],
    },
    Person {
        name: "tenbit",
        codec: Codec::Vp9Profile2,
        audio: AudioCodec::Pcma,
        file: "mkv",
        listed: ["VP9", "PCMA"],
    },
    Person {
        name: "av1",
        codec: Codec::Av1,
        audio: AudioCodec::G722,
        file: "mkv",
        listed: ["AV1", "G722"],
    },
    Person {
        name: "baseline",
        codec: Codec::H264,
        audio: AudioCodec::Pcma,
        file: "mkv",
        listed: ["H264", "PCMA"],
    },
];

/// What MP4 holds.
const OF_MP4: [Person; 5] = [
    Person {
        name: "main",
        codec: Codec::H264Main,
        audio: AudioCodec::OpusMono,
        file: "mp4",
        listed: ["H264", "opus"],
    },
    Person {
        name: "high",
        codec: Codec::H264High,
        audio: AudioCodec::OpusDtx,
        file: "mp4",
        listed: ["H264", "opus"],
    },
    Person {
        name: "hevc",
        codec: Codec::H265,
        audio: AudioCodec::Opus,
        file: "mp4",
        listed: ["H265", "opus"],
    },
    Person {
        name: "tenbit",
        codec: Codec::Vp9Profile2,
        audio: AudioCodec::Opus,
        file: "mp4",
        listed: ["VP9", "opus"],
    },
    Person {
        name: "av1",
        codec: Codec::Av1,
        audio: AudioCodec::Opus,
        file: "mp4",
        listed: ["AV1", "opus"],
    },
];

impl Person {
    fn publish(&self, server: &RoomServer) -> Publisher {
        Publisher::builder(server.url(), "r", self.name)
            .codec(self.codec)
            .audio_codec(self.audio)
            .frame_rate(RATE)
            .start()
            .unwrap()
    }

    fn is_whole(&self, recorded: &Recorded) {
        let name = self.name;
        let report = recorded.only(name);
        let leaves_out_silence = self.audio == AudioCodec::OpusDtx;
        let problems = report.problems_beside(|_| leaves_out_silence);
        assert_eq!(problems, Vec::<String>::new(), "{name}: {report:#?}");
        assert!(!report.beep_offsets.is_empty(), "{name}: {report:#?}");
        let video = report.video.as_ref().expect(name);
        let audio = report.audio.as_ref().expect(name);
        assert!(video.counters.is_some(), "{name}: {report:#?}");
        assert_eq!(video.sizes, [(320, 180)], "{name}");
        let tracks = tracks(recorded, name);
        assert_eq!(
            tracks.each_ref().map(|t| t["codec"].as_str().unwrap()),
            self.listed
        );
        assert_eq!(tracks[0]["sizes"], serde_json::json!(["320x180"]), "{name}");
        assert_eq!(tracks[0]["frames"], video.frames_decoded, "{name}");
        // Audio goes on to the end, with packets left out or not.
        let end = audio.end.mseconds().abs_diff(video.last_pts.mseconds());
        assert!(end < 500, "{name}: {end} ms: {report:#?}");

        let (file, _) = &recorded.files[name][0];
        assert_eq!(
            file.extension().and_then(|e| e.to_str()),
            Some(self.file),
            "{name}"
        );
        if let Some(opinion) = second_opinion(file) {
            assert_eq!(
                opinion.complaints,
                Vec::<String>::new(),
                "{name}: {opinion:#?}"
            );
            assert_eq!(opinion.frames, video.frames_decoded, "{name}: {opinion:#?}");
            assert_eq!(opinion.sizes, [(320, 180)], "{name}");
            assert!(opinion.samples > 0, "{name}: {opinion:#?}");
        }
    }
}

/// What the manifest says of the two tracks of somebody's only part.
fn tracks(recorded: &Recorded, stream: &str) -> [Value; 2] {
    let mut lines = recorded.manifest.iter();
    let closed = lines.find(|l| l["event"] == "part-closed" && l["stream"] == stream);
    let tracks = closed.unwrap()["tracks"].as_array().unwrap().clone();
    tracks.try_into().unwrap()
}

#[test]
fn every_codec_is_recorded_whole() {
    record(PEOPLE, "auto");
}

#[test]
fn every_codec_of_mp4_is_recorded_whole() {
    record(OF_MP4, "mp4");
}

fn record<const N: usize>(people: [Person; N], container: &str) {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::into_sink(source(&server, "r"), |sink, _| {
        sink.set_property_from_str("container", container);
    });
    let publishers = people.map(|person| (person.publish(&server), person));
    let names: Vec<_> = publishers.iter().map(|(_, p)| p.name).collect();
    recording.wait_for_frames(&names, FRAMES);
    let recorded = recording.finish();
    assert_eq!(recorded.complaints, Vec::<String>::new());
    for (publisher, person) in publishers {
        person.is_whole(&recorded);
        assert_eq!(publisher.complaints(), Vec::<String>::new());
    }
}
