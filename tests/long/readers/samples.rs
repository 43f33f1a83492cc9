// SPDX-License-Identifier: MPL-2.0
//! The files that are read: as `roomfilesink` records them, and as `vdoroom export` makes them.

use std::path::PathBuf;
use std::process::Command;

use gst::prelude::*;
use vdoroom_testkit::launch::program;

use crate::media::{self, Media};
use crate::room::{Recorder, Sender, send_until};

pub struct Sample {
    /// The name of its kind of file.
    file: &'static str,
    codecs: &'static str,
    pub path: PathBuf,
    pub size: (u64, u64),
    /// The file goes with it.
    _recorder: Recorder,
}

impl Sample {
    /// Its first two columns.
    pub fn what(&self) -> String {
        format!("{} | {}", self.file, self.codecs)
    }
}

/// Of what is recorded.
const RECORDED: (u64, u64) = (320, 180);

type Video = fn() -> &'static Media;

fn record(container: &str, video: Video) -> Recorder {
    let mut recorder = Recorder::in_container(container);
    let mut video = Sender::named(&recorder, "video_alice", video());
    let mut audio = Sender::named(&recorder, "audio_alice", media::beeping_opus());
    send_until(6000, &mut [&mut video, &mut audio]);
    assert_eq!(recorder.end().len(), 1);
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    recorder
}

fn only(files: Vec<PathBuf>) -> PathBuf {
    let [file] = files.as_slice() else {
        panic!("not one file: {files:?}")
    };
    file.clone()
}

fn recorded(
    file: &'static str,
    codecs: &'static str,
    container: &'static str,
    video: Video,
) -> Sample {
    let recorder = record(container, video);
    Sample {
        file,
        codecs,
        path: only(recorder.folder.recordings()),
        size: RECORDED,
        _recorder: recorder,
    }
}

fn exported(file: &'static str, codecs: &'static str, video: Video, arguments: &[&str]) -> Sample {
    let recorder = record("auto", video);
    let output = Command::new(program("vdoroom"))
        .args(["export", ".", "--output", "export"])
        .args(arguments)
        .current_dir(&recorder.folder.0)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let files = std::fs::read_dir(recorder.folder.0.join("export")).unwrap();
    Sample {
        file,
        codecs,
        path: only(files.map(|file| file.unwrap().path()).collect()),
        size: RECORDED,
        _recorder: recorder,
    }
}

pub fn all() -> Vec<Sample> {
    vec![
        recorded("`.ts`", "H.264, Opus", "auto", media::counted_h264),
        recorded("`.ts`", "H.265, Opus", "auto", media::counted_h265),
        recorded("`.mkv`", "VP8, Opus", "auto", media::counted_vp8),
        recorded("`.mkv`", "VP9, Opus", "auto", media::counted_vp9),
        recorded("`.mkv`", "AV1, Opus", "auto", media::counted_av1),
        recorded("`.mkv`", "H.264, Opus", "matroska", media::counted_h264),
        recorded("`.mkv`", "H.265, Opus", "matroska", media::counted_h265),
        recorded("`.webm`", "VP8, Opus", "webm", media::counted_vp8),
        recorded("`.webm`", "VP9, Opus", "webm", media::counted_vp9),
        recorded("`.webm`", "AV1, Opus", "webm", media::counted_av1),
        recorded("`.mp4`", "H.264, Opus", "mp4", media::counted_h264),
        recorded("`.mp4`", "H.265, Opus", "mp4", media::counted_h265),
        recorded("`.mp4`", "VP9, Opus", "mp4", media::counted_vp9),
        recorded("`.mp4`", "AV1, Opus", "mp4", media::counted_av1),
        exported(
            "`export --to mp4`",
            "H.264, AAC",
            media::counted_h264,
            &["--to", "mp4"],
        ),
        exported(
            "`export --to mov`",
            "H.264, PCM",
            media::counted_h264,
            &["--to", "mov"],
        ),
        exported(
            "`export --to mov`",
            "ProRes, PCM",
            media::counted_h264,
            &["--to", "mov", "--video-codec", "prores"],
        ),
        // The smallest of the two sizes that it can have.
        Sample {
            size: (1280, 720),
            ..exported(
                "`export --to mxf`",
                "DNxHR, PCM",
                media::counted_h264,
                &["--to", "mxf", "--quality", "draft"],
            )
        },
    ]
}
