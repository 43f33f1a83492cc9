// SPDX-License-Identifier: MPL-2.0
//! Hours of running time in seconds: a source that is not live sends the same material over and
//! over, with timestamps that go on.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use gst::prelude::*;
use vdoroom_testkit::Holdings;
use vdoroom_testkit::require;

use crate::media::Media;
use crate::room::{Part, Recorder};
use crate::timeline::{self, Timeline, Track};

/// In nanoseconds.
pub const HOUR: u64 = 3600 * 1_000_000_000;

/// One track: its frames in turn, each so long after the one before.
#[derive(Clone, Copy)]
pub struct Loop {
    pub name: &'static str,
    pub media: &'static Media,
    pub interval: Duration,
}

struct Sender {
    frames: Loop,
    src: gst::Pad,
    next: u64,
    start: u64,
}

impl Sender {
    fn new(recorder: &Recorder, frames: Loop, start: u64) -> Self {
        let template = if frames.media.is_video() {
            "video_%s"
        } else {
            "audio_%s"
        };
        let template = recorder.sink.pad_template(template).unwrap();
        let sink = recorder
            .sink
            .request_pad(&template, Some(frames.name), None);
        let src = gst::Pad::builder(gst::PadDirection::Src).build();
        src.set_active(true).unwrap();
        src.link(&sink.unwrap()).unwrap();
        src.push_event(gst::event::StreamStart::new(frames.name));
        src.push_event(gst::event::Caps::new(&frames.media.caps));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        src.push_event(gst::event::Segment::new(&segment));
        Self {
            frames,
            src,
            next: 0,
            start,
        }
    }

    fn interval(&self) -> u64 {
        self.frames.interval.as_nanos() as u64
    }

    fn time(&self) -> u64 {
        self.start + self.next * self.interval()
    }

    fn send(&mut self) {
        let frames = &self.frames.media.frames;
        let mut buffer = frames[self.next as usize % frames.len()].copy();
        let fields = buffer.get_mut().unwrap();
        fields.set_pts(gst::ClockTime::from_nseconds(self.time()));
        fields.set_duration(gst::ClockTime::from_nseconds(self.interval()));
        self.src.push(buffer).unwrap();
        self.next += 1;
    }
}

/// What a process used at one moment.
#[derive(Debug)]
pub struct Sample {
    pub hour: u64,
    pub held: Holdings,
}

pub struct Outcome {
    /// Keeps the files.
    _recorder: Recorder,
    pub parts: Vec<Part>,
    /// One per hour of running time.
    samples: Vec<Sample>,
    /// Frames sent per track.
    sent: Vec<u64>,
}

/// What an hour of the second half may use more than each of the first, in KiB: so much may wait for
/// a file when the machine is busy.
const NOISE: u64 = 16 << 10;
/// Threads that begin with the first writes.
const THREADS: usize = 4;
/// How long threads may stay that were begun because the disk was slow.
const SETTLED: Duration = Duration::from_secs(20);
/// Timestamps of MPEG-TS have 90 kHz, those of Matroska 1 kHz.
const PRECISION: i64 = 1_000_000;

/// Threads and descriptors of the last hour, at most: those of the first ones.
fn allowed(samples: &[Sample]) -> Holdings {
    let first = || samples.iter().take(3).map(|sample| sample.held);
    Holdings {
        threads: first().map(|held| held.threads).max().unwrap() + THREADS,
        descriptors: first().map(|held| held.descriptors).max().unwrap(),
        anonymous_kib: 0,
    }
}

impl Outcome {
    /// Asserts that the last hour holds no more threads and descriptors than the first ones, and the
    /// second half of the hours no more memory than the first.
    pub fn assert_steady(&self) {
        let of = |samples: &[Sample], value: fn(&Sample) -> u64| {
            samples.iter().map(value).max().unwrap()
        };
        let last = &self.samples.last().unwrap().held;
        assert!(
            last.is_within(&allowed(&self.samples)),
            "{:#?}",
            self.samples
        );
        let memory = |s: &Sample| s.held.anonymous_kib as u64;
        let (earlier, later) = self.samples.split_at(self.samples.len() / 2);
        assert!(
            of(later, memory) <= of(earlier, memory) + NOISE,
            "{:#?}",
            self.samples
        );
    }

