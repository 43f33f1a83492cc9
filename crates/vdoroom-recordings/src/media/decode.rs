// SPDX-License-Identifier: MPL-2.0
//! The pipeline that decodes a file.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use gst::prelude::*;
use gst_video::prelude::*;

use super::{
    report::Report,
    track::{AudioTrack, VideoTrack},
    watch::{AudioSamples, Watch},
};

/// A decoder that shows nothing new for so long hangs.
const STALLED: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Notes<W> {
    video: Option<VideoTrack>,
    audio: Option<AudioTrack>,
    watch: W,
    further_tracks: usize,
    buffers: u64,
    errors: Vec<String>,
}

type Shared<W> = Arc<Mutex<Notes<W>>>;

fn lock<W>(notes: &Shared<W>) -> MutexGuard<'_, Notes<W>> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn decode<W: Watch>(path: &Path) -> (Report, W) {
    let mut report = Report::default();
    let mut watch = W::default();
    match std::fs::metadata(path) {
        Ok(metadata) => report.size = metadata.len(),
        Err(error) => report.errors.push(error.to_string()),
    }
    if report.errors.is_empty()
        && let Err(error) = run(path, &mut report, &mut watch)
    {
        report.errors.push(error);
    }
    (report, watch)
}

fn run<W: Watch>(path: &Path, report: &mut Report, watch: &mut W) -> Result<(), String> {
    gst::init().map_err(|error| error.to_string())?;
    let notes = Shared::<W>::default();
    let pipeline = gst::Pipeline::new();
    let make = |factory: &str| {
        let made = gst::ElementFactory::make(factory).build();
        made.map_err(|error| error.to_string())
    };
    let source = make("filesrc")?;
    source.set_property("location", path);
    let decoder = make("decodebin")?;
    pipeline
        .add_many([&source, &decoder])
        .map_err(|error| error.to_string())?;
    source.link(&decoder).map_err(|error| error.to_string())?;
    let (weak, to) = (pipeline.downgrade(), notes.clone());
    decoder.connect_pad_added(move |_, pad| {
        if let Some(pipeline) = weak.upgrade()
            && let Err(error) = take(&pipeline, pad, &to)
        {
            lock(&to).errors.push(error);
        }
    });
    configure_decoders(&pipeline);
    lock(&notes).watch.begin(&pipeline);
    pipeline
        .set_state(gst::State::Playing)
        .map_err(|error| error.to_string())?;
    let played = play(&pipeline, &notes, report);
    report.container = container(&decoder);
    report.declared_duration = pipeline.query_duration::<gst::ClockTime>();
    let _ = pipeline.set_state(gst::State::Null);
    let notes = std::mem::take(&mut *lock(&notes));
    *watch = conclude(notes, report);
    played
}

/// The name of what the type finder inside decodebin saw.
fn container(decoder: &gst::Element) -> Option<String> {
    let finder = decoder.downcast_ref::<gst::Bin>()?.by_name("typefind")?;
    let caps = finder.property::<Option<gst::Caps>>("caps")?;
    let name = match caps.structure(0)?.name().as_str() {
        "video/mpegts" => "MPEG-TS",
        "video/x-matroska" | "audio/x-matroska" => "Matroska",
        "video/webm" | "audio/webm" => "WebM",
        "video/quicktime" | "audio/x-m4a" => "MP4",
        other => other,
    };
    Some(name.into())
}

/// Has decoders hand out damaged frames too, so that they are seen and counted.
fn configure_decoders(pipeline: &gst::Pipeline) {
    pipeline.connect_deep_element_added(|_, _, element| {
        if element.has_property_with_type("output-corrupt", bool::static_type()) {
            element.set_property("output-corrupt", true);
        }
        // One thread: what one decoder does with damage must not depend on timing.
        if element.has_property_with_type("max-threads", i32::static_type()) {
            element.set_property("max-threads", 1);
        }
        if element
            .factory()
            .is_some_and(|factory| factory.name() == "multiqueue")
        {
            // A track that ends long before the other must not hold it up.
            element.set_property("max-size-time", 0u64);
            element.set_property("max-size-buffers", 0u32);
            element.set_property("max-size-bytes", 64u32 << 20);
        }
    });
}

fn play<W>(pipeline: &gst::Pipeline, notes: &Shared<W>, report: &mut Report) -> Result<(), String> {
    let bus = pipeline.bus().ok_or("no bus")?;
    let (mut seen, mut since) = (0, Instant::now());
    loop {
        let message = bus.timed_pop(gst::ClockTime::from_mseconds(500));
        let buffers = lock(notes).buffers;
        if buffers != seen {
            (seen, since) = (buffers, Instant::now());
        } else if since.elapsed() > STALLED {
            return Err(format!("decoding hangs after {seen} buffers"));
        }
        let Some(message) = message else {
            continue;
        };
        let who = message
            .src()
            .map(|src| src.name().to_string())
            .unwrap_or_default();
        match message.view() {
            gst::MessageView::Eos(_) => return Ok(()),
            gst::MessageView::Error(error) => return Err(format!("{who}: {}", error.error())),
            gst::MessageView::Warning(warning) => {
                report.errors.push(format!("{who}: {}", warning.error()));
            }
            gst::MessageView::Tag(tags) => note_codecs(&tags.tags(), notes),
            _ => {}
        }
    }
}

