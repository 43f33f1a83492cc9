// SPDX-License-Identifier: MPL-2.0
//! Hours of running time in seconds: a source that is not live sends the same material over and
//! over, with timestamps that go on.

use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::media::Media;
use crate::room::{Part, Recorder};
use crate::usage::{Usage, memory};

const HOUR: u64 = 3600 * 1_000_000_000;

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
    pub memory_kib: u64,
    pub usage: Usage,
}

pub struct Outcome {
    pub recorder: Recorder,
    pub parts: Vec<Part>,
    /// One per hour of running time.
    pub samples: Vec<Sample>,
    /// Frames sent per track.
    pub sent: Vec<u64>,
}

/// Records all tracks from the first of `hours` to the last.
pub fn record(hours: std::ops::Range<u64>, tracks: &[Loop]) -> Outcome {
    let began = Instant::now();
    let mut recorder = Recorder::new();
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
                memory_kib: memory(),
                usage: Usage::now(),
            });
        }
        if hour >= hours.end {
            break;
        }
        next.send();
    }
    let parts = recorder.end();
    for sample in samples.iter().filter(|s| [1, 15, 30].contains(&s.hour)) {
        eprintln!("{sample:?}");
    }
    let seconds = began.elapsed().as_secs_f32();
    eprintln!("{hours:?} hours in {seconds:.1} s, {} parts", parts.len());
    Outcome {
        recorder,
        parts,
        samples,
        sent: senders.iter().map(|s| s.next).collect(),
    }
}
