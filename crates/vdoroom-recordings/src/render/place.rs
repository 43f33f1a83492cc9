// SPDX-License-Identifier: MPL-2.0
//! Puts decoded audio where its timestamps say, sample by sample.
//!
//! The timestamps follow the recorder's clock, the number of samples that of the publisher. The
//! ratio of the two is followed by resampling, smoothly; what is missing for longer becomes silence.

use std::collections::VecDeque;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Adjustable, Async, FixedAsync, Resampler, SincInterpolationParameters, WindowFunction,
};

/// Frames that are resampled at a time.
const CHUNK: usize = 240;
const FILTER: usize = 128;
/// Audio that is further from its time is moved there at once: something is missing, or is there
/// twice. Below, timestamps are not exact: those of Matroska are in milliseconds.
const JUMP: f64 = 0.010;
/// Seconds over which the distance is averaged, and in which it is made good.
const SMOOTH: f64 = 0.4;
const FOLLOW: f64 = 1.6;
/// By how much audio is played faster or slower at most.
const STRONGEST: f64 = 0.005;

pub struct Placer {
    rate: f64,
    channels: usize,
    resampler: Async<f32>,
    run: Option<Run>,
    /// Frames so far, with those that were taken out.
    written: u64,
    ready: VecDeque<f32>,
}

/// Audio without a jump.
struct Run {
    /// Where the next input belongs by the number of frames so far, without `input`.
    at: f64,
    /// How far timestamps are from there, averaged.
    distance: f64,
    ratio: f64,
    /// Frames of the resampler's output that are still to come before those of the first input.
    delay: usize,
    /// What the resampler has not been given yet.
    input: Vec<f32>,
}

impl Placer {
    pub fn new(rate: u32, channels: u32) -> Result<Self, String> {
        let channels = channels.max(1) as usize;
        let filter = SincInterpolationParameters::new(FILTER, WindowFunction::BlackmanHarris2);
        let fixed = FixedAsync::Input;
        let resampler =
            Async::new_sinc(1.0, 1.0 + 2.0 * STRONGEST, &filter, CHUNK, channels, fixed);
        Ok(Self {
            rate: rate.max(1).into(),
            channels,
            resampler: resampler.map_err(|e| e.to_string())?,
            run: None,
            written: 0,
            ready: VecDeque::new(),
        })
    }

    /// Frames that can be taken.
    pub fn frames(&self) -> usize {
        self.ready.len() / self.channels
    }

    /// How many frames there are so far, with those that were taken out and those to come.
    pub fn position(&self) -> u64 {
        let run = self.run.as_ref().map(|run| run.next(self.channels));
        run.map_or(self.written, |next| next.round() as u64)
    }

    pub fn take(&mut self, frames: usize) -> Vec<f32> {
        let samples = (frames * self.channels).min(self.ready.len());
        self.ready.drain(..samples).collect()
    }

    /// Interleaved samples, the first of which belongs to this time, in seconds.
    pub fn push(&mut self, at: f64, samples: &[f32]) -> Result<(), String> {
        let at = at * self.rate;
        let frames = samples.len() / self.channels;
        let expected = self.run.as_ref().map(|run| run.next(self.channels));
        if expected.is_some_and(|expected| (at - expected).abs() > JUMP * self.rate) {
            self.end_run()?;
        }
        let mut skipped = 0;
        if self.run.is_none() {
            let first = at.round();
            // Before what there is already: it was heard.
            skipped = (self.written as f64 - first).clamp(0.0, frames as f64) as usize;
            if skipped == frames {
                return Ok(());
            }
            self.silence_until(first.max(0.0) as u64);
            self.begin_run();
        }
        let channels = self.channels;
        if let Some(run) = &mut self.run {
            let distance = at + skipped as f64 - run.next(channels);
            let elapsed = frames as f64 / self.rate;
            run.distance += (distance - run.distance) * (elapsed / SMOOTH).min(1.0);
            let change = run.distance / (FOLLOW * self.rate);
            run.ratio = 1.0 + change.clamp(-STRONGEST, STRONGEST);
            run.input.extend_from_slice(&samples[skipped * channels..]);
        }
        self.resample()
    }

    /// Ends what there is, and is silent until this time, in frames.
    pub fn finish(&mut self, frames: u64) -> Result<(), String> {
        self.end_run()?;
        self.silence_until(frames);
        self.cut(frames);
        Ok(())
    }

    fn silence_until(&mut self, frames: u64) {
        let missing = frames.saturating_sub(self.written);
        let samples = self.ready.len() + missing as usize * self.channels;
        self.ready.resize(samples, 0.0);
        self.written += missing;
    }

    fn begin_run(&mut self) {
        self.resampler.reset();
        self.run = Some(Run {
            at: self.written as f64,
            distance: 0.0,
            ratio: 1.0,
            // The first frame is that in the middle of the filter.
            delay: self.resampler.output_delay().saturating_sub(1),
            input: Vec::new(),
        });
    }

    fn resample(&mut self) -> Result<(), String> {
        let Some(mut run) = self.run.take() else {
            return Ok(());
        };
        while run.input.len() >= CHUNK * self.channels {
            self.chunk(&mut run)?;
        }
        self.run = Some(run);
        Ok(())
    }