fn note_codecs<W>(tags: &gst::TagList, notes: &Shared<W>) {
    let mut notes = lock(notes);
    if let (Some(name), Some(track)) = (tags.get::<gst::tags::VideoCodec>(), &mut notes.video) {
        track.video.codec = name.get().into();
    }
    if let (Some(name), Some(track)) = (tags.get::<gst::tags::AudioCodec>(), &mut notes.audio) {
        track.audio.codec = name.get().into();
    }
}

fn take<W: Watch>(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    notes: &Shared<W>,
) -> Result<(), String> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let name = caps
        .structure(0)
        .map(|structure| structure.name().to_string());
    let name = name.unwrap_or_default();
    let (is_video, is_audio) = (name.starts_with("video/"), name.starts_with("audio/"));
    let first = {
        let mut notes = lock(notes);
        if is_video && notes.video.is_none() {
            notes.video = Some(VideoTrack::default());
            true
        } else if is_audio && notes.audio.is_none() {
            notes.audio = Some(AudioTrack::default());
            true
        } else {
            notes.further_tracks += 1;
            false
        }
    };
    let tail = match (first, is_video) {
        (true, true) => "videoconvert ! video/x-raw,format=GRAY8 ! appsink name=out sync=false",
        (true, false) => {
            "audioconvert ! audio/x-raw,format=S16LE,layout=interleaved \
             ! appsink name=out sync=false"
        }
        (false, _) => "fakesink sync=false",
    };
    let bin = gst::parse::bin_from_description(&format!("queue ! {tail}"), true)
        .map_err(|error| error.to_string())?;
    if let Some(sink) = bin
        .by_name("out")
        .and_then(|out| out.downcast::<gst_app::AppSink>().ok())
    {
        note_samples(&sink, is_video, notes);
    }
    pipeline.add(&bin).map_err(|error| error.to_string())?;
    bin.sync_state_with_parent()
        .map_err(|error| error.to_string())?;
    let entry = bin.static_pad("sink").ok_or("no sink pad")?;
    pad.link(&entry).map_err(|error| error.to_string())?;
    Ok(())
}

fn note_samples<W: Watch>(sink: &gst_app::AppSink, is_video: bool, notes: &Shared<W>) {
    let notes = notes.clone();
    sink.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let mut notes = lock(&notes);
                notes.buffers += 1;
                let noted = match is_video {
                    true => note_frame(&mut notes, &sample),
                    false => note_audio(&mut notes, &sample),
                };
                if noted.is_none() {
                    notes
                        .errors
                        .push("a decoded buffer without time or format".into());
                }
                Ok(gst::FlowSuccess::Ok)
            })
            .build(),
    );
}

fn running_time(sample: &gst::Sample) -> Option<gst::ClockTime> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    segment.to_running_time(sample.buffer()?.pts())
}

fn note_frame<W: Watch>(notes: &mut Notes<W>, sample: &gst::Sample) -> Option<()> {
    let buffer = sample.buffer()?;
    let info = gst_video::VideoInfo::from_caps(sample.caps()?).ok()?;
    let damaged = buffer.flags().contains(gst::BufferFlags::CORRUPTED);
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info).ok()?;
    let (track, time) = (notes.video.as_mut()?, running_time(sample)?);
    track.frame(time, damaged, (frame.width(), frame.height()));
    notes.watch.frame(time, &frame);
    Some(())
}

fn note_audio<W: Watch>(notes: &mut Notes<W>, sample: &gst::Sample) -> Option<()> {
    let format = sample.caps()?.structure(0)?;
    let rate = u32::try_from(format.get::<i32>("rate").ok()?).ok()?;
    let channels = u32::try_from(format.get::<i32>("channels").ok()?).ok()?;
    let map = sample.buffer()?.map_readable().ok()?;
    let samples: Vec<i16> = map
        .chunks_exact(2)
        .map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]]))
        .collect();
    let (track, time) = (notes.audio.as_mut()?, running_time(sample)?);
    let count = samples.len() as u64 / u64::from(channels.max(1));
    track.audio(time, count, channels, rate);
    let audio = AudioSamples {
        samples: &samples,
        channels,
        rate,
    };
    notes.watch.audio(time, audio);
    Some(())
}

fn conclude<W>(notes: Notes<W>, report: &mut Report) -> W {
    report.errors.extend(notes.errors);
    report.further_tracks = notes.further_tracks;
    let audio = notes.audio.map(|track| track.audio);
    report.audio = audio.filter(|audio| audio.samples > 0);
    let video = notes.video.map(|track| track.video);
    report.video = video.filter(|video| video.frames_decoded > 0);
    notes.watch
}
