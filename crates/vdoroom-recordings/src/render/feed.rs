// SPDX-License-Identifier: MPL-2.0
//! Pushes what a file is made of into its pipeline, each track from a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::export::{Audio, AudioWork, Output, Piece, Rate, Video, VideoWork as How};

use super::canvas::{self, Grid};
use super::codecs;
use super::decoded_audio::{DecodedAudio, frames};
use super::decoded_video::DecodedVideo;
use super::problems::{Failed, Problems};
use super::reader::{self, Kind, Reader};
use super::retime::{Change, Constant, Natural, Shown, bridged};
use super::settings::{Settings, Watch};

/// Frames of audio that are pushed at a time.
const STEP: usize = 4800;

/// What all threads of a file have.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub output: &'a Output,
    pub settings: &'a Settings,
    pub watch: &'a dyn Watch,
    pub problems: &'a Problems,
    /// Set when the pipeline has ended.
    pub stop: &'a AtomicBool,
}

/// Pushes all video, and ends the track.
pub fn video<'a>(context: Context<'a>, video: &'a Video, source: &gst_app::AppSrc) {
    let pushed = match &video.how {
        How::Copied { .. } => copy(context, &video.people, Kind::Video, source),
        How::Encoded { size, rate, .. } => {
            draw(context, &video.people, *size, *rate, source).map_err(Failed::from)
        }
    };
    end(context, pushed, source);
}

/// Pushes all audio, and ends the track.
pub fn audio(context: Context, audio: &Audio, source: &gst_app::AppSrc) {
    let pushed = match audio.how {
        AudioWork::Copied => copy(context, &audio.people, Kind::Audio, source),
        AudioWork::Encoded(codec) => {
            play(context, audio, codecs::delay(codec), source).map_err(Failed::from)
        }
    };
    end(context, pushed, source);
}

fn end(context: Context, pushed: Result<(), Failed>, source: &gst_app::AppSrc) {
    if let Err(error) = pushed {
        context.problems.fail(error);
        // There is no file: what else would go into it is not made.
        context.stop.store(true, Ordering::Relaxed);
    }
    let _ = source.end_of_stream();
}

/// Whether there is still somebody who takes it.
fn push(source: &gst_app::AppSrc, buffer: gst::Buffer) -> bool {
    source.push_buffer(buffer).is_ok()
}

fn copy(
    context: Context,
    people: &[Vec<Piece>],
    kind: Kind,
    source: &gst_app::AppSrc,
) -> Result<(), Failed> {
    for piece in people.iter().flatten() {
        let failed = |error: String| format!("{}: {error}", piece.file.display());
        let reader = Reader::coded(&piece.file, kind).map_err(failed)?;
        let mut known = None;
        loop {
            let sample = match reader.next(context.stop) {
                Ok(Some(sample)) => sample,
                Ok(None) => break,
                // What has been read is kept.
                Err(error) if known.is_some() => {
                    context.problems.add(failed(error));
                    break;
                }
                Err(error) => return Err(failed(error).into()),
            };
            // Not all multiplexers write how a track is turned.
            if known.is_none() && reader.is_turned() {
                return Err(Failed {
                    text: failed("it is turned by its tags".into()),
                    is_refused: true,
                });
            }
            if sample.caps_owned() != known {
                known = sample.caps_owned();
                source.set_caps(known.as_ref());
            }
            let Some(mut buffer) = sample.buffer_owned() else {
                continue;
            };
            let placed = |time: gst::ClockTime| {
                let at = reader::running_time(&sample, time)? + piece.zero;
                Some(gst::ClockTime::from_nseconds(
                    u64::try_from(at).unwrap_or(0),
                ))
            };
            let (pts, dts) = (buffer.pts().and_then(placed), buffer.dts().and_then(placed));
            let fields = buffer.make_mut();
            fields.set_pts(pts);
            fields.set_dts(dts);
            if !push(source, buffer) {
                return Ok(());
            }
            if let Some(pts) = pts {
                context.watch.at(pts.nseconds());
            }
        }
    }
    Ok(())
}

fn changes<'a>(
    context: Context<'a>,
    pieces: &'a [Piece],
    tail: &str,
) -> impl Iterator<Item = Change<gst::Sample>> + use<'a> {
    bridged(DecodedVideo::new(
        pieces,
        tail,
        context.problems,
        context.stop,
    ))
}

