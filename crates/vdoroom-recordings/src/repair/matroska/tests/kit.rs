// SPDX-License-Identifier: MPL-2.0
//! Recordings made of numbers, and files in memory.

use std::io::Cursor;

use vdoroom_matroska::{self as matroska, Block, DocType, Heading, Shape, TrackEntry, Writer};

use super::super::look;
use crate::repair::report::{Error, Report};
use crate::repair::steps::Step;

const MS: i64 = 1_000_000;
const VIDEO: usize = 0;

pub struct Recorded {
    pub name: &'static str,
    pub blocks: usize,
    /// Until the recorder was killed, and what would have followed.
    before: Vec<matroska::Step>,
    at_the_end: Vec<matroska::Step>,
}

impl Recorded {
    /// Five seconds with a keyframe each second, 25 pictures and 50 packets of sound a second.
    pub fn person() -> Self {
        let video = (0..125).map(|n| (VIDEO, n * 40, n % 25 == 0));
        Self::new("person", true, video.chain(sound(0..250)))
    }

    /// Twelve seconds of sound.
    pub fn sound() -> Self {
        let sound = sound(0..600).map(|(_, ms, keyframe)| (0, ms, keyframe));
        Self::new("sound", false, sound)
    }

    /// The camera is off after a second.
    pub fn silent_video() -> Self {
        let video = (0..25).map(|n| (VIDEO, n * 40, n % 25 == 0));
        Self::new("silent video", true, video.chain(sound(0..900)))
    }

    pub fn without_keyframe() -> Self {
        let video = (0..50).map(|n| (VIDEO, n * 40, false));
        Self::new("without keyframe", true, video)
    }

    fn new(
        name: &'static str,
        has_video: bool,
        blocks: impl Iterator<Item = (usize, i64, bool)>,
    ) -> Self {
        let mut tracks = vec![entry(
            "A_OPUS",
            Shape::Audio {
                rate: 48_000,
                channels: 2,
            },
        )];
        if has_video {
            let shape = Shape::Video {
                width: 320,
                height: 180,
            };
            tracks.insert(VIDEO, entry("V_VP8", shape));
        }
        let mut blocks: Vec<_> = blocks.collect();
        blocks.sort_by_key(|(track, ms, _)| (*ms, *track));
        let (mut before, mut at_the_end) = (Vec::new(), Vec::new());
        let mut writer = Writer::new(DocType::Matroska, &tracks, &Heading::default(), &mut before);
        for (index, (track, ms, keyframe)) in blocks.iter().enumerate() {
            let is_video = has_video && *track == VIDEO;
            let delay = if is_video { 0 } else { 6_500_000 };
            let data = payload(index, is_video, *keyframe);
            let block = Block {
                track: *track,
                pts: ms * MS - delay,
                duration: if is_video { 40 * MS } else { 20 * MS },
                keyframe: *keyframe,
                padding: 0,
                data: &data,
            };
            writer.block(&block, &mut before);
        }
        writer.finish(&mut at_the_end);
        Self {
            name,
            blocks: blocks.len(),
            before,
            at_the_end,
        }
    }

    pub fn killed(&self) -> Vec<u8> {
        write(&self.before)
    }

    pub fn closed(&self) -> Vec<u8> {
        let all: Vec<_> = self
            .before
            .iter()
            .chain(&self.at_the_end)
            .cloned()
            .collect();
        write(&all)
    }
}

/// Packets of 20 ms.
fn sound(range: std::ops::Range<i64>) -> impl Iterator<Item = (usize, i64, bool)> {
    range.map(|n| (1, n * 20, true))
}

fn entry(codec_id: &'static str, shape: Shape) -> TrackEntry {
    let is_audio = matches!(shape, Shape::Audio { .. });
    TrackEntry {
        codec_id,
        codec_private: vec![7; 19],
        shape,
        codec_delay: if is_audio { 6_500_000 } else { 0 },
        seek_pre_roll: 0,
        name: None,
        language: None,
    }
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

fn write(steps: &[matroska::Step]) -> Vec<u8> {
    let mut file = Vec::new();
    for step in steps {
        match step {
            matroska::Step::Append(data) => file.extend_from_slice(data),
            matroska::Step::At(at, data) => {
                let at = *at as usize;
                file[at..at + data.len()].copy_from_slice(data);
            }
        }
    }
    file
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
