// SPDX-License-Identifier: MPL-2.0
//! Recordings made of numbers, and files in memory.

use std::io::Cursor;

use vdoroom_matroska::ebml::{Elements, UNKNOWN_SIZE, long_size};
use vdoroom_matroska::ids;
use vdoroom_matroska::index::{self, Cue, DURATION_ROOM, SEEK_HEAD_ROOM};

use super::super::look;
use crate::repair::report::{Error, Report};
use crate::repair::steps::Step;

/// The delay of Opus in the times of its blocks.
const DELAY_NS: u64 = 6_500_000;
const FRAME_MS: i64 = 40;
const PACKET_MS: i64 = 20;

/// Its number, and whether it is video.
type Track = (u64, bool);

const VIDEO: Track = (1, true);
const AUDIO: Track = (2, false);

pub struct Recorded {
    pub name: &'static str,
    pub blocks: usize,
    killed: Vec<u8>,
    closed: Vec<u8>,
}

impl Recorded {
    /// Five seconds with a keyframe each second, 25 frames and 50 packets of audio a second.
    pub fn person() -> Self {
        let video = (0..125).map(|n| (VIDEO, n * FRAME_MS, n % 25 == 0));
        Self::new("person", &[VIDEO, AUDIO], video.chain(audio(AUDIO, 250)))
    }

    /// Twelve seconds of audio.
    pub fn audio() -> Self {
        let alone = (1, false);
        Self::new("audio", &[alone], audio(alone, 600))
    }

    /// The camera is off after a second.
    pub fn silent_video() -> Self {
        let video = (0..25).map(|n| (VIDEO, n * FRAME_MS, n % 25 == 0));
        let name = "silent video";
        Self::new(name, &[VIDEO, AUDIO], video.chain(audio(AUDIO, 900)))
    }

    pub fn without_keyframe() -> Self {
        let video = (0..50).map(|n| (VIDEO, n * FRAME_MS, false));
        Self::new("without keyframe", &[VIDEO], video)
    }

    /// As the recorder writes it: a test of the recorder holds one of its files against this code.
    fn new(
        name: &'static str,
        tracks: &[Track],
        blocks: impl Iterator<Item = (Track, i64, bool)>,
    ) -> Self {
        let mut blocks: Vec<_> = blocks.collect();
        blocks.sort_by_key(|((number, _), ms, _)| (*ms, *number));
        let mut file = File::new(tracks);
        for (index, (track, ms, keyframe)) in blocks.iter().enumerate() {
            file.block(*track, *ms, *keyframe, &payload(index, track.1, *keyframe));
        }
        Self {
            name,
            blocks: blocks.len(),
            killed: file.bytes.clone(),
            closed: file.close(),
        }
    }

    pub fn killed(&self) -> Vec<u8> {
        self.killed.clone()
    }

    pub fn closed(&self) -> Vec<u8> {
        self.closed.clone()
    }
}

fn audio(track: Track, packets: i64) -> impl Iterator<Item = (Track, i64, bool)> {
    (0..packets).map(move |n| (track, n * PACKET_MS, true))
}

/// No two are the same. Opus says how long it lasts.
fn payload(index: usize, is_video: bool, keyframe: bool) -> Vec<u8> {
    let size = match (is_video, keyframe) {
        (true, true) => 700,
        (true, false) => 90,
        (false, _) => 20,
    };
    let mut data: Vec<u8> = (0..size).map(|n| (n * 31 + index * 7) as u8).collect();
    data[0] = 0xfc;
    data[1..9].copy_from_slice(&(index as u64).to_be_bytes());
    data
}

/// A file that is being recorded.
struct File {
    bytes: Vec<u8>,
    has_video: bool,
    segment: usize,
    info: usize,
    duration: usize,
    tracks: usize,
    /// Where it is, its time, and whether it has video.
    cluster: Option<(usize, i64, bool)>,
    cues: Vec<Cue>,
    end_ns: i64,
}