    /// Asserts that every frame that was sent is in one of the files, at its own time.
    pub fn assert_exact(&self, tracks: &[Loop]) {
        let mut frames = vec![0; tracks.len()];
        for part in &self.parts {
            for played in [Some(timeline::read(&part.file())), ffprobe(&part.file())] {
                let Some(played) = played else { continue };
                frames = frames
                    .into_iter()
                    .zip(tracks)
                    .map(|(before, track)| before + assert_track(part, &played, track))
                    .collect();
            }
        }
        let readers = if has_ffprobe() { 2 } else { 1 };
        let sent: Vec<_> = self.sent.iter().map(|sent| sent * readers).collect();
        assert_eq!(frames, sent, "{:#?}", self.parts);
    }
}

/// Frames of a track in a part, whose distance is the one with which they were sent.
fn assert_track(part: &Part, played: &Timeline, track: &Loop) -> u64 {
    let interval = track.interval.as_nanos() as i64;
    let Track {
        frames,
        first,
        last,
        smallest_step,
        largest_step,
    } = *if track.media.is_video() {
        &played.video
    } else {
        &played.audio
    };
    let drift = last - first - interval * (frames as i64 - 1);
    let exact = |value: i64| value.abs() <= PRECISION;
    let whole = exact(drift) && exact(smallest_step - interval) && exact(largest_step - interval);
    assert!(whole, "drift {drift} ns: {played:#?} {part:#?}");
    // The first frame of a part is at most one interval after its start.
    assert!(
        (-PRECISION..=interval).contains(&first),
        "{played:#?} {part:#?}"
    );
    frames
}

fn has_ffprobe() -> bool {
    require::program_of("ffprobe", "-version")
}

/// The times as FFmpeg's demultiplexers give them, from the start of the file.
fn ffprobe(path: &Path) -> Option<Timeline> {
    has_ffprobe().then_some(())?;
    let run = |entries: &str| {
        let output = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-of",
                "compact=p=0:nk=1",
                "-show_entries",
                entries,
            ])
            .arg(path)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let seconds = |text: &str| (text.parse::<f64>().unwrap() * 1e9).round() as i64;
    let start = seconds(run("format=start_time").trim());
    let mut timeline = Timeline::default();
    for line in run("packet=codec_type,pts_time").lines() {
        let mut fields = line.split('|');
        let track = match fields.next() {
            Some("video") => &mut timeline.video,
            Some("audio") => &mut timeline.audio,
            _ => continue,
        };
        track.note(seconds(fields.next().unwrap()) - start);
    }
    Some(timeline)
}

/// Records all tracks for so many seconds.
#[allow(dead_code)] // tests/long has no need of it.
pub fn record_seconds(seconds: u64, tracks: &[Loop]) -> Recorder {
    let mut recorder = Recorder::new();
    let senders = tracks.iter().map(|track| Sender::new(&recorder, *track, 0));
    let mut senders: Vec<_> = senders.collect();
    while let Some(next) = senders.iter_mut().min_by_key(|s| s.time()) {
        if next.time() >= seconds * 1_000_000_000 {
            break;
        }
        next.send();
    }
    recorder.end();
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    recorder
}

/// Records all tracks from the first of `hours` to the last.
pub fn record(hours: std::ops::Range<u64>, tracks: &[Loop]) -> Outcome {
    record_into("auto", hours, tracks)
}

/// The same with files of this container.
pub fn record_into(container: &str, hours: std::ops::Range<u64>, tracks: &[Loop]) -> Outcome {
    let began = Instant::now();
    let mut recorder = Recorder::in_container(container);
    let start = hours.start * HOUR;
    let mut senders: Vec<_> = tracks
        .iter()
        .map(|track| Sender::new(&recorder, *track, start))
        .collect();
    let mut samples = Vec::new();
    loop {
        let next = senders.iter_mut().min_by_key(|s| s.time()).unwrap();
        let hour = next.time() / HOUR;
        if hour > hours.start + samples.len() as u64 {
            samples.push(Sample {
                hour,
                held: Holdings::now(),
            });
        }
        if hour >= hours.end {
            break;
        }
        next.send();
    }
    // A disk that is slow while other tests write gets threads of its own. They end when nothing comes.
    let pid = std::process::id();
    let settled = Holdings::settled(pid, &allowed(&samples), SETTLED);
    let last = samples.last_mut().unwrap();
    last.held.threads = settled.threads;
    last.held.descriptors = settled.descriptors;
    let parts = recorder.end();
    for sample in samples.iter().filter(|s| [1, 15, 30].contains(&s.hour)) {
        eprintln!("{sample:?}");
    }
    let seconds = began.elapsed().as_secs_f32();
    eprintln!("{hours:?} hours in {seconds:.1} s, {} parts", parts.len());
    Outcome {
        _recorder: recorder,
        parts,
        samples,
        sent: senders.iter().map(|s| s.next).collect(),
    }
}
