// SPDX-License-Identifier: MPL-2.0
//! One file of an export: its pipeline, or without one if it is a Broadcast Wave file.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use gst::prelude::*;

use crate::export::{Audio, AudioWork, Format, Output, Video, VideoWork};

use super::canvas;
use super::chapters;
use super::codecs;
use super::decoded_audio::DecodedAudio;
use super::feed::{self, Context};
use super::problems::{Failed, Problems};
use super::settings::{Settings, Watch};
use super::timecode;
use super::wav::{Layout, Wav};

const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(100);
/// Frames of audio that are written at a time.
const STEP: usize = 48_000;

/// Writes it; gives what of it is not as it should be.
pub fn write(
    output: &Output,
    path: &Path,
    settings: &Settings,
    watch: &dyn Watch,
) -> Result<Vec<String>, Failed> {
    let (problems, stop) = (Problems::default(), AtomicBool::new(false));
    let context = Context {
        output,
        settings,
        watch,
        problems: &problems,
        stop: &stop,
    };
    let made = match (output.format, &output.audio) {
        (Format::Wav, Some(audio)) => wav(context, audio, path).map_err(Failed::from),
        _ => multiplexed(context, path),
    };
    // What could not be read comes first: the rest follows from it.
    let problems = problems.conclude()?;
    made.map(|()| problems)
}

fn cancelled() -> String {
    "cancelled".into()
}

fn wav(context: Context, audio: &Audio, path: &Path) -> Result<(), String> {
    let output = context.output;
    let broadcast = timecode::broadcast(&output.who, output.start_utc, audio.rate);
    let layout = Layout {
        rate: audio.rate,
        channels: u16::try_from(audio.channels).unwrap_or(1),
        // Speech recognition wants 16 bits.
        bytes: if audio.rate == crate::export::RATE {
            3
        } else {
            2
        },
    };
    let mut decoded = DecodedAudio::new(audio, output.length, context.problems, context.stop)?;
    let failed = |error: std::io::Error| error.to_string();
    let mut wav = Wav::create(path, layout, &broadcast).map_err(failed)?;
    let mut done = 0;
    loop {
        let samples = decoded.read(STEP)?;
        if samples.is_empty() {
            break;
        }
        wav.write(&samples).map_err(failed)?;
        done += samples.len() as u64 / u64::from(audio.channels.max(1));
        context
            .watch
            .at(done.saturating_mul(1_000_000_000) / u64::from(audio.rate.max(1)));
        if context.watch.is_cancelled() {
            return Err(cancelled());
        }
    }
    wav.finish().map_err(failed)
}

fn multiplexed(context: Context, path: &Path) -> Result<(), Failed> {
    let line = description(context.output, context.settings)?;
    let pipeline = gst::parse::launch(&line).map_err(|e| codecs::explained(&e))?;
    let pipeline = pipeline
        .downcast::<gst::Pipeline>()
        .map_err(|_| "no pipeline")?;
    let sink = pipeline.by_name("file").ok_or("no filesink")?;
    sink.set_property("location", path);
    chapters::announce(&pipeline, context.output);
    let source = |name: &str| pipeline.by_name(name)?.downcast::<gst_app::AppSrc>().ok();
    let (video, audio) = (source("video"), source("audio"));
    if let (Some(source), Some(track)) = (&video, &context.output.video) {
        prepare_video(source, track)?;
        stamp(&pipeline, context.output, track);
        if track.how.is_copied() && context.output.format.is_movie() {
            last(&pipeline, context.output.length);
        }
    }
    if let (Some(source), Some(track)) = (&audio, &context.output.audio) {
        prepare_audio(source, track);
    }
    let ended = thread::scope(|scope| {
        if let (Some(source), Some(track)) = (&video, &context.output.video) {
            scope.spawn(move || feed::video(context, track, source));
        }
        if let (Some(source), Some(track)) = (&audio, &context.output.audio) {
            scope.spawn(move || feed::audio(context, track, source));
        }
        let ended = wait(&pipeline, context.watch);
        context.stop.store(true, Ordering::Relaxed);
        // Nobody waits any more for space in the pipeline.
        let _ = pipeline.set_state(gst::State::Null);
        ended
    });
    ended?;
    if let Err(error) = chapters::complete(path, context.output) {
        context.problems.add(error);
    }
    let file = std::fs::File::open(path).and_then(|file| file.sync_all());
    file.map_err(|e| e.to_string().into())
}

/// The pipeline in GStreamer's syntax.
fn description(output: &Output, settings: &Settings) -> Result<String, String> {
    let mut line = format!(
        "{} name=mux ! filesink name=file sync=false async=false",
        codecs::muxer(output.format)
    );
    let source = "format=time block=true max-bytes=0 max-time=0";
    if let Some(video) = &output.video {
        let elements = match &video.how {
            VideoWork::Copied { codec, .. } => codecs::parser(codec).to_owned(),
            VideoWork::Encoded { codec, .. } => {
                codecs::video(*codec, settings.quality, settings.hardware)?
            }
        };
        line += &format!(
            " appsrc name=video {source} max-buffers=4 ! {elements} ! identity name=stamp \
             silent=true ! mux."
        );
    }
    if let Some(audio) = &output.audio {
        let elements = match audio.how {
            AudioWork::Copied => codecs::parser("opus").to_owned(),
            AudioWork::Encoded(codec) => codecs::audio(codec, output.format, audio.channels),
        };
        line += &format!(" appsrc name=audio {source} max-buffers=16 ! {elements} ! mux.");
    }
    Ok(line)
}

