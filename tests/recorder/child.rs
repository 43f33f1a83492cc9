// SPDX-License-Identifier: MPL-2.0
//! A recorder in a process of its own, which says what it receives: what is missing after the
//! process was killed can be counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gst::prelude::*;
use vdoroom_testkit::{Folder, Launch, check};

const FRAME_MS: f64 = 1000.0 / 15.0;
pub const PACKET_MS: f64 = 20.0;

/// A person as a part of a launch line.
pub struct Person {
    pub name: &'static str,
    /// Encoded, from a live source; empty for none.
    pub video: &'static str,
    pub audio: &'static str,
    /// Forced, or `auto`.
    pub container: &'static str,
}

pub const H264: &str = "videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=15/1 \
    ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 bitrate=300 \
    ! video/x-h264,profile=constrained-baseline";
pub const VP8: &str = "videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=15/1 \
    ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=15";
pub const OPUS: &str = "audiotestsrc is-live=true samplesperbuffer=960 ! opusenc";
pub const OPUS_30_KBIT: &str =
    "audiotestsrc is-live=true samplesperbuffer=960 ! opusenc bitrate=30000";

/// Every container that there is, one person each.
pub const EVERY_CONTAINER: &[Person] = &[
    Person {
        name: "ts",
        video: H264,
        audio: OPUS,
        container: "auto",
    },
    Person {
        name: "mkv",
        video: VP8,
        audio: OPUS,
        container: "auto",
    },
    Person {
        name: "mka",
        video: "",
        audio: OPUS_30_KBIT,
        container: "auto",
    },
    Person {
        name: "mp4",
        video: H264,
        audio: OPUS,
        container: "mp4",
    },
    Person {
        name: "audio-ts",
        video: "",
        audio: OPUS_30_KBIT,
        container: "mpegts",
    },
];

impl Person {
    fn launch(&self, folder: &Path, settings: &str) -> String {
        let Self {
            name, container, ..
        } = self;
        let location = folder.join("%s-%n.%e");
        let mut line = format!(
            "roomfilesink name=r-{name} container={container} location={} \
             manifest={} {settings} ",
            location.display(),
            folder.join(format!("{name}.jsonl")).display(),
        );
        for (kind, source) in [("video", self.video), ("audio", self.audio)] {
            if !source.is_empty() {
                let _ = write!(line, "{source} ! r-{name}.{kind}_{name} ");
            }
        }
        line
    }
}

/// A launch line that records all of them into `folder` and prints what comes in.
pub fn line(folder: &Path, people: &[Person], settings: &str) -> String {
    let people = people.iter().map(|p| p.launch(folder, settings));
    people.collect::<String>()
}

/// Set in the child only: its launch line.
const PIPELINE: &str = "VDOROOM_TEST_PIPELINE";
const PLAYING: &str = "playing";
/// What the child prints before the time, and the name of the pad, at which a frame has come.
const CAME_IN: &str = "came in: ";

/// In the child: records until it is killed. Each frame is told by the thread that brings it,
/// before the recorder has it.
#[test]
fn is_a_recorder() {
    let Ok(line) = std::env::var(PIPELINE) else {
        return;
    };
    gst::init().unwrap();
    gstvdoroom::plugin_register_static().unwrap();
    let pipeline = gst::parse::launch(&line).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    for pad in pipeline.children().iter().flat_map(|c| c.sink_pads()) {
        if pad.name().contains('_') {
            let name = pad.name();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                let came_in = format!("{CAME_IN}{} {name}\n", now_ms());
                std::io::stderr().write_all(came_in.as_bytes()).unwrap();
                gst::PadProbeReturn::Ok
            });
        }
    }
    pipeline.set_state(gst::State::Playing).unwrap();
    eprintln!("\n{PLAYING}");
    let error = [gst::MessageType::Error];
    let error = pipeline.bus().unwrap().timed_pop_filtered(None, &error);
    panic!("{error:?}");
}