impl File {
    fn new(tracks: &[Track]) -> Self {
        let mut e = Elements::default();
        e.master(ids::EBML, |e| {
            e.text(ids::DOC_TYPE, "matroska");
        });
        e.id(ids::SEGMENT).0.extend_from_slice(&UNKNOWN_SIZE);
        let segment = e.0.len();
        e.void(SEEK_HEAD_ROOM);
        let info = e.0.len();
        e.master(ids::INFO, |e| {
            e.uint(ids::TIMESTAMP_SCALE, 1_000_000);
            e.short_void(DURATION_ROOM);
        });
        let duration = e.0.len() - DURATION_ROOM;
        let tracks_at = e.0.len();
        e.master(ids::TRACKS, |e| {
            for (number, is_video) in tracks {
                e.master(ids::TRACK_ENTRY, |e| {
                    e.uint(ids::TRACK_NUMBER, *number);
                    e.uint(ids::TRACK_TYPE, if *is_video { 1 } else { 2 });
                    e.text(ids::CODEC_ID, if *is_video { "V_VP8" } else { "A_OPUS" });
                    if !is_video {
                        e.uint(ids::CODEC_DELAY, DELAY_NS);
                    }
                });
            }
        });
        Self {
            bytes: e.0,
            has_video: tracks.contains(&VIDEO),
            segment,
            info,
            duration,
            tracks: tracks_at,
            cluster: None,
            cues: Vec::new(),
            end_ns: 0,
        }
    }

    fn block(&mut self, (number, is_video): Track, ms: i64, keyframe: bool, data: &[u8]) {
        let (lasts, delay) = match is_video {
            true => (FRAME_MS, 0),
            false => (PACKET_MS, DELAY_NS as i64),
        };
        self.end_ns = self.end_ns.max((ms + lasts) * 1_000_000 - delay);
        let is_over = |(_, start, _): (usize, i64, bool)| ms - start > 5_000;
        if (keyframe && is_video) || self.cluster.is_none_or(is_over) {
            self.begin_cluster(number, is_video, ms, keyframe);
        }
        let Some((_, start, has_video)) = &mut self.cluster else {
            return;
        };
        *has_video |= is_video;
        let mut payload = vec![0x80 | number as u8];
        payload.extend(((ms - *start) as i16).to_be_bytes());
        payload.push(if keyframe { 0x80 } else { 0 });
        payload.extend(data);
        let mut e = Elements::default();
        e.binary(ids::SIMPLE_BLOCK, &payload);
        self.bytes.extend(e.0);
    }

    fn begin_cluster(&mut self, number: u64, is_video: bool, ms: i64, keyframe: bool) {
        let is_silent = !self.has_video || self.cluster.is_some_and(|(.., video)| !video);
        self.end_cluster();
        let at = self.bytes.len();
        if keyframe && (is_video || is_silent) {
            self.cues.push(Cue {
                time: ms as u64,
                track: number,
                cluster: (at - self.segment) as u64,
            });
        }
        let mut e = Elements::default();
        e.id(ids::CLUSTER).0.extend_from_slice(&UNKNOWN_SIZE);
        e.uint(ids::TIMESTAMP, ms as u64);
        self.bytes.extend(e.0);
        self.cluster = Some((at, ms, false));
    }

    fn end_cluster(&mut self) {
        if let Some((at, ..)) = self.cluster.take() {
            let size = self.bytes.len() - at - 12;
            self.fill_in(at + 4, &long_size(size as u64));
        }
    }

    fn fill_in(&mut self, at: usize, data: &[u8]) {
        self.bytes[at..at + data.len()].copy_from_slice(data);
    }

    fn close(mut self) -> Vec<u8> {
        self.end_cluster();
        let cues = index::cues(&self.cues);
        let mut targets = vec![(ids::INFO, self.info), (ids::TRACKS, self.tracks)];
        if !cues.is_empty() {
            targets.push((ids::CUES, self.bytes.len()));
        }
        let targets = targets
            .iter()
            .map(|(id, at)| (*id, (*at - self.segment) as u64));
        let head = index::seek_head(&targets.collect::<Vec<_>>(), SEEK_HEAD_ROOM);
        self.bytes.extend(cues);
        self.fill_in(self.segment, &head.unwrap());
        let duration = index::duration(self.end_ns as f64 / 1e6);
        self.fill_in(self.duration, &duration);
        let size = (self.bytes.len() - self.segment) as u64;
        self.fill_in(self.segment - 8, &long_size(size));
        self.bytes
    }
}

pub fn steps_of(file: &[u8]) -> Result<(Report, Vec<Step>), Error> {
    look(Cursor::new(file))
}

pub fn apply(file: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Cut(len) => file.truncate(*len as usize),
        Step::Write(at, data) => {
            let at = *at as usize;
            let end = file.len().max(at + data.len());
            file.resize(end, 0);
            file[at..at + data.len()].copy_from_slice(data);
        }
        Step::Sync => {}
    }
}

pub fn repaired(file: &[u8]) -> (Report, Vec<u8>) {
    let (report, steps) = steps_of(file).unwrap();
    let mut file = file.to_vec();
    steps.iter().for_each(|step| apply(&mut file, step));
    (report, file)
}