    /// The rest of the input, and what is still in the filter.
    fn end_run(&mut self) -> Result<(), String> {
        let Some(mut run) = self.run.take() else {
            return Ok(());
        };
        let end = run.next(self.channels).round() as u64;
        while self.written < end {
            let silence = CHUNK * self.channels;
            run.input.resize(silence.max(run.input.len()), 0.0);
            self.chunk(&mut run)?;
        }
        self.cut(end);
        Ok(())
    }

    fn cut(&mut self, frames: u64) {
        let surplus = self.written.saturating_sub(frames);
        let samples = surplus as usize * self.channels;
        self.ready
            .truncate(self.ready.len().saturating_sub(samples));
        self.written -= surplus;
    }

    fn chunk(&mut self, run: &mut Run) -> Result<(), String> {
        let channels = self.channels;
        let most = self.resampler.output_frames_max();
        let mut output = vec![0.0; most * channels];
        let input = InterleavedSlice::new(&run.input, channels, CHUNK).map_err(as_text)?;
        let mut into = InterleavedSlice::new_mut(&mut output, channels, most).map_err(as_text)?;
        let ratio = self.resampler.set_resample_ratio(run.ratio, false);
        ratio.map_err(as_text)?;
        let done = self.resampler.process_into_buffer(&input, &mut into, None);
        let (_, count) = done.map_err(as_text)?;
        run.input.drain(..CHUNK * channels);
        run.at += CHUNK as f64 * run.ratio;
        let early = run.delay.min(count);
        run.delay -= early;
        self.ready
            .extend(&output[early * channels..count * channels]);
        self.written += (count - early) as u64;
        Ok(())
    }
}

impl Run {
    /// Where the next input belongs by the number of frames so far.
    fn next(&self, channels: usize) -> f64 {
        self.at + (self.input.len() / channels) as f64 * self.ratio
    }
}

fn as_text(error: impl std::fmt::Display) -> String {
    format!("resampling: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;
    /// Seconds between two packets, and frames in each.
    const PACKET: f64 = 0.02;
    const FRAMES: usize = 960;

    /// A click of 1 ms at the beginning of each second of a clock.
    fn clicks(from: usize) -> Vec<f32> {
        let on = |frame: usize| frame % RATE as usize / 48 == 0;
        (from..from + FRAMES).map(|f| f32::from(on(f))).collect()
    }

    /// Where clicks begin, in frames.
    fn onsets(samples: &[f32]) -> Vec<usize> {
        let loud = |n: usize| samples[n].abs() > 0.5;
        let begins = |n: &usize| loud(*n) && (*n == 0 || !loud(n - 1));
        (0..samples.len()).filter(begins).collect()
    }

    /// A clock that is fast by so much, in seconds, with timestamps in whole milliseconds.
    fn placed(seconds: usize, fast: f64, skip: impl Fn(usize) -> bool) -> Vec<f32> {
        let mut placer = Placer::new(RATE, 1).unwrap();
        for packet in (0..seconds * 50).filter(|n| !skip(*n)) {
            let at = packet as f64 * PACKET / (1.0 + fast);
            let at = (at * 1000.0).round() / 1000.0;
            placer.push(at, &clicks(packet * FRAMES)).unwrap();
        }
        let end = (seconds * RATE as usize) as u64;
        placer.finish(end).unwrap();
        assert_eq!(placer.frames() as u64, end);
        placer.take(placer.frames())
    }

    #[test]
    fn a_clock_that_is_right_is_followed_to_the_sample() {
        let samples = placed(5, 0.0, |_| false);
        let seconds: Vec<_> = (0..5).map(|n| n * RATE as usize).collect();
        assert_eq!(onsets(&samples), seconds);
    }

    #[test]
    fn a_clock_that_is_fast_stays_within_two_milliseconds() {
        for ppm in [-3000.0, -200.0, 200.0, 3000.0] {
            let fast = ppm / 1e6;
            let heard = onsets(&placed(60, fast, |_| false));
            assert!(heard.len() >= 59, "{ppm}: {heard:?}");
            for (second, frame) in heard.iter().enumerate() {
                let true_time = second as f64 / (1.0 + fast);
                let off = *frame as f64 / f64::from(RATE) - true_time;
                let limit = if ppm.abs() > 1000.0 { 0.008 } else { 0.002 };
                assert!(off.abs() < limit, "{ppm} ppm, second {second}: {off}");
            }
        }
    }

    #[test]
    fn what_is_missing_is_silence_and_the_rest_stays_at_its_time() {
        let samples = placed(5, 0.0, |packet| (60..180).contains(&packet));
        let rate = RATE as usize;
        assert_eq!(onsets(&samples), [0, rate, 4 * rate]);
        // The filter rings for as long as it is.
        let silent = 60 * FRAMES + FILTER..180 * FRAMES - FILTER;
        assert!(samples[silent].iter().all(|sample| *sample == 0.0));
    }

    #[test]
    fn what_comes_twice_is_heard_once() {
        let mut placer = Placer::new(RATE, 2).unwrap();
        for at in [0.0, 0.02, 0.0, 0.02, 0.04] {
            placer.push(at, &[0.25; FRAMES * 2]).unwrap();
        }
        placer.finish(3 * FRAMES as u64).unwrap();
        assert_eq!(placer.frames(), 3 * FRAMES);
    }
}