pub struct Child {
    pub folder: Folder,
    launch: Launch,
}

impl Child {
    pub fn start(people: &[Person]) -> Self {
        let folder = Folder::new();
        let test = std::env::current_exe().unwrap();
        let line = format!(
            "exec {} --exact --nocapture child::is_a_recorder",
            test.display()
        );
        let pipeline = self::line(&folder.0, people, "");
        let launch = Launch::shell(&folder.0, &line, |command| {
            command.env(PIPELINE, pipeline);
        });
        Self { folder, launch }
    }

    pub fn wait_until_it_plays(&mut self) {
        self.launch.wait_for_line(PLAYING, Duration::from_secs(30));
    }

    /// SIGKILL; what had come in by then, and what had come in so long before.
    pub fn kill(self, before: Duration) -> (Folder, [Received; 2]) {
        let now = now_ms();
        self.launch.signal("KILL");
        let (_, printed) = self.launch.wait(Duration::from_secs(10));
        let until = [u64::MAX, now.saturating_sub(before.as_millis() as u64)];
        let received = until.map(|until| Received::read(&printed, until));
        (self.folder, received)
    }
}

/// By the clock that all processes of a machine share.
fn now_ms() -> u64 {
    gst::get_timestamp().mseconds()
}

/// Frames that reached the recorder, per pad.
#[derive(Debug)]
pub struct Received(BTreeMap<String, u64>);

impl Received {
    fn read(printed: &str, until_ms: u64) -> Self {
        let mut counts = BTreeMap::new();
        let came_in = printed.lines().filter_map(|l| l.strip_prefix(CAME_IN));
        for (time, name) in came_in.filter_map(|l| l.split_once(' ')) {
            if time.parse::<u64>().is_ok_and(|time| time <= until_ms) {
                *counts.entry(name.to_owned()).or_insert(0) += 1;
            }
        }
        Self(counts)
    }

    pub fn video_ms(&self, person: &str) -> f64 {
        self.frames("video", person) as f64 * FRAME_MS
    }

    pub fn audio_ms(&self, person: &str) -> f64 {
        self.frames("audio", person) as f64 * PACKET_MS
    }

    fn frames(&self, kind: &str, person: &str) -> u64 {
        let count = self.0.get(&format!("{kind}_{person}"));
        count.copied().unwrap_or(0)
    }
}

/// What of a person can be played back, in milliseconds.
#[derive(Debug, Default)]
pub struct Kept {
    pub video_ms: f64,
    pub audio_ms: f64,
}

impl Kept {
    /// Decodes the files of one person; panics if one does not play whole.
    pub fn of(folder: &Folder, person: &str) -> Self {
        let mut kept = Self::default();
        for file in files(folder, person) {
            if file.metadata().unwrap().len() == 0 {
                continue;
            }
            let report = check::inspect(&file);
            assert!(report.is_whole(), "{file:?}: {:?}", report.problems());
            plays_in_ffmpeg(&file);
            let frames = report.video.map_or(0, |v| v.frames_decoded);
            kept.video_ms += frames as f64 * FRAME_MS;
            let audio = report
                .audio
                .map(|a| a.samples as f64 * 1000.0 / f64::from(a.rate));
            kept.audio_ms += audio.unwrap_or(0.0);
        }
        kept
    }
}

/// The recordings of one person.
pub fn files(folder: &Folder, person: &str) -> Vec<PathBuf> {
    let mut files = folder.recordings();
    files.retain(|file| {
        let name = file.file_name().and_then(|n| n.to_str());
        name.is_some_and(|n| n.starts_with(&format!("{person}-")))
    });
    files
}

/// `ffmpeg` as the second witness: it decodes everything without an error.
pub fn plays_in_ffmpeg(file: &Path) {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-i"])
        .arg(file)
        .args(["-f", "null", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ffmpeg on {file:?}: {said}");
}
