// SPDX-License-Identifier: MPL-2.0
//! What is heard: the pieces of each person placed on the file's timeline, and their sum.

use std::slice::Iter;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::export::{Audio, Piece};

use super::place::Placer;
use super::problems::Problems;
use super::reader::{self, Kind, Reader};

/// Everybody who is in a file.
pub struct DecodedAudio<'a> {
    people: Vec<Person<'a>>,
    channels: usize,
    /// Frames that are still to come.
    left: u64,
}

impl<'a> DecodedAudio<'a> {
    /// `length` in nanoseconds.
    pub fn new(
        audio: &'a Audio,
        length: u64,
        problems: &'a Problems,
        stop: &'a AtomicBool,
    ) -> Result<Self, String> {
        let left = frames(length, audio.rate);
        let people = audio.people.iter().map(|pieces| {
            Ok(Person {
                pieces: pieces.iter(),
                rate: audio.rate,
                channels: audio.channels,
                end: left,
                problems,
                stop,
                placer: Placer::new(audio.rate, audio.channels)?,
                current: None,
                held: None,
                is_over: false,
            })
        });
        Ok(Self {
            people: people.collect::<Result<_, String>>()?,
            channels: audio.channels as usize,
            left,
        })
    }

    /// The next frames, interleaved; fewer at the end, and none after it.
    pub fn read(&mut self, frames: usize) -> Result<Vec<f32>, String> {
        let frames = frames.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= frames as u64;
        let mut sum = vec![0.0; frames * self.channels];
        for person in &mut self.people {
            let samples = person.read(frames)?;
            sum.iter_mut()
                .zip(samples)
                .for_each(|(to, from)| *to += from);
        }
        Ok(sum)
    }
}

/// In so many nanoseconds.
pub fn frames(ns: u64, rate: u32) -> u64 {
    let exact = u128::from(ns) * u128::from(rate) / 1_000_000_000;
    u64::try_from(exact).unwrap_or(u64::MAX)
}

struct Person<'a> {
    pieces: Iter<'a, Piece>,
    rate: u32,
    channels: u32,
    /// In frames.
    end: u64,
    problems: &'a Problems,
    stop: &'a AtomicBool,
    placer: Placer,
    current: Option<(&'a Piece, Reader)>,
    /// What comes next, and when, in seconds.
    held: Option<(f64, Vec<f32>)>,
    is_over: bool,
}

impl Person<'_> {
    fn read(&mut self, frames: usize) -> Result<Vec<f32>, String> {
        while self.placer.frames() < frames && !self.is_over {
            self.step()?;
        }
        Ok(self.placer.take(frames))
    }

    /// Places what comes next. Of a long silence a second at a time: it may last for hours.
    fn step(&mut self) -> Result<(), String> {
        if self.held.is_none() {
            self.held = self.decode();
        }
        let rate = f64::from(self.rate);
        let next = match &self.held {
            Some((at, _)) => ((at * rate) as u64).min(self.end),
            None => self.end,
        };
        let soon = self.placer.position() + u64::from(self.rate);
        if next > soon {
            return self.placer.finish(soon);
        }
        match self.held.take() {
            Some((at, samples)) => self.placer.push(at, &samples),
            None => {
                self.is_over = true;
                self.placer.finish(self.end)
            }
        }
    }

    /// The next samples of any piece.
    fn decode(&mut self) -> Option<(f64, Vec<f32>)> {
        loop {
            let (piece, reader) = match self.current.take() {
                Some(current) => current,
                None => self.open()?,
            };
            match reader.next(self.stop) {
                Ok(Some(sample)) => {
                    let samples = self.cut(piece, &sample);
                    if !is_after(piece, &sample) {
                        self.current = Some((piece, reader));
                    }
                    if samples.is_some() {
                        return samples;
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    let file = piece.file.display();
                    self.problems.add(format!("{file}: {error}"));
                }
            }
        }
    }
}

impl<'a> Person<'a> {
    fn open(&mut self) -> Option<(&'a Piece, Reader)> {
        let tail = format!(
            "audioconvert ! audioresample \
             ! audio/x-raw,format=F32LE,rate={},channels={},layout=interleaved",
            self.rate, self.channels
        );
        loop {
            let is_stopped = self.stop.load(Ordering::Relaxed);
            let piece = self.pieces.next().filter(|_| !is_stopped)?;
            match Reader::decoded(&piece.file, Kind::Audio, &tail) {
                Ok(reader) => return Some((piece, reader)),
                Err(error) => {
                    let file = piece.file.display();
                    self.problems.add(format!("{file}: {error}"));
                }
            }
        }
    }

    /// What of a sample belongs to the piece, and when it is heard, in seconds.
    fn cut(&self, piece: &Piece, sample: &gst::Sample) -> Option<(f64, Vec<f32>)> {
        let at = reader::time(sample)? + piece.zero;
        let map = sample.buffer()?.map_readable().ok()?;
        let values = map.chunks_exact(4);
        let samples: Vec<f32> = values
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        let channels = self.channels as usize;
        let count = samples.len() / channels;
        let until = |time: u64| {
            let ns = i64::try_from(time).unwrap_or(i64::MAX).saturating_sub(at);
            let after = frames(u64::try_from(ns).unwrap_or(0), self.rate);
            usize::try_from(after).unwrap_or(usize::MAX).min(count)
        };
        let (first, end) = (until(piece.from), until(piece.until));
        if first >= end {
            return None;
        }
        let later = first as f64 / f64::from(self.rate);
        let samples = samples[first * channels..end * channels].to_vec();
        Some((at as f64 / 1e9 + later, samples))
    }
}

/// Whether nothing after this belongs to the piece.
fn is_after(piece: &Piece, sample: &gst::Sample) -> bool {
    let until = i64::try_from(piece.until).unwrap_or(i64::MAX);
    reader::time(sample).is_some_and(|time| time + piece.zero >= until)
}