fn prepare_video(source: &gst_app::AppSrc, video: &Video) -> Result<(), String> {
    let VideoWork::Encoded { size, rate, .. } = &video.how else {
        return Ok(());
    };
    let caps = canvas::info(*size)?.to_caps().map_err(|e| e.to_string())?;
    let mut caps = caps;
    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let rate = rate.map_or(gst::Fraction::new(0, 1), |rate| {
        gst::Fraction::new(number(rate.frames), number(rate.seconds))
    });
    caps.make_mut().set("framerate", rate);
    source.set_caps(Some(&caps));
    Ok(())
}

fn prepare_audio(source: &gst_app::AppSrc, audio: &Audio) {
    if audio.how == AudioWork::Copied {
        return;
    }
    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let mask = if audio.channels == 2 { 3u64 } else { 0 };
    let caps = gst::Caps::builder("audio/x-raw")
        .field("format", "F32LE")
        .field("layout", "interleaved")
        .field("rate", number(audio.rate))
        .field("channels", number(audio.channels))
        .field("channel-mask", gst::Bitmask::new(mask))
        .build();
    source.set_caps(Some(&caps));
}

/// Writes the time of day to the first frame, of which multiplexers make a timecode track.
fn stamp(pipeline: &gst::Pipeline, output: &Output, video: &Video) {
    let rate = match &video.how {
        VideoWork::Encoded { rate, .. } => *rate,
        VideoWork::Copied { .. } => None,
    };
    let timecode = timecode::timecode(output.start_utc, rate);
    let pad = pipeline
        .by_name("stamp")
        .and_then(|stamp| stamp.static_pad("src"));
    let (Some(timecode), Some(pad)) = (timecode, pad) else {
        return;
    };
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(buffer) = info.buffer_mut() else {
            return gst::PadProbeReturn::Ok;
        };
        gst_video::VideoTimeCodeMeta::add(buffer.make_mut(), &timecode);
        gst::PadProbeReturn::Remove
    });
}

/// Says of each frame how long it lasts, if its file and parser do not: without that, qtmux (1.22) ends
/// a track where its last frame begins. As long as the one before, but not beyond the part; of all but
/// the last, qtmux looks at the next.
fn last(pipeline: &gst::Pipeline, length: u64) {
    let stamp = pipeline.by_name("stamp");
    let Some(pad) = stamp.and_then(|stamp| stamp.static_pad("src")) else {
        return;
    };
    let known = Mutex::new((None::<gst::ClockTime>, None::<gst::ClockTime>));
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(buffer) = info.buffer_mut() else {
            return gst::PadProbeReturn::Ok;
        };
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, lasts) = *known;
        // B-frames are shown before what was sent before them.
        let since = buffer.pts().zip(before);
        let since = since.and_then(|(pts, before)| pts.checked_sub(before));
        let lasts = since.filter(|time| !time.is_zero()).or(lasts);
        *known = (buffer.pts(), lasts);
        if buffer.duration().is_none() {
            let at = buffer.pts().map_or(0, gst::ClockTime::nseconds);
            let left = gst::ClockTime::from_nseconds(length.saturating_sub(at));
            let lasts = lasts.map(|lasts| lasts.min(left.max(gst::ClockTime::MSECOND)));
            buffer.make_mut().set_duration(lasts);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Until the file is complete.
fn wait(pipeline: &gst::Pipeline, watch: &dyn Watch) -> Result<(), Failed> {
    let bus = pipeline.bus().ok_or("no bus")?;
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let failed = || match bus.pop_filtered(&kinds) {
        Some(message) => told(&message),
        None => "it cannot be written".into(),
    };
    if pipeline.set_state(gst::State::Playing).is_err() {
        return Err(failed());
    }
    while !watch.is_cancelled() {
        let Some(message) = bus.timed_pop_filtered(LOOK, &kinds) else {
            continue;
        };
        return match message.type_() {
            gst::MessageType::Eos => Ok(()),
            _ => Err(told(&message)),
        };
    }
    Err(cancelled().into())
}

fn told(message: &gst::Message) -> Failed {
    let who = message.src().map(|src| src.name().to_string());
    let who = who.unwrap_or_default();
    match message.view() {
        gst::MessageView::Error(error) => {
            let error = error.error();
            Failed {
                text: format!("{who}: {error}"),
                is_refused: error.is::<gst::StreamError>() || error.is::<gst::CoreError>(),
            }
        }
        _ => who.into(),
    }
}