fn draw<'a>(
    context: Context<'a>,
    people: &'a [Vec<Piece>],
    size: (u32, u32),
    rate: Option<Rate>,
    source: &gst_app::AppSrc,
) -> Result<(), String> {
    let info = canvas::info(size)?;
    let empty = canvas::empty(context.settings.still.as_deref(), &info)?;
    let length = context.output.length;
    match (people, rate) {
        ([pieces], rate) => {
            let changes = changes(context, pieces, &canvas::fitting(size));
            let seen = |shown: Shown<gst::Sample>| {
                let frame = shown.frame.and_then(|sample| sample.buffer_owned());
                (
                    shown.at,
                    shown.duration,
                    frame.unwrap_or_else(|| empty.clone()),
                )
            };
            match rate {
                Some(rate) => {
                    let frames = Constant::new(changes, rate, length);
                    show(context, frames.map(seen), source)
                }
                None => show(context, Natural::new(changes, length).map(seen), source),
            }
        }
        (people, rate) => {
            let rate = rate.ok_or("a grid has no frame rate")?;
            let all = people.iter().map(|pieces| {
                let changes = changes(context, pieces, canvas::UPRIGHT);
                Constant::new(changes, rate, length)
            });
            let mut all: Vec<_> = all.collect();
            let mut grid = Grid::new(info, empty);
            let mut failed = Ok(());
            let frames = std::iter::from_fn(|| {
                let shown: Option<Vec<_>> = all.iter_mut().map(Iterator::next).collect();
                let shown = shown?;
                let (at, duration) = shown.first().map(|s| (s.at, s.duration))?;
                let there: Vec<_> = shown.into_iter().filter_map(|s| s.frame).collect();
                match grid.draw(&there) {
                    Ok(frame) => Some((at, duration, frame)),
                    Err(error) => {
                        failed = Err(error);
                        None
                    }
                }
            });
            show(context, frames, source)?;
            failed
        }
    }
}

/// Pushes frames with their times and durations.
fn show(
    context: Context,
    frames: impl Iterator<Item = (u64, u64, gst::Buffer)>,
    source: &gst_app::AppSrc,
) -> Result<(), String> {
    for (at, duration, mut frame) in frames {
        let fields = frame.make_mut();
        fields.set_pts(gst::ClockTime::from_nseconds(at));
        fields.set_dts(gst::ClockTime::NONE);
        fields.set_duration(gst::ClockTime::from_nseconds(duration));
        fields.unset_flags(gst::BufferFlags::DISCONT | gst::BufferFlags::CORRUPTED);
        if !push(source, frame) {
            break;
        }
        context.watch.at(at + duration);
    }
    Ok(())
}

/// Without the first frames: what comes out of the encoder is late by as many.
fn play(
    context: Context,
    audio: &Audio,
    delay: u64,
    source: &gst_app::AppSrc,
) -> Result<(), String> {
    let length = context.output.length;
    let mut decoded = DecodedAudio::new(audio, length, context.problems, context.stop)?;
    decoded.read(usize::try_from(delay).unwrap_or(0))?;
    let time = |frames: u64| {
        let ns = u128::from(frames) * 1_000_000_000 / u128::from(audio.rate.max(1));
        gst::ClockTime::from_nseconds(u64::try_from(ns).unwrap_or(u64::MAX))
    };
    let mut done = 0;
    let mut left = frames(length, audio.rate);
    while left > 0 {
        let mut samples = decoded.read(STEP)?;
        let count = left.min(STEP as u64);
        // As long as it is to be, whatever an encoder holds back.
        samples.resize(count as usize * audio.channels as usize, 0.0);
        let bytes: Vec<u8> = samples
            .iter()
            .flat_map(|s| s.clamp(-1.0, 1.0).to_le_bytes())
            .collect();
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        let fields = buffer.make_mut();
        fields.set_pts(time(done));
        fields.set_duration(time(done + count) - time(done));
        if !push(source, buffer) {
            break;
        }
        done += count;
        left -= count;
        if context.output.video.is_none() {
            context.watch.at(time(done).nseconds());
        }
    }
    Ok(())
}
